package io.github.candleffi;

/** An object that was used after it was closed. */
public final class ClosedException extends InvalidHandleException {
    private static final long serialVersionUID = 1L;

    ClosedException(String kind) {
        super("the " + kind + " is closed", ErrorDetails.of(Status.ERROR_INVALID_HANDLE, ""));
    }
}
