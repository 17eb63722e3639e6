// Random numbers by counting: Philox 4×32-10, the same numbers bit for bit as those of the host (random.rs of the CPU
// kernels). Nothing here may be fused or approximated: arithmetic is of `Exact`.
#include "draws.cuh"
#include "elementwise.cuh"
#include "place.cuh"

// A number whose products and sums are rounded one by one.
template <class T> struct Exact;

template <> struct Exact<f32> {
    f32 value;
    __device__ __forceinline__ Exact(f32 value) : value(value) {}
    __device__ __forceinline__ Exact(f64 value) : value(static_cast<f32>(value)) {}
};
__device__ __forceinline__ Exact<f32> operator+(Exact<f32> a, Exact<f32> b) { return __fadd_rn(a.value, b.value); }
__device__ __forceinline__ Exact<f32> operator-(Exact<f32> a, Exact<f32> b) { return __fsub_rn(a.value, b.value); }
__device__ __forceinline__ Exact<f32> operator*(Exact<f32> a, Exact<f32> b) { return __fmul_rn(a.value, b.value); }
__device__ __forceinline__ Exact<f32> root(Exact<f32> a) { return __fsqrt_rn(a.value); }

template <> struct Exact<f64> {
    f64 value;
    __device__ __forceinline__ Exact(f64 value) : value(value) {}
};
__device__ __forceinline__ Exact<f64> operator+(Exact<f64> a, Exact<f64> b) { return __dadd_rn(a.value, b.value); }
__device__ __forceinline__ Exact<f64> operator-(Exact<f64> a, Exact<f64> b) { return __dsub_rn(a.value, b.value); }
__device__ __forceinline__ Exact<f64> operator*(Exact<f64> a, Exact<f64> b) { return __dmul_rn(a.value, b.value); }
__device__ __forceinline__ Exact<f64> operator/(Exact<f64> a, Exact<f64> b) { return __ddiv_rn(a.value, b.value); }
__device__ __forceinline__ Exact<f64> root(Exact<f64> a) { return __dsqrt_rn(a.value); }

using E32 = Exact<f32>;
using E64 = Exact<f64>;

// y[i] = function(random bits of draw offset + i): two draws share one counter, and so one thread.
template <class T, class Function>
__device__ __forceinline__ void from_bits(uint64_t seed, uint64_t offset, T *y, size_t count, Function function) {
    const size_t skipped = offset % 2;
    for_each((count + skipped + 1) / 2, [&](size_t pair) {
        const Draws both = draws(seed, offset / 2 + pair);
        const size_t at = 2 * pair;
        if (at >= skipped) y[at - skipped] = function(both.first);
        if (at + 1 - skipped < count) y[at + 1 - skipped] = function(both.second);
    });
}

constexpr f64 TWO_TO_MINUS_24 = 1.0 / 16777216.0;
constexpr f64 TWO_TO_MINUS_32 = 1.0 / 4294967296.0;
constexpr f64 TWO_TO_MINUS_53 = 1.0 / 9007199254740992.0;
constexpr f64 TAU = 6.28318530717958647692;

__device__ __forceinline__ f32 unit(uint64_t bits, f32) { return static_cast<f32>((bits >> 40) * TWO_TO_MINUS_24); }
__device__ __forceinline__ f64 unit(uint64_t bits, f64) { return (bits >> 11) * TWO_TO_MINUS_53; }

#define UNIFORM(T)                                                                                                \
    extern "C" __global__ void uniform_##T(uint64_t seed, uint64_t offset, const uint64_t *place, f64 low,        \
                                           f64 range, f64 high, T *y, size_t count) {                             \
        begin_at(seed, offset, place);                                                                            \
        using C = compute_t<T>;                                                                                   \
        const C start = static_cast<C>(low), width = static_cast<C>(range), end = static_cast<C>(high);           \
        from_bits(seed, offset, y, count, [=](uint64_t bits) -> T {                                               \
            const Exact<C> place = Exact<C>(start) + Exact<C>(width) * Exact<C>(unit(bits, C()));                 \
            const T value = store<T>(place.value);                                                                \
            /* Rounding may reach the excluded end. */                                                            \
            return load(value) >= end ? store<T>(start) : value;                                                  \
        });                                                                                                       \
    }
