// Gradients of a scaled loss, brought back to their size.
#include "tables.cuh"

// `found` is left as it is where all results are finite, and is NaN otherwise.
template <class T> __device__ __forceinline__ void unscale(const TableOf<1> &table, f64 inverse, f32 *found) {
    using C = compute_t<T>;
    const C by = static_cast<C>(inverse);
    bool finite = true;
    const auto scaled = [&](T element) -> T {
        const T result = store<T>(load(element) * by);
        finite = finite && isfinite(load(result));
        return result;
    };
    for_each_piece<1>(table, [&](const Piece &piece, u32) { replace<T>(table, piece, scaled); });
    // All that write do write the same.
    if (!finite) *found = __int_as_float(0x7fc00000);
}

#define UNSCALE(T)                                                                                 \
    extern "C" __global__ void unscale_##T(const TableOf<1> table, f64 inverse, f32 *found) {      \
        unscale<T>(table, inverse, found);                                                         \
    }
FLOATS(UNSCALE)
