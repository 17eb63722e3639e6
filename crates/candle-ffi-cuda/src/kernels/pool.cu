// Pooling: the largest element or the average of each window. Arrays are contiguous [planes, depth, height, width].
#include "common.cuh"

// `Axis` in pool.rs: the windows along one dimension.
struct Axis {
    i64 input, output, kernel, stride, padding, dilation;
    int adaptive, count_padding;
    f64 divisor; // 0: the number of a window's elements
};

struct Axes {
    Axis of[3];
};

// Where a window begins and ends, and which elements it has: every `step`th.
struct Span {
    i64 start, end, step;
};

__device__ __forceinline__ Span span(const Axis &axis, i64 at) {
    if (axis.adaptive) {
        return {at * axis.input / axis.output, ((at + 1) * axis.input + axis.output - 1) / axis.output, 1};
    }
    // Counted from the start of the padding first.
    const i64 begin = at * axis.stride, reach = (axis.kernel - 1) * axis.dilation + 1;
    const i64 end = max(min(begin + reach, axis.input + axis.padding) - axis.padding, i64(0));
    i64 start = begin - axis.padding;
    // The first element of the window that is not padding.
    if (start < 0) start += (axis.dilation - 1 - start) / axis.dilation * axis.dilation;
    return {min(start, end), end, axis.dilation};
}

__device__ __forceinline__ f64 divisor(const Axis &axis, i64 at) {
    if (axis.divisor != 0) return axis.divisor;
    if (axis.adaptive || !axis.count_padding) {
        const Span found = span(axis, at);
        return static_cast<f64>(found.end - found.start);
    }
    const i64 begin = at * axis.stride, reach = (axis.kernel - 1) * axis.dilation + 1;
    return static_cast<f64>(max(min(begin + reach, axis.input + 2 * axis.padding) - begin, i64(0)));
}

// The windows that may have an element: from the first to behind the last.
__device__ __forceinline__ Span windows(const Axis &axis, i64 element) {
    if (axis.adaptive) {
        return {element * axis.output / axis.input,
                min(((element + 1) * axis.output + axis.input - 1) / axis.input, axis.output), 1};
    }
    const i64 place = element + axis.padding, reach = (axis.kernel - 1) * axis.dilation + 1;
    const i64 first = place < reach ? 0 : (place - reach) / axis.stride + 1;
    return {first, min(place / axis.stride + 1, axis.output), 1};
}

// An element's place in its plane, and which plane.
struct Place {
    i64 d, h, w;
    size_t plane;
};

__device__ __forceinline__ Place place_of(size_t at, i64 depth, i64 height, i64 width) {
    if (at <= UINT32_MAX) {
        // Division of 32 bits is several times cheaper.
        const u32 w = static_cast<u32>(width), h = static_cast<u32>(height), d = static_cast<u32>(depth);
        const u32 lines = static_cast<u32>(at) / w, levels = lines / h;
        return {levels % d, lines % h, static_cast<u32>(at) % w, levels / d};
    }
    const size_t lines = at / width, levels = lines / height;
    return {static_cast<i64>(levels % depth), static_cast<i64>(lines % height), static_cast<i64>(at % width), levels / depth};
}

__device__ __forceinline__ Place outside(const Axes &axes, size_t at) {
    return place_of(at, axes.of[0].output, axes.of[1].output, axes.of[2].output);
}

__device__ __forceinline__ Place inside(const Axes &axes, size_t at) {
    return place_of(at, axes.of[0].input, axes.of[1].input, axes.of[2].input);
}

__device__ __forceinline__ size_t volume(const Axes &axes) {
    return static_cast<size_t>(axes.of[0].input * axes.of[1].input * axes.of[2].input);
}

// Calls `body(position in the plane)` for the elements of a window, of which the threads of a team of `team` take every
// `team`th.
template <class Body>
__device__ __forceinline__ void elements(const Axes &axes, const Place &of, int member, int team, Body body) {
    const Span d = span(axes.of[0], of.d), h = span(axes.of[1], of.h), w = span(axes.of[2], of.w);
    const i64 height = axes.of[1].input, width = axes.of[2].input;
    if (team == 1) {
        for (i64 z = d.start; z < d.end; z += d.step)
            for (i64 y = h.start; y < h.end; y += h.step)
                for (i64 x = w.start; x < w.end; x += w.step) body((z * height + y) * width + x);
        return;
    }
    const i64 columns = (w.end - w.start + w.step - 1) / w.step, rows = (h.end - h.start + h.step - 1) / h.step;
    const i64 count = columns * rows * ((d.end - d.start + d.step - 1) / d.step);
    for (i64 at = member; at < count; at += team) {
        const i64 x = w.start + at % columns * w.step, line = at / columns;
        body(((d.start + line / rows * d.step) * height + h.start + line % rows * h.step) * width + x);
    }
}

