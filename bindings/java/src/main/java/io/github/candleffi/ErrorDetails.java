package io.github.candleffi;

import java.util.List;

/** What an error tells besides its message; the code is null where only a newer library has it. */
record ErrorDetails(
    Status code,
    int number,
    String operation,
    List<List<Long>> shapes,
    List<DType> dtypes,
    List<Device> devices) {

    /** The details of an error that this package has found. */
    static ErrorDetails of(Status code, String operation) {
        return new ErrorDetails(code, code.code(), operation, List.of(), List.of(), List.of());
    }
}
