// Arithmetic on two arrays. Halves are computed in f32 and rounded once; integers wrap.
#include "elementwise.cuh"

template <class T> constexpr bool is_integer = false;
template <> constexpr bool is_integer<u8> = true;
template <> constexpr bool is_integer<u32> = true;
template <> constexpr bool is_integer<i16> = true;
template <> constexpr bool is_integer<i32> = true;
template <> constexpr bool is_integer<i64> = true;

template <class T> constexpr bool is_signed = T(-1) < T(1);

// Integers are added and multiplied as unsigned ones, which wrap.
template <class T> struct unsigned_of { using type = u32; };
template <> struct unsigned_of<i64> { using type = uint64_t; };
template <class T> using unsigned_t = typename unsigned_of<T>::type;

template <class T> __device__ __forceinline__ unsigned_t<T> plain(T x) { return static_cast<unsigned_t<T>>(x); }

// Truncated. A divisor of 0 is refused before, or not looked at.
template <class T> __device__ __forceinline__ T quotient(T a, T b) {
    if (b == T(0)) return 0;
    if constexpr (is_signed<T>) {
        if (b == T(-1)) return static_cast<T>(0 - plain(a));
    }
    return a / b;
}

template <class T> __device__ __forceinline__ T rest(T a, T b) {
    return static_cast<T>(plain(a) - plain(quotient(a, b)) * plain(b));
}

struct Add {
    template <class T> static __device__ __forceinline__ T of(T a, T b) {
        if constexpr (is_integer<T>) return static_cast<T>(plain(a) + plain(b));
        else return store<T>(load(a) + load(b));
    }
};

struct Sub {
    template <class T> static __device__ __forceinline__ T of(T a, T b) {
        if constexpr (is_integer<T>) return static_cast<T>(plain(a) - plain(b));
        else return store<T>(load(a) - load(b));
    }
};

struct Mul {
    template <class T> static __device__ __forceinline__ T of(T a, T b) {
        if constexpr (is_integer<T>) return static_cast<T>(plain(a) * plain(b));
        else return store<T>(load(a) * load(b));
    }
};

struct Div {
    template <class T> static __device__ __forceinline__ T of(T a, T b) {
        if constexpr (is_integer<T>) return quotient(a, b);
        else return store<T>(load(a) / load(b));
    }
};

// NaN where either is NaN.
struct Maximum {
    template <class T> static __device__ __forceinline__ T of(T a, T b) {
        const auto left = load(a), right = load(b);
        return left != left || left > right ? a : b;
    }
};

struct Minimum {
    template <class T> static __device__ __forceinline__ T of(T a, T b) {
        const auto left = load(a), right = load(b);
        return left != left || left < right ? a : b;
    }
};

// The squares and cubes that programs are full of are products.
template <class T> __device__ __forceinline__ T float_power(T a, T b) {
    const auto base = load(a), exponent = load(b);
    if (exponent == 2) return store<T>(base * base);
    if (exponent == 3) return store<T>(load(store<T>(base * base)) * base);
    if (exponent == 1) return a;
    return store<T>(pow(base, exponent));
}

// A negative power of an integer is truncated: 0 but for bases of 1 and -1.
template <class T> __device__ __forceinline__ T integer_power(T a, T b) {
    if constexpr (is_signed<T>) {
        if (b < T(0)) {
            if (a == T(1) || (a == T(-1) && b % 2 == 0)) return 1;
            return a == T(-1) ? a : T(0);
        }
    }
    unsigned_t<T> base = plain(a), result = 1;
    for (auto left = plain(b); left > 0; left >>= 1) {
        if (left & 1) result *= base;
        base *= base;
    }
    return static_cast<T>(result);
}

struct Pow {
    template <class T> static __device__ __forceinline__ T of(T a, T b) {
        if constexpr (is_integer<T>) return integer_power(a, b);
        else return float_power(a, b);
    }
};

// With the sign of the divisor.
struct Remainder {
    template <class T> static __device__ __forceinline__ T of(T a, T b) {
        if constexpr (is_integer<T>) {
            const T remainder = rest(a, b);
            return remainder != T(0) && is_negative(remainder) != is_negative(b) ? static_cast<T>(remainder + b) : remainder;
        } else {
            const auto divisor = load(b), remainder = fmod(load(a), divisor);
            const bool turned = remainder != 0 && (divisor < 0) != (remainder < 0);
            return store<T>(turned ? remainder + divisor : remainder);
        }
    }
};

// Rounded toward minus infinity.
struct FloorDivide {
    template <class T> static __device__ __forceinline__ T of(T a, T b) {
        if constexpr (is_integer<T>) {
            const T truncated = quotient(a, b);
            const bool inexact = static_cast<T>(plain(truncated) * plain(b)) != a;
            return inexact && is_negative(a) != is_negative(b) ? static_cast<T>(plain(truncated) - 1) : truncated;
        } else {
            const auto x = load(a), y = load(b);
            if (y == 0) return store<T>(x / y);
            const auto remainder = fmod(x, y);
            auto parts = (x - remainder) / y;
            if (remainder != 0 && (y < 0) != (remainder < 0)) parts -= 1;
            if (parts == 0) return store<T>(copysign(compute_t<T>(0), x / y));
            const auto below = floor(parts);
            return store<T>(parts - below > compute_t<T>(0.5) ? below + 1 : below);
        }
    }
};

