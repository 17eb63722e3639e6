// CUDA graphs: what they are without a device, and with one.

#include <gtest/gtest.h>
#include <candle_ffi.hpp>

namespace {

TEST(Graph, IsOfACudaDevice) {
    candle::Graph graph;
    EXPECT_THROW(graph.begin(candle::Device("cpu")), candle::UnsupportedError);
    EXPECT_THROW(graph.replay(), candle::InvalidArgumentError);
    EXPECT_THROW(graph.end(), candle::InvalidArgumentError);
    EXPECT_FALSE(candle::device_is_capturing(candle::Device("cpu")));
    graph.reset();
}

TEST(Graph, DoesAgainWhatWasCaptured) {
    if (!candle::device_is_available(candle::DeviceKind::cuda)) {
        GTEST_SKIP() << "there is no CUDA device";
    }
    const candle::Device device("cuda");
    candle::Tensor x = candle::ones({3}, candle::DType::float32, device);
    candle::Graph graph;
    candle::GraphCapture capture(graph, device);
    const candle::Tensor y = x + 1.0;
    capture.end();
    x.fill_(4.0);
    graph.replay();
    EXPECT_EQ(y.sum().item<double>(), 15.0);
    candle::Graph second;
    candle::GraphCapture sharing(second, device, graph);
    const candle::Tensor z = y + 1.0;
    sharing.end();
    second.replay();
    EXPECT_EQ(z.sum().item<double>(), 18.0);
    {
        const candle::GraphCapture left(graph = candle::Graph(), device);
        EXPECT_TRUE(candle::device_is_capturing(device));
    }
    EXPECT_FALSE(candle::device_is_capturing(device));
}

}  // namespace
