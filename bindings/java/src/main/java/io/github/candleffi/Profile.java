package io.github.candleffi;

import com.sun.jna.Pointer;
import java.util.ArrayList;
import java.util.List;

/** What a {@link Profiler} has recorded; times are in nanoseconds. */
public final class Profile extends NativeObject {
    Profile(long address) {
        super(new ProfileHandle(address));
        NativeMemory.made(NativeMemory.HANDLE);
    }

    private static final class ProfileHandle extends Handle {
        ProfileHandle(long address) {
            super(address, NativeMemory.HANDLE);
        }

        @Override
        String kind() {
            return "profile";
        }

        @Override
        void free(long address) {
            CandleLibrary.candle_profile_free(address);
        }
    }

    /**
     * A call, a range, a gradient or a kernel.
     *
     * @param name its name, such as "matmul"
     * @param within for a kernel, the name of what it was run for
     * @param kind what it stands for
     * @param thread the number of its thread; 0 is the one that began the recording
     * @param depth in how many other events of its thread it lies
     * @param startNs when it began
     * @param durationNs how long it lasted
     * @param selfNs the duration less that of other events inside
     * @param kernelNs the time of kernels inside
     * @param bytes the bytes of the values that were made inside
     * @param shapes the shapes of the tensors it was given, where they were recorded
     * @param dtypes the dtypes of those tensors
     */
    public record Event(String name, String within, ProfileKind kind, int thread, long depth,
        long startNs,
        long durationNs, long selfNs, long kernelNs, long bytes, List<List<Long>> shapes,
        List<DType> dtypes) {}

    /**
     * The events of one kind and name together.
     *
     * @param name their name
     * @param within for kernels, the name of what they were run for
     * @param kind what they stand for
     * @param calls how many there are
     * @param totalNs how long they lasted
     * @param selfNs the same less other events inside
     * @param kernelNs the time of kernels inside
     * @param longestNs what the longest of them took
     * @param bytes the bytes of the values that were made inside
     * @param event the number of the first of these events
     */
    public record Total(String name, String within, ProfileKind kind, long calls, long totalNs,
        long selfNs,
        long kernelNs, long longestNs, long bytes, long event) {}

    /**
     * Where the time went.
     *
     * @param wallNs how long the recording lasted: the sum of the next three
     * @param kernelNs what the thread that began the recording spent in kernels
     * @param checksNs what it spent in the library besides
     * @param outsideNs what it spent outside the library
     * @param calls the calls of that thread
     * @param otherCalls the calls of other threads
     * @param otherLibraryNs the time that other threads spent inside the library
     * @param workerNs the time that threads of the pool have helped with kernels
     * @param dropped the events for which there was no room
     */
    public record Summary(long wallNs, long kernelNs, long checksNs, long outsideNs, long calls,
        long otherCalls, long otherLibraryNs, long workerNs, long dropped) {}

    /**
     * The events, ordered by their start.
     *
     * @return the events
     */
    public List<Event> events() {
        try (Call call = Call.begin()) {
            long profile = call.use(this);
            long count = CandleLibrary.candle_profile_num_events(profile);
            long room = call.zeroed(Layouts.ProfileEvent.SIZE);
            Pointer event = new Pointer(room);
            List<Event> events = new ArrayList<>(Math.toIntExact(count));
            for (long at = 0; at < count; at++) {
                event.setLong(Layouts.ProfileEvent.STRUCT_SIZE, Layouts.ProfileEvent.SIZE);
                call.check(CandleLibrary.candle_profile_event(profile, at, room, call.error));
                long given = event.getLong(Layouts.ProfileEvent.NUM_SHAPES);
                List<List<Long>> shapes = new ArrayList<>();
                List<DType> dtypes = new ArrayList<>();
                for (long number = 0; number < given; number++) {
                    shapes.add(shape(profile, at, number));
                    dtypes.add(
                        DType.of(CandleLibrary.candle_profile_event_dtype(profile, at, number)));
                }
                events.add(new Event(
                    Call.string(event.getLong(Layouts.ProfileEvent.NAME)),
                    Call.string(event.getLong(Layouts.ProfileEvent.WITHIN)),
                    ProfileKind.of(event.getInt(Layouts.ProfileEvent.KIND)),
                    event.getInt(Layouts.ProfileEvent.THREAD),
                    event.getLong(Layouts.ProfileEvent.DEPTH),
                    event.getLong(Layouts.ProfileEvent.START_NS),
                    event.getLong(Layouts.ProfileEvent.DURATION_NS),
                    event.getLong(Layouts.ProfileEvent.SELF_NS),
                    event.getLong(Layouts.ProfileEvent.KERNEL_NS),
                    event.getLong(Layouts.ProfileEvent.BYTES),
                    List.copyOf(shapes), List.copyOf(dtypes)));
            }
            return events;
        }
    }

