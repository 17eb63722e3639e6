package io.github.candleffi;

/** The padding of a convolution by name. */
public enum Padding {
    /** As much as makes the output as large as the input, for a stride of 1. */
    SAME(CandleLibrary.CANDLE_PADDING_SAME),
    /** None. */
    VALID(CandleLibrary.CANDLE_PADDING_VALID);

    private final long code;

    Padding(long code) {
        this.code = code;
    }

    /** How C takes it in the place of sizes. */
    long[] sizes() {
        return new long[] {code};
    }
}