FLOATS(UNIFORM)

// ln x of a normal number in (0, 1].
__device__ __forceinline__ E32 log_of(E32 x) {
    const u32 bits = __float_as_uint(x.value) - 0x3f3504f3u;
    const E32 f = E32(__uint_as_float((bits & 0x007fffffu) + 0x3f3504f3u)) - E32(1.0f);
    const E32 e = static_cast<f32>(static_cast<i32>(bits) >> 23);
    const E32 z = f * f;
    E32 p = 7.0376836e-2f;
    const f32 coefficients[8] = {-1.151461e-1f,    1.16769987e-1f, -1.2420141e-1f, 1.4249323e-1f,
                                 -1.6668057e-1f, 2.0000715e-1f,  -2.4999994e-1f, 3.333333e-1f};
#pragma unroll
    for (const f32 coefficient : coefficients) p = p * f + E32(coefficient);
    E32 y = e * E32(-2.1219444e-4f) + p * f * z;
    y = z * E32(-0.5f) + y;
    return e * E32(0.6933594f) + (f + y);
}

// cos x of a small number that is not negative.
__device__ __forceinline__ E32 cos_of(E32 angle) {
    // Adding this rounds to an integer, which then stands in the low bits.
    constexpr f64 SHIFT = 6755399441055744.0;
    const E64 x = static_cast<f64>(angle.value);
    const E64 shifted = x * E64(0.63661977236758134308) + E64(SHIFT);
    const E64 n = shifted - E64(SHIFT);
    const E64 rest = (x - n * E64(1.5707963267341256)) - n * E64(6.077100506506192e-11);
    const u32 quadrant = static_cast<u32>(__double_as_longlong(shifted.value)) + 1;
    const E32 r = rest.value, z = r * r;
    E32 sine = (E32(-1.9515296e-4f) * z + E32(8.332161e-3f)) * z + E32(-1.6666655e-1f);
    sine = sine * z * r + r;
    E32 cosine = (E32(2.4433157e-5f) * z + E32(-1.3887316e-3f)) * z + E32(4.1666646e-2f);
    cosine = cosine * z * z + (z * E32(-0.5f) + E32(1.0f));
    const f32 value = quadrant & 1 ? cosine.value : sine.value;
    return __uint_as_float(__float_as_uint(value) ^ ((quadrant & 2) << 30));
}

// The method of Box and Muller: one value from each draw.
__device__ __forceinline__ E32 normal_of(uint64_t bits) {
    // In (0, 1], so that the logarithm is finite.
    const f64 first = (static_cast<f64>(bits >> 32) + 1) * TWO_TO_MINUS_32;
    const f64 second = static_cast<f64>(static_cast<u32>(bits)) * TWO_TO_MINUS_32;
    const E32 radius = root(E32(-2.0f) * log_of(E32(first)));
    return radius * cos_of(E32((E64(TAU) * E64(second)).value));
}

#define NORMAL(T)                                                                                                 \
    extern "C" __global__ void normal_##T(uint64_t seed, uint64_t offset, const uint64_t *place, f64 mean,        \
                                          f64 std, T *y, size_t count) {                                          \
        begin_at(seed, offset, place);                                                                            \
        const E32 center(mean), scale(std);                                                                       \
        from_bits(seed, offset, y, count, [=](uint64_t bits) -> T {                                               \
            return store<T>((center + scale * normal_of(bits)).value);                                            \
        });                                                                                                       \
    }
NORMAL(f16)
NORMAL(bf16)
NORMAL(f32)