// a where positive, else b · a; for floats.
struct Prelu {
    template <class T> static __device__ __forceinline__ T of(T a, T b) {
        if constexpr (is_integer<T>) return a;
        else return load(a) > 0 ? a : store<T>(load(a) * load(b));
    }
};

#define DIRECT(name, Op, T)                                                                                   \
    extern "C" __global__ void name##_##T(const Operand a, const Operand b, T *y, size_t count) {             \
        zip(y, count, [](T a, T b) -> T { return Op::of(a, b); }, Reader<T>(a), Reader<T>(b));                \
    }

#define KERNELS(T)                               \
    DIRECT(binary_add, Add, T)                   \
    DIRECT(binary_sub, Sub, T)                   \
    DIRECT(binary_mul, Mul, T)                   \
    DIRECT(binary_div, Div, T)                   \
    DIRECT(binary_maximum, Maximum, T)           \
    DIRECT(binary_minimum, Minimum, T)           \
    DIRECT(binary_pow, Pow, T)                   \
    DIRECT(binary_remainder, Remainder, T)       \
    DIRECT(binary_floor_divide, FloorDivide, T)
NUMBERS(KERNELS)

#define PRELU(T) DIRECT(binary_prelu, Prelu, T)
FLOATS(PRELU)

// The operation is chosen at run time: memory is what strides cost. The numbers are those of `code` in binary.rs.
template <class T> __device__ __forceinline__ T chosen(u32 op, T a, T b) {
    switch (op) {
    case 0: return Add::of(a, b);
    case 1: return Sub::of(a, b);
    case 2: return Mul::of(a, b);
    case 3: return Div::of(a, b);
    case 4: return Maximum::of(a, b);
    case 5: return Minimum::of(a, b);
    case 6: return Pow::of(a, b);
    case 7: return Remainder::of(a, b);
    case 8: return FloorDivide::of(a, b);
    default: return Prelu::of(a, b);
    }
}

// The strides of both operands and of the result, which may be a view.
#define STRIDED(T)                                                                                            \
    extern "C" __global__ void binary_strided_##T(const Operand a, const Operand b, T *y,                     \
                                                  const Joint<3> joint, u32 op, size_t count) {               \
        for_each(count, [&](size_t at) {                                                                      \
            const auto offsets = offsets_of(joint, at);                                                       \
            y[offsets.of[2]] = chosen(op, element<T>(a, offsets.of[0]), element<T>(b, offsets.of[1]));        \
        });                                                                                                   \
    }
NUMBERS(STRIDED)

// Some elements of an operand: neighbours in memory, or one for all of them.
template <class T, int N> __device__ __forceinline__ Pack<T, N> pack_of(const Operand &from, i64 offset, bool neighbours) {
    if (neighbours) return *reinterpret_cast<const Pack<T, N> *>(static_cast<const T *>(from.data) + offset);
    const T value = element<T>(from, offset);
    Pack<T, N> same;
#pragma unroll
    for (int lane = 0; lane < N; ++lane) same.lanes[lane] = value;
    return same;
}

// The same, in packs of 16 bytes, of which the innermost dimension has a whole number: a row that is added to each, a mask.
#define PACKED(name, Op, T)                                                                                   \
    extern "C" __global__ void name##_##T(const Operand a, const Operand b, T *y, const Joint<3> joint,       \
                                          size_t count) {                                                     \
        constexpr int N = 16 / sizeof(T);                                                                     \
        const int last = joint.rank - 1;                                                                      \
        const bool each_a = joint.strides[0][last] != 0, each_b = joint.strides[1][last] != 0;                \
        for_each(count, [&](size_t at) {                                                                      \
            const auto offsets = offsets_of(joint, at);                                                       \
            const auto left = pack_of<T, N>(a, offsets.of[0], each_a);                                        \
            const auto right = pack_of<T, N>(b, offsets.of[1], each_b);                                       \
            const auto result = lanes_of<N, T>([](T a, T b) -> T { return Op::of(a, b); }, left, right);      \
            *reinterpret_cast<Pack<T, N> *>(y + offsets.of[2]) = result;                                      \
        });                                                                                                   \
    }
#define PACKED_KERNELS(T)               \
    PACKED(binary_packed_add, Add, T)   \
    PACKED(binary_packed_sub, Sub, T)   \
    PACKED(binary_packed_mul, Mul, T)   \
    PACKED(binary_packed_div, Div, T)
FLOATS(PACKED_KERNELS)

// Sets a flag where an integer is zero, which nothing can be divided by.
#define ZEROS(T)                                                                                              \
    extern "C" __global__ void has_zero_##T(const T *x, const Layout layout, u32 *found, size_t count) {      \
        for_each(count, [&](size_t at) {                                                                      \
            if (x[offset_of(layout, at)] == T(0)) *found = 1;                                                 \
        });                                                                                                   \
    }
INTEGERS(ZEROS)