    private static List<Long> shape(long profile, long event, long number) {
        try (Call call = Call.begin()) {
            long rank = CandleLibrary.candle_profile_event_shape(profile, event, number, 0, 0);
            long sizes = call.reserve(rank * Long.BYTES);
            CandleLibrary.candle_profile_event_shape(profile, event, number, sizes, rank);
            List<Long> shape = new ArrayList<>();
            for (long size : Call.readLongs(sizes, rank)) {
                shape.add(size);
            }
            return shape;
        }
    }

    /**
     * Sums of the events of each name. PyTorch: {@code key_averages}
     *
     * @param byShapes whether other shapes have a sum of their own
     * @return the sums
     */
    public List<Total> totals(boolean byShapes) {
        try (Call call = Call.begin()) {
            long profile = call.use(this);
            long count = CandleLibrary.candle_profile_num_totals(profile, Call.flag(byShapes));
            long room = call.zeroed(Layouts.ProfileTotal.SIZE);
            Pointer total = new Pointer(room);
            List<Total> totals = new ArrayList<>(Math.toIntExact(count));
            for (long at = 0; at < count; at++) {
                total.setLong(Layouts.ProfileTotal.STRUCT_SIZE, Layouts.ProfileTotal.SIZE);
                call.check(CandleLibrary.candle_profile_total(
                    profile, Call.flag(byShapes), at, room, call.error));
                totals.add(new Total(
                    Call.string(total.getLong(Layouts.ProfileTotal.NAME)),
                    Call.string(total.getLong(Layouts.ProfileTotal.WITHIN)),
                    ProfileKind.of(total.getInt(Layouts.ProfileTotal.KIND)),
                    total.getLong(Layouts.ProfileTotal.CALLS),
                    total.getLong(Layouts.ProfileTotal.TOTAL_NS),
                    total.getLong(Layouts.ProfileTotal.SELF_NS),
                    total.getLong(Layouts.ProfileTotal.KERNEL_NS),
                    total.getLong(Layouts.ProfileTotal.LONGEST_NS),
                    total.getLong(Layouts.ProfileTotal.BYTES),
                    total.getLong(Layouts.ProfileTotal.EVENT)));
            }
            return totals;
        }
    }

    /**
     * Where the time went.
     *
     * @return the summary
     */
    public Summary summary() {
        try (Call call = Call.begin()) {
            long room = call.zeroed(Layouts.ProfileSummary.SIZE);
            Pointer summary = new Pointer(room);
            summary.setLong(Layouts.ProfileSummary.STRUCT_SIZE, Layouts.ProfileSummary.SIZE);
            call.check(CandleLibrary.candle_profile_summary(call.use(this), room, call.error));
            return new Summary(
                summary.getLong(Layouts.ProfileSummary.WALL_NS),
                summary.getLong(Layouts.ProfileSummary.KERNEL_NS),
                summary.getLong(Layouts.ProfileSummary.CHECKS_NS),
                summary.getLong(Layouts.ProfileSummary.OUTSIDE_NS),
                summary.getLong(Layouts.ProfileSummary.CALLS),
                summary.getLong(Layouts.ProfileSummary.OTHER_CALLS),
                summary.getLong(Layouts.ProfileSummary.OTHER_LIBRARY_NS),
                summary.getLong(Layouts.ProfileSummary.WORKER_NS),
                summary.getLong(Layouts.ProfileSummary.DROPPED));
        }
    }

