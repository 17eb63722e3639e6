package io.github.candleffi;

/**
 * Work of a CUDA device that was captured, to be done again by one launch: on the tensors that it
 * was captured with, with what is in them then. It keeps the memory that it uses.
 *
 * <p>PyTorch: {@code torch.cuda.CUDAGraph}
 */
public final class Graph extends NativeObject {
    private Graph(long address) {
        super(new GraphHandle(address));
        NativeMemory.made(NativeMemory.HANDLE);
    }

    /**
     * An empty graph.
     *
     * @return the graph
     */
    public static Graph empty() {
        try (Call call = Call.begin()) {
            call.check(CandleLibrary.candle_graph_new(call.out, call.error));
            return new Graph(call.address());
        }
    }

    private static final class GraphHandle extends Handle {
        GraphHandle(long address) {
            super(address, NativeMemory.HANDLE);
        }

        @Override
        String kind() {
            return "graph";
        }

        @Override
        void free(long address) {
            CandleLibrary.candle_graph_free(address);
        }
    }

    /**
     * Runs work and captures what it gives the device to do, which is not done now. Other threads
     * that want to use the device wait meanwhile. Where the work fails, or does what a graph cannot,
     * the graph is empty.
     *
     * @param device the device
     * @param work what is captured
     */
    public void capture(Device device, Runnable work) {
        capture(device, null, work);
    }

    /**
     * The same with the memory of a graph that was captured before: the two are replayed in the order
     * in which they were captured.
     *
     * @param device the device
     * @param sharing the other graph, or null
     * @param work what is captured
     */
    public void capture(Device device, Graph sharing, Runnable work) {
        try (Call call = Call.begin()) {
            call.check(CandleLibrary.candle_graph_begin(call.use(this), device.kind().code(),
                device.index(), call.use(sharing), call.error));
        }
        boolean done = false;
        try {
            work.run();
            done = true;
        } finally {
            if (!done) {
                reset();
            }
        }
        try (Call call = Call.begin()) {
            call.check(CandleLibrary.candle_graph_end(call.use(this), call.error));
        }
    }

    /** Does all that was captured once more; nothing waits for it. */
    public void replay() {
        try (Call call = Call.begin()) {
            call.check(CandleLibrary.candle_graph_replay(call.use(this), call.error));
        }
    }

    /** Makes the graph empty, so that it can be captured again. */
    public void reset() {
        try (Call call = Call.begin()) {
            call.check(CandleLibrary.candle_graph_reset(call.use(this), call.error));
        }
    }
}