// The functions of f64 that the host uses are those of FreeBSD's library in Rust (crate libm), which are written here
// again with the same operations in the same order: ln x for x in (0, 1], cos x for x in [0, 2π).
__device__ __forceinline__ E64 log_of(E64 x) {
    uint64_t bits = __double_as_longlong(x.value);
    u32 high = static_cast<u32>(bits >> 32);
    if (high == 0x3ff00000u && bits << 32 == 0) return 0.0;
    high += 0x3ff00000u - 0x3fe6a09eu;
    const E64 k = static_cast<f64>(static_cast<i32>(high >> 20) - 0x3ff);
    high = (high & 0x000fffffu) + 0x3fe6a09eu;
    bits = static_cast<uint64_t>(high) << 32 | static_cast<u32>(bits);
    const E64 f = E64(__longlong_as_double(bits)) - E64(1.0);
    const E64 half_square = E64(0.5) * f * f;
    const E64 s = f / (E64(2.0) + f);
    const E64 z = s * s, w = z * z;
    const E64 t1 = w * (E64(3.999999999940941908e-01) +
                        w * (E64(2.222219843214978396e-01) + w * E64(1.531383769920937332e-01)));
    const E64 t2 = z * (E64(6.666666666666735130e-01) +
                        w * (E64(2.857142874366239149e-01) +
                             w * (E64(1.818357216161805012e-01) + w * E64(1.479819860511658591e-01))));
    const E64 r = t2 + t1;
    return s * (half_square + r) + k * E64(1.90821492927058770002e-10) - half_square + f +
           k * E64(6.93147180369123816490e-01);
}

__device__ __forceinline__ E64 small_cos(E64 x, E64 y) {
    const E64 z = x * x, square = z * z;
    const E64 r = z * (E64(4.16666666666666019037e-02) +
                       z * (E64(-1.38888888888741095749e-03) + z * E64(2.48015872894767294178e-05))) +
                  square * square * (E64(-2.75573143513906633035e-07) +
                                     z * (E64(2.08757232129817482790e-09) + z * E64(-1.13596475577881948265e-11)));
    const E64 half = E64(0.5) * z;
    const E64 w = E64(1.0) - half;
    return w + (((E64(1.0) - w) - half) + (z * r - x * y));
}

__device__ __forceinline__ E64 small_sin(E64 x, E64 y) {
    const E64 z = x * x, w = z * z;
    const E64 r = E64(8.33333333332248946124e-03) +
                  z * (E64(-1.98412698298579493134e-04) + z * E64(2.75573137070700676789e-06)) +
                  z * w * (E64(-2.50507602534068634195e-08) + z * E64(1.58969099521155010221e-10));
    const E64 v = z * x;
    return x - ((z * (E64(0.5) * y - v * r) - y) - v * E64(-1.66666666666666324348e-01));
}

__device__ __forceinline__ E64 negated(E64 x) { return E64(-x.value); }

