/// @file
/// candle_ffi for C++17 and later: tensors, gradients, layers and optimizers with PyTorch's names.
///
/// Header only, over `candle_ffi.h`: link with `libcandle_ffi`. Handles are objects that free
/// themselves, a failed call throws a `candle::Error`, and options have PyTorch's defaults:
///
///     #include <candle_ffi.hpp>
///     #include <iostream>
///
///     int main() {
///         candle::Tensor x = candle::tensor({1.0, 2.0, 3.0}, {candle::float32, "cpu", true});
///         (x * x).sum().backward();
///         for (float slope : x.grad().to_vector<float>()) std::cout << slope << "\n";
///     }
///
/// - `Tensor`: a copy is another handle on the same tensor. Operations are methods,
///   `x.matmul(y)`, and functions, `candle::matmul(x, y)`; those that end in `_` change their
///   tensor. Where a tensor may be missing, `{}` is none.
/// - `nn::linear` and the like make a `Module`, `optim::sgd` and the like an `Optimizer`.
/// - A list of numbers is a braced list, one number, or anything with `data()` and `size()`.
/// - `NoGrad` switches recording off for its scope.
///
/// Threads may share what the contract of `candle_ffi.h` lets them share: a `const` object.
///
/// @namespace candle
/// Tensors, their operations, gradients and files; layers and optimizers are in `nn` and `optim`.

#ifndef CANDLE_FFI_HPP
#define CANDLE_FFI_HPP

#if !defined(_MSVC_LANG) && __cplusplus < 201703L
#error "candle_ffi.hpp needs C++17 or later"
#endif

#include <candle_ffi/autograd.hpp>
#include <candle_ffi/data.hpp>
#include <candle_ffi/device.hpp>
#include <candle_ffi/enums.hpp>
#include <candle_ffi/error.hpp>
#include <candle_ffi/generator.hpp>
#include <candle_ffi/graph.hpp>
#include <candle_ffi/index.hpp>
#include <candle_ffi/layers.hpp>
#include <candle_ffi/list.hpp>
#include <candle_ffi/memory.hpp>
#include <candle_ffi/module.hpp>
#include <candle_ffi/operators.hpp>
#include <candle_ffi/ops.hpp>
#include <candle_ffi/optimizer.hpp>
#include <candle_ffi/optimizers.hpp>
#include <candle_ffi/precision.hpp>
#include <candle_ffi/profile.hpp>
#include <candle_ffi/profiler.hpp>
#include <candle_ffi/tensor.hpp>
#include <candle_ffi/tensor_map.hpp>
#include <candle_ffi/types.hpp>
#include <candle_ffi/version.hpp>

#endif  // CANDLE_FFI_HPP
