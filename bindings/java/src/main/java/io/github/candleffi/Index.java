package io.github.candleffi;

/**
 * An item of an index, as in Python: an integer, a slice, an ellipsis or a new axis.
 *
 * <pre>{@code x.getItem(Index.slice(1, 3), Index.at(0))}</pre>
 */
public final class Index {
    private final IndexKind kind;
    private final Long start;
    private final Long stop;
    private final long step;

    private Index(IndexKind kind, Long start, Long stop, long step) {
        this.kind = kind;
        this.start = start;
        this.stop = stop;
        this.step = step;
    }

    /**
     * One entry: {@code x[position]}. The dimension goes away.
     *
     * @param position the position; a negative one counts from the end
     * @return the item
     */
    public static Index at(long position) {
        return new Index(IndexKind.INTEGER, position, null, 1);
    }

    /**
     * A whole dimension: {@code x[:]}.
     *
     * @return the item
     */
    public static Index all() {
        return new Index(IndexKind.SLICE, null, null, 1);
    }

    /**
     * The entries of a range: {@code x[start:stop]}.
     *
     * @param start the first, or null
     * @param stop the one after the last, or null
     * @return the item
     */
    public static Index slice(Long start, Long stop) {
        return slice(start, stop, 1);
    }

    /**
     * The entries of a range: {@code x[start:stop]}.
     *
     * @param start the first
     * @param stop the one after the last
     * @return the item
     */
    public static Index slice(long start, long stop) {
        return slice(start, stop, 1);
    }

    /**
     * Each {@code step}-th of the entries of a range: {@code x[start:stop:step]}.
     *
     * @param start the first, or null
     * @param stop the one after the last, or null
     * @param step the distance between them, at least 1
     * @return the item
     */
    public static Index slice(Long start, Long stop, long step) {
        return new Index(IndexKind.SLICE, start, stop, step);
    }

    /**
     * The entries from a position on: {@code x[start:]}.
     *
     * @param start the first
     * @return the item
     */
    public static Index from(long start) {
        return slice(start, null, 1);
    }

    /**
     * The entries before a position: {@code x[:stop]}.
     *
     * @param stop the one after the last
     * @return the item
     */
    public static Index to(long stop) {
        return slice(null, stop, 1);
    }

    /**
     * All dimensions that no other item takes: {@code x[...]}.
     *
     * @return the item
     */
    public static Index ellipsis() {
        return new Index(IndexKind.ELLIPSIS, null, null, 1);
    }

    /**
     * A new dimension of size 1: {@code x[None]}.
     *
     * @return the item
     */
    public static Index newAxis() {
        return new Index(IndexKind.NEW_AXIS, null, null, 1);
    }

    /** The address of items as C has them. */
    static long write(Call call, Index[] items) {
        long address = call.zeroed(Layouts.Index.SIZE * items.length);
        for (int at = 0; at < items.length; at++) {
            Index item = items[at];
            long to = address + Layouts.Index.SIZE * at;
            call.put(to + Layouts.Index.KIND, item.kind.code());
            call.put(to + Layouts.Index.HAS_START, Call.flag(item.start != null));
            call.put(to + Layouts.Index.HAS_STOP, Call.flag(item.stop != null));
            call.put(to + Layouts.Index.START, item.start != null ? item.start : 0L);
            call.put(to + Layouts.Index.STOP, item.stop != null ? item.stop : 0L);
            call.put(to + Layouts.Index.STEP, item.step);
        }
        return address;
    }
}
