// Pooling: the largest element or the average of each window. Arrays are contiguous [planes, depth, height, width].
#include "common.cuh"

// `Axis` in pool.rs: the windows along one dimension. Planes have less than 2^31 elements, with the padding.
struct Axis {
    Divisor input, output, stride;
    i32 kernel, padding, dilation;
    u32 adaptive, count_padding;
    u32 divided;  // Whether `divisor` is given; else it is the number of a window's elements.
    f64 divisor;
};

struct Axes {
    Axis of[3];
};

// Where a window begins and ends, and which elements it has: every `step`th.
struct Span {
    i32 start, end, step;
};

// The elements of one thing at `at` of `of` that are spread over another dimension: the first, or behind the last.
__device__ __forceinline__ i32 share(size_t at, const Divisor &size, const Divisor &of, u32 more) {
    return static_cast<i32>(rows_before(at * size.size + more, of));
}

__device__ __forceinline__ Span span(const Axis &axis, i32 at) {
    if (axis.adaptive) {
        const i32 start = share(at, axis.input, axis.output, 0);
        return {start, share(static_cast<size_t>(at) + 1, axis.input, axis.output, axis.output.size - 1), 1};
    }
    // Counted from the start of the padding first.
    const i32 begin = at * static_cast<i32>(axis.stride.size), reach = (axis.kernel - 1) * axis.dilation + 1;
    const i32 end = max(min(begin + reach, static_cast<i32>(axis.input.size) + axis.padding) - axis.padding, 0);
    i32 start = begin - axis.padding;
    // The first element of the window that is not padding.
    if (start < 0) start += axis.dilation == 1 ? -start : (axis.dilation - 1 - start) / axis.dilation * axis.dilation;
    return {min(start, end), end, axis.dilation};
}

// What a dimension adds to the divisor of an average.
template <class C> __device__ __forceinline__ C divisor(const Axis &axis, i32 at) {
    if (axis.divided) return static_cast<C>(axis.divisor);
    if (axis.adaptive || !axis.count_padding) {
        const Span found = span(axis, at);
        return static_cast<C>(found.end - found.start);
    }
    const i32 begin = at * static_cast<i32>(axis.stride.size), reach = (axis.kernel - 1) * axis.dilation + 1;
    return static_cast<C>(max(min(begin + reach, static_cast<i32>(axis.input.size) + 2 * axis.padding) - begin, 0));
}

// The windows that may have an element: from the first to behind the last.
__device__ __forceinline__ Span windows(const Axis &axis, i32 element) {
    const i32 output = static_cast<i32>(axis.output.size);
    if (axis.adaptive) {
        const i32 start = share(element, axis.output, axis.input, 0);
        return {start, min(share(static_cast<size_t>(element) + 1, axis.output, axis.input, axis.input.size - 1), output), 1};
    }
    const i32 place = element + axis.padding, reach = (axis.kernel - 1) * axis.dilation + 1;
    const i32 first = place < reach ? 0 : static_cast<i32>(axis.stride.quotient(place - reach)) + 1;
    return {first, min(static_cast<i32>(axis.stride.quotient(place)) + 1, output), 1};
}

// An element's place in its plane, and which plane.
struct Place {
    i32 d, h, w;
    size_t plane;
};

__device__ __forceinline__ Place place_of(size_t at, const Divisor &depth, const Divisor &height, const Divisor &width) {
    const size_t lines = rows_before(at, width), levels = rows_before(lines, height), plane = rows_before(levels, depth);
    return {static_cast<i32>(levels - plane * depth.size), static_cast<i32>(lines - levels * height.size),
            static_cast<i32>(at - lines * width.size), plane};
}

__device__ __forceinline__ Place outside(const Axes &axes, size_t at) {
    return place_of(at, axes.of[0].output, axes.of[1].output, axes.of[2].output);
}

__device__ __forceinline__ Place inside(const Axes &axes, size_t at) {
    return place_of(at, axes.of[0].input, axes.of[1].input, axes.of[2].input);
}

// Elements of a plane, before and after.
__device__ __forceinline__ size_t input_volume(const Axes &axes) {
    return static_cast<size_t>(axes.of[0].input.size) * axes.of[1].input.size * axes.of[2].input.size;
}
__device__ __forceinline__ size_t output_volume(const Axes &axes) {
    return static_cast<size_t>(axes.of[0].output.size) * axes.of[1].output.size * axes.of[2].output.size;
}

// Where an element is in a plane of such lines.
__device__ __forceinline__ i32 flat(i32 z, i32 y, i32 x, const Divisor &height, const Divisor &width) {
    return (z * static_cast<i32>(height.size) + y) * static_cast<i32>(width.size) + x;
}

