package io.github.candleffi;

import java.util.List;

/** A call that failed: its message, and what it was about. Each code has a class of its own. */
public class CandleException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /** Is gone in an exception that was written and read as an object. */
    private final transient ErrorDetails details;

    CandleException(String message, ErrorDetails details) {
        super(message);
        this.details = details;
    }

    private ErrorDetails details() {
        return details != null ? details : ErrorDetails.of(Status.ERROR_INTERNAL, "");
    }

    /**
     * The code.
     *
     * @return the code; null when only a library newer than this package has it
     */
    public Status code() {
        return details().code();
    }

    /**
     * The number of the code.
     *
     * @return the number
     */
    public int number() {
        return details().number();
    }

    /**
     * The operation that failed, such as "matmul".
     *
     * @return its name
     */
    public String operation() {
        return details().operation();
    }

    /**
     * The shapes it was about.
     *
     * @return the shapes
     */
    public List<List<Long>> shapes() {
        return details().shapes();
    }

    /**
     * The dtypes it was about.
     *
     * @return the dtypes
     */
    public List<DType> dtypes() {
        return details().dtypes();
    }

    /**
     * The devices it was about.
     *
     * @return the devices
     */
    public List<Device> devices() {
        return details().devices();
    }
}
