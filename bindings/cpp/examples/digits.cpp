// Learns to tell handwritten digits: a table of numbers with commas, in each line 64 pixels and the
// digit.

#include <candle_ffi.hpp>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace nn = candle::nn;
namespace optim = candle::optim;
using candle::Tensor;

namespace {

constexpr std::int64_t pixels = 64;
constexpr std::int64_t classes = 10;
constexpr std::int64_t batch_size = 64;
constexpr int epochs = 20;

struct Digits {
    Tensor images;
    Tensor labels;

    std::int64_t count() const { return labels.size(0); }
    Digits part(std::int64_t start, std::int64_t length) const {
        return {images.narrow(0, start, length), labels.narrow(0, start, length)};
    }
    Digits at(const Tensor &rows) const {
        return {images.index_select(0, rows), labels.index_select(0, rows)};
    }
};

[[noreturn]] void refuse(const std::string &path, std::size_t line, const std::string &why) {
    throw std::runtime_error(path + ":" + std::to_string(line) + ": " + why);
}

Digits read(const std::string &path) {
    std::ifstream file(path);
    if (!file) {
        throw std::runtime_error(path + ": cannot be read");
    }
    std::vector<float> images;
    std::vector<std::int64_t> labels;
    std::size_t number = 0;
    for (std::string line; std::getline(file, line);) {
        number++;
        std::istringstream fields(line);
        std::vector<float> values;
        for (std::string field; std::getline(fields, field, ',');) {
            try {
                values.push_back(std::stof(field));
            } catch (const std::logic_error &) {
                refuse(path, number, "\"" + field + "\" is no number");
            }
        }
        if (values.size() != pixels + 1) {
            refuse(path, number, "expected 65 numbers, found " + std::to_string(values.size()));
        }
        const auto label = static_cast<std::int64_t>(values.back());
        if (label < 0 || label >= classes) {
            refuse(path, number, "the last number must be a digit");
        }
        labels.push_back(label);
        images.insert(images.end(), values.begin(), values.end() - 1);
    }
    const auto count = static_cast<std::int64_t>(labels.size());
    if (count < classes) {
        throw std::runtime_error(path + ": too few digits");
    }
    return {Tensor::from_data(images, {count, pixels}) / 16.0, Tensor::from_data(labels, count)};
}

double accuracy(candle::Module &model, const Digits &digits) {
    const candle::NoGrad no_grad;
    model.eval();
    const Tensor right = model(digits.images).argmax(1) == digits.labels;
    model.train();
    return right.to_dtype(candle::float32).mean().item();
}

void run(const std::string &path) {
    candle::manual_seed(0);
    const Digits all = read(path);
    const Digits mixed = all.at(candle::randperm(all.count()));
    const std::int64_t held_out = all.count() / 5;
    const Digits test = mixed.part(0, held_out);
    const Digits train = mixed.part(held_out, all.count() - held_out);

    candle::Module model = nn::sequential(
        {nn::linear(pixels, 64), nn::relu(), nn::dropout(0.1), nn::linear(64, classes)});
    optim::AdamwOptions options;
    options.lr = 3e-3;
    candle::Optimizer optimizer = optim::adamw(model.parameters(), options);

    for (int epoch = 1; epoch <= epochs; epoch++) {
        const Digits shuffled = train.at(candle::randperm(train.count()));
        double total = 0.0;
        for (std::int64_t start = 0; start < train.count(); start += batch_size) {
            const Digits batch = shuffled.part(start, std::min(batch_size, train.count() - start));
            optimizer.zero_grad();
            const Tensor loss = candle::cross_entropy(model(batch.images), batch.labels);
            loss.backward();
            candle::clip_grad_norm(model.parameters(), 1.0);
            optimizer.step();
            total += loss.item() * static_cast<double>(batch.count());
        }
        if (epoch % 5 == 0) {
            std::printf("epoch %2d  loss %.4f\n", epoch,
                        total / static_cast<double>(train.count()));
        }
    }
    std::printf("accuracy %.3f on %lld digits not seen\n", accuracy(model, test),
                static_cast<long long>(held_out));

    const std::string file = "digits.safetensors";
    model.save(file);
    candle::Module again = nn::sequential(
        {nn::linear(pixels, 64), nn::relu(), nn::dropout(0.1), nn::linear(64, classes)});
    again.load(file);
    std::printf("accuracy %.3f from %s\n", accuracy(again, test), file.c_str());
}

}  // namespace

int main(int argc, char **argv) {
    if (argc != 2) {
        std::fprintf(stderr, "usage: digits FILE.csv\n");
        return 2;
    }
    try {
        run(argv[1]);
    } catch (const std::exception &error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 1;
    }
}
