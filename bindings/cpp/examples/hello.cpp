// Two tensors, a matrix product, and an error that says what is wrong.

#include <candle_ffi.hpp>

#include <iostream>

int main() {
    std::cout << candle::build_info() << "\n";
    const candle::Tensor a = candle::tensor({{1.0F, 2.0F, 3.0F}, {4.0F, 5.0F, 6.0F}});
    const candle::Tensor product = a.matmul(a.transpose(0, 1));
    for (std::int64_t row = 0; row < product.size(0); row++) {
        const auto values = product[row].to_vector<float>();
        std::cout << "[" << values[0] << " " << values[1] << "]\n";
    }

    // 2x3 times 2x3 does not go.
    try {
        a.matmul(a);
    } catch (const candle::ShapeError &error) {
        std::cout << "as expected, " << error.what() << "\n";
        return 0;
    }
    return 1;
}
