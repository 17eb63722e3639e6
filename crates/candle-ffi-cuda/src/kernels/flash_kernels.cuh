// The kernels of one element type and of heads up to one width: `FLASH(f16, 64, …)`, with the tiles that flash.rs knows, too.
#pragma once
#include "flash_forward.cuh"
#include "flash_gradient.cuh"

// Of each kernel's tiles: M is how many times 16 rows a warp has, N how many columns there are. Compiled for each width with
// `-Xptxas -v`, none of them spills (docs/decisions/0016).
#define FLASH_FORWARD(T, D, SUFFIX, M, N, PLAIN)                                                                \
    extern "C" __global__ void __launch_bounds__(FLASH_THREADS)                                                 \
        flash_forward_##D##SUFFIX##_##T(const T *query, const T *key, const T *value, const void *mask, T *out, \
                                        f32 *statistics, const __grid_constant__ Flash flash,                   \
                                        const __grid_constant__ Rows rows) {                                    \
        flash_forward<T, D, M, N, PLAIN>(query, key, value, mask, out, statistics, flash, rows);                \
    }

#define FLASH_GRADIENT(T, D, NAME, SUFFIX, M, N, PLAIN, KEYS)                                                      \
    extern "C" __global__ void __launch_bounds__(FLASH_THREADS)                                                    \
        flash_##NAME##_##D##SUFFIX##_##T(const T *query, const T *key, const T *value, const T *grad,              \
                                         const void *mask, const f32 *statistics, const f32 *along, T *first,      \
                                         T *second, const __grid_constant__ Flash flash,                           \
                                         const __grid_constant__ Rows rows) {                                      \
        flash_gradient<T, D, M, N, PLAIN, KEYS>({query, key, value, grad, mask, statistics, along, first, second}, \
                                                flash, rows);                                                      \
    }

// Below capability 8.0 there are no such instructions, and flash.rs looks whether there are kernels.
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ < 800
#define FLASH(T, D, M, N, QUERIES_M, QUERIES_N, KEYS_M, KEYS_N)
#else
#define FLASH(T, D, M, N, QUERIES_M, QUERIES_N, KEYS_M, KEYS_N)             \
    FLASH_FORWARD(T, D, , M, N, true)                                       \
    FLASH_FORWARD(T, D, _any, M, N, false)                                  \
    FLASH_GRADIENT(T, D, queries, , QUERIES_M, QUERIES_N, true, false)      \
    FLASH_GRADIENT(T, D, queries, _any, QUERIES_M, QUERIES_N, false, false) \
    FLASH_GRADIENT(T, D, keys, , KEYS_M, KEYS_N, true, true)                \
    FLASH_GRADIENT(T, D, keys, _any, KEYS_M, KEYS_N, false, true)
#endif