__device__ __forceinline__ f64 divisor(const Axes &axes, const Place &of) {
    return divisor(axes.of[0], of.d) * divisor(axes.of[1], of.h) * divisor(axes.of[2], of.w);
}

__device__ __forceinline__ bool is_empty(const Axes &axes, const Place &of) {
    const Span d = span(axes.of[0], of.d), h = span(axes.of[1], of.h), w = span(axes.of[2], of.w);
    return d.start >= d.end || h.start >= h.end || w.start >= w.end;
}

// The average of each window, and 0 for an empty one. Large windows are added by a warp (`team` of 32).
template <class T> __device__ void average(const T *x, T *y, const Axes &axes, int team, size_t count) {
    using C = compute_t<T>;
    const int member = threadIdx.x % team;
    const size_t plane = volume(axes), step = static_cast<size_t>(gridDim.x) * blockDim.x / team;
    for (size_t at = (static_cast<size_t>(blockIdx.x) * blockDim.x + threadIdx.x) / team; at < count; at += step) {
        const Place of = outside(axes, at);
        const T *from = x + of.plane * plane;
        C sum = 0;
        elements(axes, of, member, team, [&](i64 element) { sum += load(from[element]); });
        for (int distance = team / 2; distance > 0; distance /= 2) sum += __shfl_down_sync(0xffffffffu, sum, distance);
        if (member == 0) y[at] = store<T>(is_empty(axes, of) ? C(0) : sum / static_cast<C>(divisor(axes, of)));
    }
}

// Each element's share of the gradients of the windows that it is in.
template <class T> __device__ void average_grad(const T *grad, T *dx, const Axes &axes, size_t count) {
    using C = compute_t<T>;
    const size_t plane = static_cast<size_t>(axes.of[0].output * axes.of[1].output * axes.of[2].output);
    for_each(count, [&](size_t at) {
        const Place of = inside(axes, at);
        const Span d = windows(axes.of[0], of.d), h = windows(axes.of[1], of.h), w = windows(axes.of[2], of.w);
        const T *from = grad + of.plane * plane;
        C sum = 0;
        for (i64 z = d.start; z < d.end; ++z) {
            const f64 by_depth = divisor(axes.of[0], z);
            for (i64 y = h.start; y < h.end; ++y) {
                const f64 by_height = by_depth * divisor(axes.of[1], y);
                for (i64 x = w.start; x < w.end; ++x) {
                    sum += load(from[(z * axes.of[1].output + y) * axes.of[2].output + x]) /
                           static_cast<C>(by_height * divisor(axes.of[2], x));
                }
            }
        }
        dx[at] = store<T>(sum);
    });
}

template <class T> __device__ __forceinline__ bool is_nan(T) { return false; }
template <> __device__ __forceinline__ bool is_nan(f32 x) { return x != x; }
template <> __device__ __forceinline__ bool is_nan(f64 x) { return x != x; }

// No number is less. A window without elements has it, which a narrow integer has no room for.
template <class C> __device__ __forceinline__ C least() { return 0; }
template <> __device__ __forceinline__ f32 least() { return -INFINITY; }
template <> __device__ __forceinline__ f64 least() { return -INFINITY; }
template <> __device__ __forceinline__ i64 least() { return INT64_MIN; }

// The largest element of each window, and with `places` its position in its plane: the first of equal ones, and NaN,
// the last one, before any number.
template <class T>
__device__ void maximum(const T *x, T *y, u32 *places, const Axes &axes, int team, size_t count) {
    using C = compute_t<T>;
    const int member = threadIdx.x % team;
    const size_t plane = volume(axes), step = static_cast<size_t>(gridDim.x) * blockDim.x / team;
    for (size_t at = (static_cast<size_t>(blockIdx.x) * blockDim.x + threadIdx.x) / team; at < count; at += step) {
        const Place of = outside(axes, at);
        const T *from = x + of.plane * plane;
        C best = least<C>();
        i64 place = -1;
        elements(axes, of, member, team, [&](i64 element) {
            const C value = load(from[element]);
            if (place < 0 || value > best || is_nan(value)) {
                best = value;
                place = element;
            }
        });
        for (int distance = team / 2; distance > 0; distance /= 2) {
            const C value = __shfl_down_sync(0xffffffffu, best, distance);
            const i64 element = __shfl_down_sync(0xffffffffu, static_cast<long long>(place), distance);
            if (element < 0) continue;
            const bool later_nan = is_nan(value) && (!is_nan(best) || element > place);
            if (place < 0 || later_nan || value > best || (value == best && element < place)) {
                best = value;
                place = element;
            }
        }
        if (member != 0) continue;
        y[at] = store<T>(best);
        if (places == nullptr) continue;
        if (place < 0) {
            // All padding; it still has a position.
            const i64 d = span(axes.of[0], of.d).start, h = span(axes.of[1], of.h).start, w = span(axes.of[2], of.w).start;
            place = min((d * axes.of[1].input + h) * axes.of[2].input + w, static_cast<i64>(plane) - 1);
        }
        places[at] = static_cast<u32>(place);
    }
}

