// A second unit of the program: what the headers define must not be defined twice.

#include <candle_ffi.hpp>

double sum_of_squares(const candle::Tensor &x);

double sum_of_squares(const candle::Tensor &x) { return (x * x).sum().item(); }
