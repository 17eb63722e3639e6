// Comparisons, logic and choice. A bool is a byte of 0 or 1.
#include "elementwise.cuh"

struct Eq { template <class C> static __device__ __forceinline__ bool of(C a, C b) { return a == b; } };
struct Ne { template <class C> static __device__ __forceinline__ bool of(C a, C b) { return a != b; } };
struct Lt { template <class C> static __device__ __forceinline__ bool of(C a, C b) { return a < b; } };
struct Le { template <class C> static __device__ __forceinline__ bool of(C a, C b) { return a <= b; } };
struct And { static __device__ __forceinline__ bool of(u8 a, u8 b) { return a != 0 && b != 0; } };
struct Or { static __device__ __forceinline__ bool of(u8 a, u8 b) { return a != 0 || b != 0; } };
struct Xor { static __device__ __forceinline__ bool of(u8 a, u8 b) { return (a != 0) != (b != 0); } };

#define DIRECT(name, Op, T)                                                                                   \
    extern "C" __global__ void name##_##T(const Operand a, const Operand b, u8 *y, size_t count) {            \
        zip(y, count, [](T a, T b) -> u8 { return Op::of(load(a), load(b)); }, Reader<T>(a), Reader<T>(b));   \
    }

// The operation of a strided kernel is chosen at run time; the numbers are those of `code` in compare.rs.
template <class T> __device__ __forceinline__ bool chosen(u32 op, T first, T second) {
    const auto a = load(first), b = load(second);
    switch (op) {
    case 0: return Eq::of(a, b);
    case 1: return Ne::of(a, b);
    case 2: return Lt::of(a, b);
    default: return Le::of(a, b);
    }
}

#define KERNELS(T)                                                                                            \
    DIRECT(compare_eq, Eq, T)                                                                                 \
    DIRECT(compare_ne, Ne, T)                                                                                 \
    DIRECT(compare_lt, Lt, T)                                                                                 \
    DIRECT(compare_le, Le, T)                                                                                 \
    extern "C" __global__ void compare_strided_##T(const Operand a, const Operand b, u8 *y,                   \
                                                   const Joint<2> joint, u32 op, size_t count) {              \
        for_each(count, [&](size_t at) {                                                                      \
            const auto offsets = offsets_of(joint, at);                                                       \
            y[at] = chosen(op, element<T>(a, offsets.of[0]), element<T>(b, offsets.of[1]));                   \
        });                                                                                                   \
    }
NUMBERS(KERNELS)

DIRECT(logical_and, And, u8)
DIRECT(logical_or, Or, u8)
DIRECT(logical_xor, Xor, u8)

extern "C" __global__ void logical_strided_u8(const Operand a, const Operand b, u8 *y, const Joint<2> joint, u32 op,
                                              size_t count) {
    for_each(count, [&](size_t at) {
        const auto offsets = offsets_of(joint, at);
        const u8 left = element<u8>(a, offsets.of[0]), right = element<u8>(b, offsets.of[1]);
        y[at] = op == 0 ? And::of(left, right) : op == 1 ? Or::of(left, right) : Xor::of(left, right);
    });
}

// Choice moves elements, whatever they are: one kernel for each of their sizes.
#define SELECT(T)                                                                                             \
    extern "C" __global__ void select_##T(const Operand condition, const Operand a, const Operand b, T *y,    \
                                          size_t count) {                                                     \
        zip(                                                                                                  \
            y, count, [](u8 condition, T a, T b) -> T { return condition != 0 ? a : b; },                     \
            Reader<u8>(condition), Reader<T>(a), Reader<T>(b));                                               \
    }                                                                                                         \
    extern "C" __global__ void select_strided_##T(const Operand condition, const Operand a, const Operand b,  \
                                                  T *y, const Joint<3> joint, size_t count) {                 \
        for_each(count, [&](size_t at) {                                                                      \
            const auto offsets = offsets_of(joint, at);                                                       \
            const bool holds = element<u8>(condition, offsets.of[0]) != 0;                                    \
            y[at] = holds ? element<T>(a, offsets.of[1]) : element<T>(b, offsets.of[2]);                      \
        });                                                                                                   \
    }
SELECT(u8)
SELECT(i16)
SELECT(i32)
SELECT(i64)