    /**
     * The sums as a table.
     *
     * @return lines of text
     */
    public String table() {
        return table(new TableOptions());
    }

    /**
     * The sums as a table.
     *
     * @param options what need not be given
     * @return lines of text
     */
    public String table(TableOptions options) {
        try (Call call = Call.begin()) {
            long profile = call.use(this);
            long given = call.zeroed(Layouts.ProfileTableOptions.SIZE);
            call.put(given + Layouts.ProfileTableOptions.STRUCT_SIZE,
                Layouts.ProfileTableOptions.SIZE);
            call.put(given + Layouts.ProfileTableOptions.SORT, Call.code(options.sort, "sort"));
            call.put(given + Layouts.ProfileTableOptions.BY_SHAPES, Call.flag(options.byShapes));
            call.put(given + Layouts.ProfileTableOptions.KERNELS,
                Call.flag(options.kernels && !options.byShapes));
            call.put(given + Layouts.ProfileTableOptions.BYTES, Call.flag(true));
            call.put(given + Layouts.ProfileTableOptions.ROW_LIMIT, options.rowLimit);
            return call.text((text, capacity) -> {
                int status = CandleLibrary.candle_profile_table(
                    profile, given, text, capacity, call.out, call.error);
                call.check(status);
                return call.value(0);
            });
        }
    }

    /** Options of {@code table}. */
    public static final class TableOptions {
        private ProfileSort sort = ProfileSort.SELF_TIME;
        private boolean byShapes;
        private boolean kernels = true;
        private long rowLimit;

        /** The defaults. */
        public TableOptions() {}

        /**
         * The order of the rows; default: by the time less that of other rows inside.
         *
         * @param sort the order
         * @return these options
         */
        public TableOptions sort(ProfileSort sort) {
            this.sort = sort;
            return this;
        }

        /**
         * Whether other shapes have rows of their own; default: false.
         *
         * @param byShapes whether they have
         * @return these options
         */
        public TableOptions byShapes(boolean byShapes) {
            this.byShapes = byShapes;
            return this;
        }

        /**
         * Whether each kernel has a row below its operation; default: true, not with {@code
         * byShapes}.
         *
         * @param kernels whether it has
         * @return these options
         */
        public TableOptions kernels(boolean kernels) {
            this.kernels = kernels;
            return this;
        }

        /**
         * The most rows, less those of kernels; default: all.
         *
         * @param rowLimit the number of rows, 0 for all
         * @return these options
         */
        public TableOptions rowLimit(long rowLimit) {
            this.rowLimit = rowLimit;
            return this;
        }
    }

    /**
     * The names of the threads, by their numbers.
     *
     * @return the names
     */
    public List<String> threadNames() {
        try (Call call = Call.begin()) {
            long profile = call.use(this);
            long count = CandleLibrary.candle_profile_num_threads(profile);
            List<String> names = new ArrayList<>();
            for (long at = 0; at < count; at++) {
                long number = at;
                names.add(call.text((text, capacity) ->
                    CandleLibrary.candle_profile_thread_name(profile, number, text, capacity)));
            }
            return names;
        }
    }

    /**
     * Writes a trace, for Chrome and Perfetto.
     *
     * @param path the file
     */
    public void writeTrace(String path) {
        try (Call call = Call.begin()) {
            call.check(CandleLibrary.candle_profile_write_trace(call.use(this), call.text(path),
                call.error));
        }
    }
}
