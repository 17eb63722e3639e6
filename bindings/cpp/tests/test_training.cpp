// Gradients, hooks, layers, optimizers, files, random numbers.

#include <gtest/gtest.h>
#include <candle_ffi.hpp>

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace nn = candle::nn;
namespace optim = candle::optim;
using candle::Module;
using candle::Optimizer;
using candle::Tensor;
using candle::tensor;
using Shape = std::vector<std::int64_t>;

// Of the other unit of this program.
double sum_of_squares(const Tensor &x);

namespace {

Tensor leaf(std::initializer_list<double> values) {
    return tensor(values, {candle::float32, {}, true});
}

std::vector<double> values(const Tensor &x) { return x.to_vector<double>(); }

/// A file that is removed with its scope.
struct TemporaryFile {
    std::string path = testing::TempDir() + "candle_ffi_cpp.safetensors";
    ~TemporaryFile() { std::remove(path.c_str()); }
};

TEST(Gradients, FlowBack) {
    const Tensor x = leaf({1, 2, 3});
    EXPECT_TRUE(x.is_leaf());
    EXPECT_FALSE(x.grad().defined());
    const Tensor y = (x * x).sum();
    EXPECT_EQ(y.grad_fn_name(), "sum");
    y.backward();
    EXPECT_EQ(values(x.grad()), (std::vector<double>{2, 4, 6}));
    EXPECT_THROW(y.backward(), candle::GraphError) << "the record is gone";
    (x * 2).backward(tensor({1.0, 0.0, 1.0}));
    EXPECT_EQ(values(x.grad()), (std::vector<double>{4, 4, 8})) << "gradients add up";
    Tensor again = x;
    again.set_grad({});
    EXPECT_FALSE(x.grad().defined());
}

TEST(Gradients, AreTakenOfAnyTensor) {
    const Tensor x = leaf({3});
    const Tensor unused = leaf({1});
    const Tensor cube = (x * x * x).sum();
    const std::vector<Tensor> first = candle::grad({cube}, {x}, {}, true, true);
    EXPECT_EQ(first.at(0).item(), 27.0);
    EXPECT_EQ(candle::grad({first[0].sum()}, {x}).at(0).item(), 18.0) << "the second derivative";
    const Tensor square = (x * x).sum();
    EXPECT_THROW(candle::grad({square}, {x, unused}), candle::GraphError);
    const std::vector<Tensor> both =
        candle::grad({(x * x).sum()}, {x, unused}, {}, false, false, true);
    EXPECT_EQ(both.at(0).item(), 6.0);
    EXPECT_FALSE(both.at(1).defined());
    EXPECT_THROW(candle::grad({x * 2}, {x}, {x, x}), candle::InvalidArgumentError);
}

TEST(Gradients, AreSwitchedByScope) {
    const Tensor x = leaf({1});
    EXPECT_TRUE(candle::is_grad_enabled());
    {
        const candle::NoGrad no_grad;
        EXPECT_FALSE((x * 2).requires_grad());
        {
            const candle::EnableGrad grad;
            EXPECT_TRUE((x * 2).requires_grad());
        }
        EXPECT_FALSE(candle::is_grad_enabled());
    }
    EXPECT_TRUE((x * 2).requires_grad());
}

TEST(Hooks, SeeAndReplaceGradients) {
    const Tensor x = leaf({1, 2});
    int calls = 0;
    const std::uint64_t seen = x.register_hook([&calls](const Tensor &gradient) {
        calls++;
        EXPECT_EQ(gradient.num_elements(), 2U);
    });
    const std::uint64_t doubled =
        x.register_hook([](const Tensor &gradient) { return gradient * 2; });
    x.sum().backward();
    EXPECT_EQ(calls, 1);
    EXPECT_EQ(values(x.grad()), (std::vector<double>{2, 2}));
    x.remove_hook(seen);
    x.remove_hook(doubled);
    x.sum().backward();
    EXPECT_EQ(calls, 1);
    EXPECT_EQ(values(x.grad()), (std::vector<double>{3, 3}));
}

TEST(Hooks, ThrowThroughBackward) {
    const Tensor x = leaf({1});
    const std::uint64_t id =
        x.register_hook([](const Tensor &) { throw std::out_of_range("of the hook"); });
    try {
        x.sum().backward();
        FAIL() << "the hook throws";
    } catch (const std::out_of_range &error) {
        EXPECT_STREQ(error.what(), "of the hook");
    }
    x.remove_hook(id);
    EXPECT_THROW(tensor({1.0}).register_hook([](const Tensor &) {}), candle::GraphError);
}

TEST(Modules, AreMadeOfLayers) {
    candle::manual_seed(1);
    Module model = nn::sequential({nn::conv2d(1, 4, 3, 1, 1), nn::batch_norm2d(4), nn::relu(),
                                   nn::max_pool2d(2), nn::flatten(), nn::dropout(0.5),
                                   nn::linear(4 * 4 * 4, 3)});
    EXPECT_EQ(model.name(), "Sequential");
    EXPECT_EQ(model(candle::rand({2, 1, 8, 8})).shape(), (Shape{2, 3}));
    EXPECT_EQ(model.num_parameters(), 6U);
    EXPECT_EQ(model.parameter_name(0), "0.weight");
    EXPECT_EQ(model.named_parameters().back().first, "6.bias");
    EXPECT_EQ(model.get_parameter("6.weight").shape(), (Shape{3, 64}));
    EXPECT_EQ(model.num_buffers(), 3U);
    EXPECT_EQ(model.get_buffer(model.buffer_name(0)).shape(), (Shape{4}));
    model.eval();
    const Tensor x = candle::rand({2, 1, 8, 8});
    EXPECT_EQ(values(model(x)), values(model(x))) << "no dropout";
    const Module share = model;
    share.get_parameter("6.bias").set_requires_grad(false);
    EXPECT_FALSE(model.get_parameter("6.bias").requires_grad());
    EXPECT_THROW(model(candle::rand({2, 2, 8, 8})), candle::ShapeError);
    EXPECT_THROW(Module()(x), candle::NullPointerError);
    EXPECT_EQ(nn::module_dict({{"a", nn::linear(1, 1)}}).parameter_name(1), "a.bias");
    EXPECT_EQ(nn::module_list({nn::linear(1, 1), nn::linear(1, 1)}).parameter_name(2), "1.weight");
}

TEST(Modules, TakeAndGiveSeveralTensors) {
    const Module lstm = nn::lstm(3, 5, 2);
    const std::vector<Tensor> out = lstm.forward_many({candle::rand({7, 2, 3})});
    ASSERT_EQ(out.size(), 3U);
    EXPECT_EQ(out[0].shape(), (Shape{7, 2, 5}));
    EXPECT_EQ(out[1].shape(), (Shape{2, 2, 5}));
    EXPECT_EQ(lstm.forward_many({candle::rand({7, 2, 3}), out[1], out[2]}).size(), 3U);
}

TEST(Files, KeepModulesAndTensors) {
    const TemporaryFile file;
    const Module model = nn::sequential({nn::linear(2, 3), nn::tanh(), nn::linear(3, 1)});
    model.save(file.path);
    Module other = nn::sequential({nn::linear(2, 3), nn::tanh(), nn::linear(3, 1)});
    const Tensor x = candle::rand({4, 2});
    EXPECT_NE(values(other(x)), values(model(x)));
    other.load(file.path);
    EXPECT_EQ(values(other(x)), values(model(x)));
    Module wrong = nn::linear(2, 3);
    EXPECT_THROW(wrong.load(file.path), candle::StateDictError);
    wrong.load_state_dict(nn::linear(2, 3).state_dict());

    candle::TensorMap map;
    map.insert("b", tensor({1, 2}));
    map.insert("a", tensor({0.5}));
    map.set_metadata("made by", "a test");
    map.save(file.path);
    const candle::TensorMap back = candle::TensorMap::load(file.path);
    EXPECT_EQ(back.size(), 2U);
    EXPECT_EQ(back.names(), (std::vector<std::string>{"a", "b"}));
    EXPECT_EQ(back["a"].item(), 0.5);
    EXPECT_EQ(back.at(0).dtype(), back[back.name(0)].dtype());
    ASSERT_EQ(back.num_metadata(), 1U);
    EXPECT_EQ(back.metadata_key(0) + " " + back.metadata_value(0), "made by a test");
    EXPECT_THROW(back["c"], candle::Error);
    std::ofstream(file.path) << "no safetensors";
    EXPECT_THROW(candle::TensorMap::load(file.path), candle::FileFormatError);
}

TEST(Optimizers, LearnARegression) {
    candle::manual_seed(0);
    const Tensor x = candle::rand({64, 2});
    const Tensor y = x.matmul(tensor({{2.0}, {3.0}}));
    const Module model = nn::linear(2, 1);
    optim::AdamOptions options;
    options.lr = 0.1;
    Optimizer optimizer = optim::adam(model.parameters(), options);
    EXPECT_EQ(optimizer.name(), "Adam");
    EXPECT_EQ(optimizer.get_option("lr"), 0.1);
    double loss = 0.0;
    for (int step = 0; step < 500; step++) {
        optimizer.zero_grad();
        const Tensor error = candle::mse_loss(model(x), y);
        error.backward();
        optimizer.step();
        loss = error.item();
    }
    EXPECT_LT(loss, 1e-3);
    optimizer.set_options({{"lr", 0.5}, {"eps", 1e-4}});
    EXPECT_EQ(optimizer.get_option("lr"), 0.5);
    EXPECT_THROW(optimizer.set_options({{"lr", -1.0}}), candle::InvalidArgumentError);
    EXPECT_EQ(optimizer.params().size(), 2U);
    optimizer.add_param_group({leaf({1})});
    EXPECT_EQ(optimizer.num_groups(), 2U);
    ASSERT_FALSE(optimizer.state_names().empty());
    for (const std::string &name : optimizer.state_names()) {
        const Tensor state = optimizer.get_state(name, 0);
        optimizer.set_state(name, 0, state);
    }
    EXPECT_THROW(optim::sgd({tensor({1.0}) * leaf({1})}), candle::InvalidArgumentError)
        << "no leaf";
#if __cplusplus >= 202002L
    EXPECT_EQ(optim::adamw(model.parameters(), {.lr = 0.25}).get_option("lr"), 0.25);
#endif
}

TEST(Optimizers, TakeAClosure) {
    const Tensor x = leaf({5, -3});
    Optimizer optimizer = optim::lbfgs({x});
    const auto closure = [&] {
        optimizer.zero_grad();
        const Tensor loss = ((x - 1) * (x - 1)).sum();
        loss.backward();
        return loss.item();
    };
    EXPECT_EQ(optimizer.step(closure), 32.0) << "the loss before the step";
    EXPECT_LT(closure(), 1e-6);
    EXPECT_THROW(optimizer.step([]() -> double { throw std::domain_error("of the closure"); }),
                 std::domain_error);
}

TEST(Optimizers, LimitGradients) {
    const Tensor x = leaf({3, 4});
    (x * x).sum().backward();
    EXPECT_EQ(candle::total_norm({x.grad()}).item(), 10.0);
    EXPECT_EQ(candle::clip_grad_norm({x}, 1.0).item(), 10.0);
    EXPECT_NEAR(x.grad()[1].item(), 0.8, 1e-4);
    candle::clip_grad_value({x}, 0.7);
    EXPECT_FLOAT_EQ(x.grad()[1].item<float>(), 0.7F);
}

TEST(Generators, RepeatTheirNumbers) {
    const candle::Generator generator(7);
    const std::vector<double> first = values(candle::rand(3, candle::float32, {}, generator));
    const candle::Generator::State state = generator.get_state();
    EXPECT_EQ(state.seed, 7U);
    const std::vector<double> second = values(candle::randn(3, candle::float32, {}, generator));
    generator.set_state(state);
    EXPECT_EQ(values(candle::randn(3, candle::float32, {}, generator)), second);
    generator.manual_seed(7);
    EXPECT_EQ(values(candle::rand(3, candle::float32, {}, generator)), first);
    candle::manual_seed(7);
    EXPECT_EQ(values(candle::rand(3)), first) << "the default generator with the same seed";
}

TEST(TwoUnits, ShareTheHeader) { EXPECT_EQ(sum_of_squares(tensor({1.0, 2.0, 3.0})), 14.0); }

}  // namespace
