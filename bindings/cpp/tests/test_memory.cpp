// Memory stays what it is however many tensors come and go, and every handle is freed in the end.

#include <gtest/gtest.h>
#include <candle_ffi.hpp>

#include <cstdio>
#include <utility>

namespace {

/// The memory of this process in MiB; 0 where the system does not tell.
double resident() {
    double pages = 0.0;
    if (std::FILE *file = std::fopen("/proc/self/statm", "r")) {
        long total = 0;
        long used = 0;
        if (std::fscanf(file, "%ld %ld", &total, &used) == 2) {
            pages = static_cast<double>(used);
        }
        std::fclose(file);
    }
    return pages * 4096 / (1024 * 1024);
}

void make_and_drop(int count) {
    const candle::Tensor one = candle::ones({16});
    // Two tensors in each turn, besides copies and, now and then, an error.
    for (int at = 0; at < count; at += 2) {
        const candle::Tensor made = candle::zeros({16});
        candle::Tensor sum = made + one;
        const candle::Tensor copy = sum;
        const candle::Tensor moved = std::move(sum);
        if (at % 32 == 0) {
            EXPECT_THROW(moved.reshape({3, 7}), candle::ShapeError);
        }
    }
}

TEST(Memory, IsFlatOverAMillionTensors) {
#if defined(__SANITIZE_ADDRESS__)
    GTEST_SKIP() << "AddressSanitizer keeps what was freed";
#endif
    make_and_drop(100000);
    const double before = resident();
    make_and_drop(1000000);
    EXPECT_LT(resident() - before, 4.0) << "MiB more than " << before;
}

/// After all tests: what they made must be gone.
class NoHandlesLeft : public testing::Environment {
public:
    void TearDown() override { EXPECT_EQ(candle::live_handles(), 0U); }
};

const auto *const environment = testing::AddGlobalTestEnvironment(new NoHandlesLeft);

}  // namespace
