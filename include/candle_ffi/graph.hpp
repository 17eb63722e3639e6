/// @file
/// CUDA graphs.

#ifndef CANDLE_FFI_GRAPH_HPP
#define CANDLE_FFI_GRAPH_HPP

#include <candle_ffi/device.hpp>
#include <candle_ffi/handle.hpp>

namespace candle {

/// Whether this thread captures a graph on a device.
inline bool device_is_capturing(Device device) noexcept {
    return candle_device_is_capturing(detail::code(device.kind()), device.index()) != 0;
}

/// Work of a CUDA device that was captured, to be done again by one launch. `GraphCapture` captures
/// it; PyTorch: `torch.cuda.CUDAGraph`.
class Graph {
public:
    /// An empty graph.
    Graph() {
        detail::Call call;
        CandleGraph *out = nullptr;
        call.check(candle_graph_new(&out, call.error()));
        handle_ = Handle(out);
    }

    /// Begins to capture what this thread gives a device to do; it is not done now.
    void begin(Device device) { begin(device, nullptr); }
    /// The same with the memory of a graph that was captured before: the two are replayed in the
    /// order in which they were captured.
    void begin(Device device, const Graph &sharing) { begin(device, sharing.handle()); }
    /// Ends the capture; where it has failed this throws, and the graph is empty.
    void end() {
        detail::Call call;
        call.check(candle_graph_end(handle(), call.error()));
    }
    /// Does all that was captured once more; nothing waits for it.
    void replay() const {
        detail::Call call;
        call.check(candle_graph_replay(handle(), call.error()));
    }
    /// Makes the graph empty, so that it can be captured again.
    void reset() {
        detail::Call call;
        call.check(candle_graph_reset(handle(), call.error()));
    }

    /// The handle, for functions of C that read.
    const CandleGraph *handle() const noexcept { return handle_.get(); }
    /// The handle, for functions of C that write.
    CandleGraph *handle() noexcept { return handle_.get(); }

private:
    using Handle = detail::Owner<CandleGraph, candle_graph_free>;

    void begin(Device device, const CandleGraph *sharing) {
        detail::Call call;
        call.check(candle_graph_begin(handle(), detail::code(device.kind()), device.index(),
                                      sharing, call.error()));
    }

    Handle handle_;
};

/// Captures a graph for its scope: `end` ends the capture, and a scope that is left before, as by an
/// exception, gives it up.
class GraphCapture {
public:
    /// Begins to capture.
    GraphCapture(Graph &graph, Device device) : graph_(&graph) { graph.begin(device); }
    /// The same with the memory of a graph that was captured before.
    GraphCapture(Graph &graph, Device device, const Graph &sharing) : graph_(&graph) {
        graph.begin(device, sharing);
    }
    GraphCapture(const GraphCapture &) = delete;
    GraphCapture &operator=(const GraphCapture &) = delete;
    ~GraphCapture() {
        if (graph_ != nullptr) {
            candle_graph_reset(graph_->handle(), nullptr);
        }
    }
    /// Ends the capture; where it has failed this throws.
    void end() {
        Graph *graph = graph_;
        graph_ = nullptr;
        graph->end();
    }

private:
    Graph *graph_;
};

}  // namespace candle

#endif  // CANDLE_FFI_GRAPH_HPP