// Each element's sum of the gradients of those windows that chose it. (The gradient of a window of padding alone, which
// chose nothing, goes nowhere.)
template <class T>
__device__ void spread(const T *grad, const u32 *places, T *dx, const Axes &axes, size_t count) {
    using C = compute_t<T>;
    const size_t plane = static_cast<size_t>(axes.of[0].output * axes.of[1].output * axes.of[2].output);
    for_each(count, [&](size_t at) {
        const Place of = inside(axes, at);
        const Span d = windows(axes.of[0], of.d), h = windows(axes.of[1], of.h), w = windows(axes.of[2], of.w);
        const u32 own = static_cast<u32>((of.d * axes.of[1].input + of.h) * axes.of[2].input + of.w);
        C sum = 0;
        for (i64 z = d.start; z < d.end; ++z) {
            for (i64 y = h.start; y < h.end; ++y) {
                for (i64 x = w.start; x < w.end; ++x) {
                    const size_t window = of.plane * plane + (z * axes.of[1].output + y) * axes.of[2].output + x;
                    if (places[window] == own) sum += load(grad[window]);
                }
            }
        }
        dx[at] = store<T>(sum);
    });
}

#define KERNELS(T)                                                                                                    \
    extern "C" __global__ void pool_average_##T(const T *x, T *y, const Axes axes, int team, size_t count) {          \
        average(x, y, axes, team, count);                                                                             \
    }                                                                                                                 \
    extern "C" __global__ void pool_average_grad_##T(const T *grad, T *dx, const Axes axes, size_t count) {           \
        average_grad(grad, dx, axes, count);                                                                          \
    }                                                                                                                 \
    extern "C" __global__ void pool_spread_##T(const T *grad, const u32 *places, T *dx, const Axes axes, size_t count) { \
        spread(grad, places, dx, axes, count);                                                                        \
    }
FLOATS(KERNELS)

#define MAXIMUM(T)                                                                                                    \
    extern "C" __global__ void pool_maximum_##T(const T *x, T *y, u32 *places, const Axes axes, int team, size_t count) { \
        maximum(x, y, places, axes, team, count);                                                                     \
    }
NUMBERS(MAXIMUM)

// The way back of the largest elements. Of values with one position the last one stays, so positions are settled first:
// `last` says which value each element gets, counted from 1. `wrong` becomes the least value whose position is outside.
extern "C" __global__ void pool_settle(const i64 *places, u32 *last, unsigned long long *wrong, size_t outside,
                                       size_t inside, size_t count) {
    for_each(count, [&](size_t at) {
        const i64 place = places[at];
        if (place < 0 || static_cast<size_t>(place) >= inside) {
            atomicMin(wrong, static_cast<unsigned long long>(at));
        } else {
            atomicMax(&last[at / outside * inside + place], static_cast<u32>(at % outside) + 1);
        }
    });
}

#define PUT(T)                                                                                                      \
    extern "C" __global__ void pool_put_##T(const T *x, const u32 *last, T *y, size_t outside, size_t inside,       \
                                            size_t count) {                                                         \
        for_each(count, [&](size_t at) {                                                                            \
            const u32 from = last[at];                                                                              \
            y[at] = from == 0 ? store<T>(compute_t<T>(0)) : x[at / inside * outside + from - 1];                    \
        });                                                                                                         \
    }
FLOATS(PUT)

// What the two kernels above begin with.
extern "C" __global__ void pool_settle_begin(u32 *last, unsigned long long *wrong, size_t count) {
    for_each(count, [&](size_t at) { last[at] = 0; });
    if (blockIdx.x == 0 && threadIdx.x == 0) *wrong = ~0ull;
}
