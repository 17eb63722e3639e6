package io.github.candleffi;

/** A value that has a number in C. */
interface Coded {
    /**
     * The number that C has for it.
     *
     * @return the number
     */
    int code();
}