// Calls `body(position in the plane)` for the elements of a window, of which the threads of a team of `team` take every
// `team`th.
template <class Body>
__device__ __forceinline__ void elements(const Axes &axes, const Place &of, int member, int team, Body body) {
    const Span d = span(axes.of[0], of.d), h = span(axes.of[1], of.h), w = span(axes.of[2], of.w);
    const Divisor &height = axes.of[1].input, &width = axes.of[2].input;
    if (team == 1) {
        for (i32 z = d.start; z < d.end; z += d.step)
            for (i32 y = h.start; y < h.end; y += h.step)
                for (i32 x = w.start; x < w.end; x += w.step) body(flat(z, y, x, height, width));
        return;
    }
    const i32 columns = (w.end - w.start + w.step - 1) / w.step, rows = (h.end - h.start + h.step - 1) / h.step;
    const i32 count = columns * rows * ((d.end - d.start + d.step - 1) / d.step);
    for (i32 at = member; at < count; at += team) {
        const i32 line = at / columns, level = line / rows;
        body(flat(d.start + level * d.step, h.start + (line - level * rows) * h.step, w.start + (at - line * columns) * w.step,
                  height, width));
    }
}

template <class C> __device__ __forceinline__ C divisor(const Axes &axes, const Place &of) {
    return divisor<C>(axes.of[0], of.d) * divisor<C>(axes.of[1], of.h) * divisor<C>(axes.of[2], of.w);
}

__device__ __forceinline__ bool is_empty(const Axes &axes, const Place &of) {
    const Span d = span(axes.of[0], of.d), h = span(axes.of[1], of.h), w = span(axes.of[2], of.w);
    return d.start >= d.end || h.start >= h.end || w.start >= w.end;
}

// The average of each window, and 0 for an empty one. Large windows are added by a warp (`team` of 32).
template <class T> __device__ void average(const T *x, T *y, const Axes &axes, int team, size_t count) {
    using C = compute_t<T>;
    const int member = threadIdx.x % team;
    const size_t plane = input_volume(axes), step = static_cast<size_t>(gridDim.x) * blockDim.x / team;
    for (size_t at = (static_cast<size_t>(blockIdx.x) * blockDim.x + threadIdx.x) / team; at < count; at += step) {
        const Place of = outside(axes, at);
        const T *from = x + of.plane * plane;
        C sum = 0;
        elements(axes, of, member, team, [&](i32 element) { sum += load(from[element]); });
        for (int distance = team / 2; distance > 0; distance /= 2) sum += __shfl_down_sync(0xffffffffu, sum, distance);
        if (member == 0) y[at] = store<T>(is_empty(axes, of) ? C(0) : sum / divisor<C>(axes, of));
    }
}

// Each element's share of the gradients of the windows that it is in.
template <class T> __device__ void average_grad(const T *grad, T *dx, const Axes &axes, size_t count) {
    using C = compute_t<T>;
    const size_t plane = output_volume(axes);
    for_each(count, [&](size_t at) {
        const Place of = inside(axes, at);
        const Span d = windows(axes.of[0], of.d), h = windows(axes.of[1], of.h), w = windows(axes.of[2], of.w);
        const T *from = grad + of.plane * plane;
        C sum = 0;
        for (i32 z = d.start; z < d.end; ++z) {
            const C by_depth = divisor<C>(axes.of[0], z);
            for (i32 y = h.start; y < h.end; ++y) {
                const C by_height = by_depth * divisor<C>(axes.of[1], y);
                for (i32 x = w.start; x < w.end; ++x) {
                    sum += load(from[flat(z, y, x, axes.of[1].output, axes.of[2].output)]) /
                           (by_height * divisor<C>(axes.of[2], x));
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
    const size_t plane = input_volume(axes), step = static_cast<size_t>(gridDim.x) * blockDim.x / team;
    for (size_t at = (static_cast<size_t>(blockIdx.x) * blockDim.x + threadIdx.x) / team; at < count; at += step) {
        const Place of = outside(axes, at);
        const T *from = x + of.plane * plane;
        C best = least<C>();
        i32 place = -1;
        elements(axes, of, member, team, [&](i32 element) {
            const C value = load(from[element]);
            if (place < 0 || value > best || is_nan(value)) {
                best = value;
                place = element;
            }
        });
        for (int distance = team / 2; distance > 0; distance /= 2) {
            const C value = __shfl_down_sync(0xffffffffu, best, distance);
            const i32 element = __shfl_down_sync(0xffffffffu, place, distance);
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
            const i32 d = span(axes.of[0], of.d).start, h = span(axes.of[1], of.h).start, w = span(axes.of[2], of.w).start;
            place = min(flat(d, h, w, axes.of[1].input, axes.of[2].input), static_cast<i32>(plane) - 1);
        }
        places[at] = static_cast<u32>(place);
    }
}

// Each element's sum of the gradients of those windows that chose it. (The gradient of a window of padding alone, which
// chose nothing, goes nowhere.)
template <class T>
__device__ void spread(const T *grad, const u32 *places, T *dx, const Axes &axes, size_t count) {
    using C = compute_t<T>;
    const size_t plane = output_volume(axes);
    for_each(count, [&](size_t at) {
        const Place of = inside(axes, at);
        const Span d = windows(axes.of[0], of.d), h = windows(axes.of[1], of.h), w = windows(axes.of[2], of.w);
        const u32 own = static_cast<u32>(flat(of.d, of.h, of.w, axes.of[1].input, axes.of[2].input));
        C sum = 0;
        for (i32 z = d.start; z < d.end; ++z) {
            for (i32 y = h.start; y < h.end; ++y) {
                for (i32 x = w.start; x < w.end; ++x) {
                    const size_t window = of.plane * plane + flat(z, y, x, axes.of[1].output, axes.of[2].output);
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
