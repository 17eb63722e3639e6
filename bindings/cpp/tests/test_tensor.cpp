// Tensors: from data and back, copies, operators, indexing, errors.

#include <gtest/gtest.h>
#include <candle_ffi.hpp>

#include <array>
#include <cstdint>
#include <limits>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>
#if __cplusplus >= 202002L
#include <span>
#endif

using candle::DType;
using candle::Tensor;
using candle::tensor;
using Shape = std::vector<std::int64_t>;

namespace {

template <typename Number = double>
std::vector<Number> values(const Tensor &x) {
    return x.to_vector<Number>();
}

TEST(Tensor, IsMadeOfBracedLists) {
    EXPECT_EQ(tensor({1, 2, 3}).dtype(), candle::int64);
    EXPECT_EQ(tensor({1.0, 2.0}).dtype(), candle::float32);
    EXPECT_EQ(tensor({1.0F, 2.0F}).dtype(), candle::float32);
    EXPECT_EQ(tensor({true, false}).dtype(), DType::bool_);
    EXPECT_EQ(tensor({1, 2}, {candle::float64}).dtype(), candle::float64);
    const Tensor matrix = tensor({{1, 2, 3}, {4, 5, 6}});
    EXPECT_EQ(matrix.shape(), (Shape{2, 3}));
    EXPECT_EQ(values<std::int64_t>(matrix), (std::vector<std::int64_t>{1, 2, 3, 4, 5, 6}));
    const Tensor cube = tensor({{{1.0, 2.0}, {3.0, 4.0}}, {{5.0, 6.0}, {7.0, 8.0}}});
    EXPECT_EQ(cube.shape(), (Shape{2, 2, 2}));
    EXPECT_EQ(cube.get_item({1, 0, 1}).item(), 6.0);
    EXPECT_EQ(values(tensor({{true, false}, {false, true}})), (std::vector<double>{1, 0, 0, 1}));
    EXPECT_EQ(tensor(true).dtype(), DType::bool_);
    EXPECT_EQ(tensor(2.5).rank(), 0U);
    EXPECT_EQ(tensor(7).item<int>(), 7);
    EXPECT_THROW(tensor({{1, 2}, {3}}), candle::ShapeError);
    EXPECT_THROW(tensor({{{1, 2}}, {{3}}}), candle::ShapeError);
}

TEST(Tensor, IsMadeOfContainers) {
    const std::vector<float> vector = {1, 2, 3, 4};
    const std::array<double, 2> array = {0.5, 1.5};
    const std::int32_t plain[] = {7, 8, 9};
    EXPECT_EQ(Tensor::from_data(vector, {2, 2}).shape(), (Shape{2, 2}));
    EXPECT_EQ(Tensor::from_data(array, 2).dtype(), candle::float64);
    EXPECT_EQ(Tensor::from_data(plain, {3, 1}).dtype(), candle::int32);
    EXPECT_EQ(Tensor::from_data({1.0F, 2.0F}, {2}).dtype(), candle::float32);
    EXPECT_EQ(tensor(vector).shape(), (Shape{4}));
    EXPECT_EQ(tensor(array).dtype(), candle::float32) << "as torch.tensor";
#if __cplusplus >= 202002L
    EXPECT_EQ(values(tensor(std::span<const float>(vector).subspan(1, 2))),
              (std::vector<double>{2, 3}));
    EXPECT_EQ(candle::zeros(std::span<const std::int64_t>(Shape{2, 5})).shape(), (Shape{2, 5}));
#endif
    const std::uint16_t halves[] = {0x3C00, 0x4000};
    const Tensor half = Tensor::from_bytes(halves, sizeof halves, 2, candle::float16);
    EXPECT_EQ(values(half), (std::vector<double>{1, 2}));
    const Tensor column = Tensor::from_bytes(vector.data(), 12, 2, candle::float32, {}, 8);
    EXPECT_EQ(values(column), (std::vector<double>{1, 3}));
    EXPECT_THROW(Tensor::from_data(vector, {3, 3}), candle::InvalidArgumentError);
    EXPECT_THROW(Tensor::from_bytes(vector.data(), 16, {2, 2}, candle::float32, {}, 8),
                 candle::InvalidArgumentError);
}

TEST(Tensor, GivesItsElements) {
    const Tensor x = tensor({1.75, -2.25});
    EXPECT_EQ(values<float>(x), (std::vector<float>{1.75F, -2.25F}));
    EXPECT_EQ(values<std::int32_t>(x), (std::vector<std::int32_t>{1, -2})) << "converted";
    EXPECT_EQ(values<double>(x.transpose(0, 0)), (std::vector<double>{1.75, -2.25}));
    std::array<float, 2> room = {};
    x.copy_to(room);
    EXPECT_EQ(room[1], -2.25F);
    std::array<double, 2> wide = {};
    EXPECT_THROW(x.copy_to(wide), candle::DTypeError);
    std::array<float, 3> large = {};
    EXPECT_THROW(x.copy_to(large), candle::InvalidArgumentError);
    EXPECT_EQ(x[0].item<int>(), 1);
    EXPECT_FLOAT_EQ(x[1].item<float>(), -2.25F);
    EXPECT_TRUE((x[0] > 0.0).item<bool>());
    EXPECT_THROW(x.item(), candle::ShapeError);
}

TEST(Tensor, CopiesShareAndMovesTake) {
    Tensor x = tensor({1.0, 2.0});
    Tensor copy = x;
    copy += 1;
    EXPECT_EQ(values(x), (std::vector<double>{2, 3})) << "one tensor, two handles";
    const Tensor apart = x.clone();
    x.fill_(0);
    EXPECT_EQ(values(apart), (std::vector<double>{2, 3}));
    const Tensor taken = std::move(copy);
    EXPECT_FALSE(copy.defined());  // NOLINT: what a move leaves is promised
    EXPECT_TRUE(taken.defined());
    Tensor &same = x;
    x = same;
    EXPECT_TRUE(x.defined());
    x = std::move(same);
    x = taken;
    EXPECT_EQ(x.num_elements(), 2U);
}

TEST(Tensor, HasOperators) {
    const Tensor x = tensor({1.0, 2.0, 4.0});
    EXPECT_EQ(values(x + x), (std::vector<double>{2, 4, 8}));
    EXPECT_EQ(values(1 - x), (std::vector<double>{0, -1, -3}));
    EXPECT_EQ(values(2.0 * x / 4), (std::vector<double>{0.5, 1, 2}));
    EXPECT_EQ(values(-x), (std::vector<double>{-1, -2, -4}));
    EXPECT_EQ(values(x % 3), (std::vector<double>{1, 2, 1}));
    EXPECT_EQ(values(x == 2), (std::vector<double>{0, 1, 0}));
    EXPECT_EQ(values(2 != x), (std::vector<double>{1, 0, 1}));
    EXPECT_EQ(values(x < 2), (std::vector<double>{1, 0, 0}));
    EXPECT_EQ(values(x <= 2), (std::vector<double>{1, 1, 0}));
    EXPECT_EQ(values(x > 2), (std::vector<double>{0, 0, 1}));
    EXPECT_EQ(values(!(x >= 2)), (std::vector<double>{1, 0, 0}));
    EXPECT_EQ((tensor({1, 2}) + 1).dtype(), candle::int64) << "a number does not promote";
    Tensor y = tensor({1.0, 2.0});
    y += 1;
    y *= y;
    y -= 1.0;
    y /= 2;
    EXPECT_EQ(values(y), (std::vector<double>{1.5, 4}));
    EXPECT_EQ(y.version(), 4U);
}

TEST(Tensor, HasMethodsAndFunctions) {
    const Tensor x = tensor({{1.0, 5.0}, {7.0, 3.0}});
    EXPECT_EQ(values(x.matmul(x)), values(candle::matmul(x, x)));
    EXPECT_EQ(x.sum().item(), 16.0);
    EXPECT_EQ(values(x.sum(0)), (std::vector<double>{8, 8}));
    EXPECT_EQ(x.sum({0, 1}, true).shape(), (Shape{1, 1}));
    EXPECT_EQ(values(x.mean(-1)), (std::vector<double>{3, 5}));
    EXPECT_NEAR(x.std().item(), 2.5819889, 1e-6);
    const auto [largest, places] = x.topk(1);
    EXPECT_EQ(values(largest), (std::vector<double>{5, 7}));
    EXPECT_EQ(values<std::int64_t>(places), (std::vector<std::int64_t>{1, 0}));
    EXPECT_EQ(candle::cat({x, x}, 1).shape(), (Shape{2, 4}));
    EXPECT_EQ(candle::stack(std::vector<Tensor>{x, x, x}).shape(), (Shape{3, 2, 2}));
    const std::vector<Tensor> many = candle::arange(0, 40, 1).split(1);
    ASSERT_EQ(many.size(), 40U) << "more than a first guess";
    EXPECT_EQ(many[39].item<int>(), 39);
    EXPECT_EQ(values(candle::where(x > 4, x, 0.0)), (std::vector<double>{0, 5, 7, 0}));
    EXPECT_EQ(values(x.clamp(2.0, std::nullopt)), (std::vector<double>{2, 5, 7, 3}));
    const Tensor image = candle::ones({1, 1, 4, 4});
    EXPECT_EQ(image.conv2d(candle::ones({1, 1, 3, 3}), {}, 1, candle::Padding::same()).shape(),
              image.shape());
    EXPECT_EQ(image.conv2d(candle::ones({1, 1, 3, 3}), {}, {2, 1}, {1, 0}).shape(),
              (Shape{1, 1, 2, 2}));
}

TEST(Tensor, TellsWhatItIs) {
    const Tensor x = candle::zeros({2, 3}, candle::float64);
    EXPECT_EQ(x.rank(), 2U);
    EXPECT_EQ(x.num_elements(), 6U);
    EXPECT_EQ(x.size(-1), 3);
    EXPECT_THROW(x.size(2), candle::IndexError);
    EXPECT_EQ(x.strides(), (Shape{3, 1}));
    EXPECT_EQ(x.transpose(0, 1).strides(), (Shape{1, 3}));
    EXPECT_FALSE(x.transpose(0, 1).is_contiguous());
    EXPECT_EQ(x.device(), candle::Device("cpu"));
    EXPECT_EQ(x.device().name(), "cpu");
    EXPECT_EQ(candle::dtype_name(x.dtype()), "float64");
    EXPECT_EQ(candle::dtype_from_name("bfloat16"), candle::bfloat16);
    EXPECT_EQ(candle::dtype_promote(candle::int64, candle::float16), candle::float16);
    EXPECT_GT(candle::device_info("cpu").multiprocessor_count, 0);
    EXPECT_FALSE(candle::device_info("cpu").name.empty());
    EXPECT_LE(candle::device_memory("cpu").free, candle::device_memory("cpu").total);
    candle::device_synchronize("cpu");
    candle::device_empty_cache("cpu");
    candle::device_reset_peak_memory("cpu");
    EXPECT_THROW(candle::device_info({candle::DeviceKind::cpu, 1}), candle::DeviceError);
    EXPECT_THROW(candle::device_stream("cpu"), candle::UnsupportedError);
    EXPECT_FALSE(x.is_pinned());
    EXPECT_THROW(candle::backend_load("/nowhere/libcandle_ffi.so.0"), candle::IoError);
    EXPECT_EQ(candle::abi_version() >= CANDLE_FFI_ABI_VERSION, true);
}

TEST(Tensor, IsIndexed) {
    using candle::slice;
    Tensor x = candle::arange(0, 12, 1).reshape({3, 4});
    EXPECT_EQ(values(x[0]), (std::vector<double>{0, 1, 2, 3}));
    EXPECT_EQ(values(x[-1][slice(1, 3)]), (std::vector<double>{9, 10}));
    EXPECT_EQ(values(x.get_item({slice(), slice(std::nullopt, std::nullopt, 3)})),
              (std::vector<double>{0, 3, 4, 7, 8, 11}));
    EXPECT_EQ(x.get_item({candle::new_axis(), candle::ellipsis(), 0}).shape(), (Shape{1, 3}));
    x.set_item({slice(0, 2), 1}, -1);
    EXPECT_EQ(values(x.select(1, 1)), (std::vector<double>{-1, -1, 9}));
    x.set_item({0}, candle::tensor({4, 3, 2, 1}));
    x[0] += 1;
    EXPECT_EQ(values(x[0]), (std::vector<double>{5, 4, 3, 2}));
    static_assert(!std::is_assignable_v<Tensor, Tensor>, "x[0] = y would change nothing");
    EXPECT_THROW(x[3], candle::IndexError);
}

TEST(Errors, CarryTheirFields) {
    const Tensor a = candle::zeros({2, 3});
    try {
        a.matmul(a);
        FAIL() << "shapes that do not fit";
    } catch (const candle::Error &error) {
        EXPECT_EQ(error.code(), candle::Status::error_shape);
        EXPECT_EQ(candle::status_name(error.code()), "CANDLE_ERROR_SHAPE");
        EXPECT_EQ(error.operation(), "matmul");
        EXPECT_EQ(error.shapes(), (std::vector<Shape>{{2, 3}, {2, 3}}));
        EXPECT_NE(std::string(error.what()).find("[2, 3]"), std::string::npos);
        EXPECT_NE(dynamic_cast<const candle::ShapeError *>(&error), nullptr);
    }
    try {
        tensor({1, 2}).set_requires_grad();
        FAIL() << "integers have no gradient";
    } catch (const candle::DTypeError &error) {
        EXPECT_EQ(error.dtypes(), std::vector<DType>{candle::int64});
    }
    EXPECT_THROW(candle::Device("cuda:99"), candle::DeviceError);
    EXPECT_THROW(candle::Device("tpu"), candle::DeviceError);
    EXPECT_THROW(a.sum(5), candle::IndexError);
    EXPECT_THROW(a.reshape({-1, -1}), candle::Error);
    EXPECT_THROW(candle::zeros({std::int64_t(1) << 40, std::int64_t(1) << 20}),
                 candle::OutOfMemoryError);
    EXPECT_THROW(candle::TensorMap::load("/no/such/file"), candle::IoError);
    EXPECT_THROW(candle::dtype_from_name("\xff"), candle::InvalidUtf8Error);
    EXPECT_THROW(candle::zeros({1}).clamp(2.0, 1.0).softshrink(-1.0), std::runtime_error);
}

TEST(Errors, TellOfTensorsThatAreNotThere) {
    const Tensor none;
    EXPECT_THROW(none.relu(), candle::NullPointerError);
    EXPECT_THROW(tensor({1.0}) + Tensor(), candle::NullPointerError);
    EXPECT_THROW(none.shape(), candle::NullPointerError);
    EXPECT_EQ(none.rank(), 0U);
    EXPECT_FALSE(Tensor(none).defined()) << "a copy of none is none";
}

TEST(Threads, ShareConstTensors) {
    const Tensor x = candle::ones({64, 64});
    std::vector<std::thread> threads;
    std::array<double, 8> sums = {};
    for (double &sum : sums) {
        threads.emplace_back([&x, &sum] {
            const candle::NoGrad no_grad;
            const Tensor mine = x;
            sum = (mine.matmul(x) + x).sum().item();
        });
    }
    for (std::thread &thread : threads) {
        thread.join();
    }
    for (const double sum : sums) {
        EXPECT_EQ(sum, 64.0 * 64 * 65);
    }
}

}  // namespace