__device__ __forceinline__ E64 cos_of(E64 x) {
    const u32 high = static_cast<u32>(static_cast<uint64_t>(__double_as_longlong(x.value)) >> 32);
    if (high <= 0x3fe921fbu) {
        if (high < 0x3e46a09eu) return 1.0;
        return small_cos(x, 0.0);
    }
    // x = n π/2 + y0 + y1, with π/2 in parts of 33 bits.
    const E64 first = 1.57079632673412561417e+00, first_tail = 6.07710050650619224932e-11;
    int n = high <= 0x4002d97cu ? 1 : high <= 0x400f6a7au ? 2 : high <= 0x4015fdbcu ? 3 : 4;
    const bool near_edge =
        high <= 0x400f6a7au ? (high & 0xfffffu) == 0x921fbu : high == 0x4012d97cu || high == 0x401921fbu;
    E64 y0 = 0.0, y1 = 0.0;
    if (!near_edge) {
        const E64 z = x - E64(static_cast<f64>(n)) * first;
        const E64 tail = E64(static_cast<f64>(n)) * first_tail;
        y0 = z - tail;
        y1 = (z - y0) - tail;
    } else {
        const E64 to_integer = 1.5 / 2.2204460492503131e-16;
        const E64 f = (x * E64(6.36619772367581382433e-01) + to_integer) - to_integer;
        n = static_cast<int>(f.value);
        E64 r = x - f * first, w = f * first_tail;
        y0 = r - w;
        const auto lost = [&] {
            const auto bits = static_cast<uint64_t>(__double_as_longlong(y0.value));
            return static_cast<int>(high >> 20) - static_cast<int>(bits >> 52 & 0x7ff);
        };
        if (lost() > 16) {
            E64 t = r;
            w = f * E64(6.07710050630396597660e-11);
            r = t - w;
            w = f * E64(2.02226624879595063154e-21) - ((t - r) - w);
            y0 = r - w;
            if (lost() > 49) {
                t = r;
                w = f * E64(2.02226624871116645580e-21);
                r = t - w;
                w = f * E64(8.47842766036889956997e-32) - ((t - r) - w);
                y0 = r - w;
            }
        }
        y1 = (r - y0) - w;
    }
    switch (n & 3) {
    case 0: return small_cos(y0, y1);
    case 1: return negated(small_sin(y0, y1));
    case 2: return negated(small_cos(y0, y1));
    default: return small_sin(y0, y1);
    }
}

extern "C" __global__ void normal_f64(uint64_t seed, uint64_t offset, const uint64_t *place, f64 mean, f64 std, f64 *y,
                                      size_t count) {
    begin_at(seed, offset, place);
    for_each(count, [&](size_t at) {
        // A sequence of its own: one counter for each draw.
        const Draws both = draws(seed, offset + at, 1);
        const E64 first = static_cast<f64>(both.first >> 11);
        const E64 second = static_cast<f64>(both.second >> 11);
        const E64 radius = root(E64(-2.0) * log_of((first + E64(1.0)) * E64(TWO_TO_MINUS_53)));
        const E64 angle = E64(TAU) * (second * E64(TWO_TO_MINUS_53));
        y[at] = (E64(mean) + E64(std) * (radius * cos_of(angle))).value;
    });
}

// Integers from `low` on, below `low + range`, which as a product have a bias below 2^-64 times the range.
extern "C" __global__ void integers(uint64_t seed, uint64_t offset, const uint64_t *place, i64 low, uint64_t range,
                                    i64 *y, size_t count) {
    begin_at(seed, offset, place);
    from_bits(seed, offset, y, count, [=](uint64_t bits) -> i64 {
        return static_cast<i64>(static_cast<uint64_t>(low) + __umul64hi(bits, range));
    });
}

extern "C" __global__ void bernoulli(uint64_t seed, uint64_t offset, const uint64_t *place, uint64_t threshold, u8 *y,
                                     size_t count) {
    begin_at(seed, offset, place);
    from_bits(seed, offset, y, count, [=](uint64_t bits) -> u8 { return bits >> 11 < threshold; });
}

// One of two numbers: a mask of dropout.
#define NOISE(T)                                                                                                  \
    extern "C" __global__ void noise_##T(uint64_t seed, uint64_t offset, const uint64_t *place,                   \
                                         uint64_t threshold, uint64_t kept, uint64_t dropped, T *y,               \
                                         size_t count) {                                                          \
        begin_at(seed, offset, place);                                                                            \
        const T one = of_bits<T>(kept), other = of_bits<T>(dropped);                                              \
        from_bits(seed, offset, y, count, [=](uint64_t bits) -> T { return bits >> 11 < threshold ? one : other; }); \
    }
FLOATS(NOISE)

// Where the draws of a graph begin that is launched next.
extern "C" __global__ void place_draws(uint64_t seed, uint64_t offset, uint64_t *place) {
    place[0] = seed;
    place[1] = offset;
}
