// What tensor cores and the copies that run beside them are told: instructions of capability 8.0, which C++ has no words for.
// Which lane holds which element of a 16×8×16 product is in the PTX ISA, "Matrix Fragments for mma.m16n8k16".
#pragma once
#include "common.cuh"

__device__ __forceinline__ u32 shared_address(const void *place) {
    return static_cast<u32>(__cvta_generic_to_shared(place));
}

// Four 8×8 matrices of halves. Lane l says where row l % 8 of matrix l / 8 is, 16 bytes that begin at a multiple of 16; it
// gets the elements 2 (l % 4) and 2 (l % 4) + 1 of row l / 4 of each matrix.
__device__ __forceinline__ void load_matrices(u32 (&parts)[4], u32 address) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(parts[0]), "=r"(parts[1]), "=r"(parts[2]), "=r"(parts[3])
                 : "r"(address)
                 : "memory");
}

// The same of the matrices transposed.
__device__ __forceinline__ void load_transposed(u32 (&parts)[4], u32 address) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(parts[0]), "=r"(parts[1]), "=r"(parts[2]), "=r"(parts[3])
                 : "r"(address)
                 : "memory");
}

// sum[16×8] += a[16×16] b[16×8]. The type of the elements is that of the last argument, whose value does not matter.
__device__ __forceinline__ void multiply(f32 (&sum)[4], const u32 (&a)[4], u32 b0, u32 b1, f16) {
    asm("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
        : "+f"(sum[0]), "+f"(sum[1]), "+f"(sum[2]), "+f"(sum[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

__device__ __forceinline__ void multiply(f32 (&sum)[4], const u32 (&a)[4], u32 b0, u32 b1, bf16) {
    asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
        : "+f"(sum[0]), "+f"(sum[1]), "+f"(sum[2]), "+f"(sum[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

// Two numbers, rounded, as an element of a fragment.
__device__ __forceinline__ u32 packed(f32 low, f32 high, f16) {
    const __half2 both = __floats2half2_rn(low, high);
    return *reinterpret_cast<const u32 *>(&both);
}

__device__ __forceinline__ u32 packed(f32 low, f32 high, bf16) {
    const __nv_bfloat162 both = __floats2bfloat162_rn(low, high);
    return *reinterpret_cast<const u32 *>(&both);
}

// Starts a copy of 16 bytes past the registers and the first cache; zeros where `inside` does not hold, and then nothing is
// read. Both places begin at multiples of 16.
__device__ __forceinline__ void copy_pack(u32 to, const void *from, bool inside) {
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(to), "l"(__cvta_generic_to_global(from)),
                 "r"(inside ? 16 : 0)
                 : "memory");
}

// The same of 4 bytes.
__device__ __forceinline__ void copy_word(u32 to, const void *from, bool inside) {
    asm volatile("cp.async.ca.shared.global [%0], [%1], 4, %2;" ::"r"(to), "l"(__cvta_generic_to_global(from)),
                 "r"(inside ? 4 : 0)
                 : "memory");
}

// Waits for all copies that this thread has started. Those of other threads are there after the barrier that follows.
__device__ __forceinline__ void wait_for_copies() { asm volatile("cp.async.wait_all;" ::: "memory"); }

// 2 to the power of x. Results below 2^-126 are zero.
__device__ __forceinline__ f32 power_of_two(f32 x) {
    f32 result;
    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(result) : "f"(x));
    return result;
}
