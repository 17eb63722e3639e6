// Tensor cores and copies beside the work, as a compiler makes them. `tiles.ptx` comes from this file:
//     nvcc --ptx -arch=compute_80 -O3 -std=c++17 -o tiles.ptx tiles.cu
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <stdint.h>

__device__ uint32_t shared_address(const void *place) { return static_cast<uint32_t>(__cvta_generic_to_shared(place)); }

__device__ void multiply(float (&c)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1, __half) {
    asm("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
        : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

__device__ void multiply(float (&c)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1, __nv_bfloat16) {
    asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
        : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

// c[32][16] = a[32][k] b[k][16], by two warps; with `turned` b is [16][k]. k is a multiple of 16. `waits`: whether copies are
// waited for, `meets`: whether the warps meet before they read what the other one has copied.
template <class T>
__device__ void product(const T *a, const T *b, float *c, int k, bool turned, bool waits, bool meets) {
    __shared__ __align__(16) T left[32][24], right[16][24];
    const int thread = threadIdx.x, lane = thread % 32, warp = thread / 32;
    float sums[2][4] = {};
    for (int start = 0; start < k; start += 16) {
        // 32 rows of two packs, and half as many.
        const int row = thread / 2, column = thread % 2 * 8;
        asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(shared_address(&left[row][column])),
                     "l"(a + row * k + start + column)
                     : "memory");
        asm volatile("cp.async.commit_group;" ::: "memory");
        if (row < 16) {
            const T *from = turned ? b + row * k + start + column : b + (start + row) * 16 + column;
            asm volatile("cp.async.ca.shared.global [%0], [%1], 8;" ::"r"(shared_address(&right[row][column])), "l"(from) : "memory");
            asm volatile("cp.async.ca.shared.global [%0], [%1], 8, %2;" ::"r"(shared_address(&right[row][column + 4])),
                         "l"(from + 4), "r"(8)
                         : "memory");
        }
        asm volatile("cp.async.commit_group;" ::: "memory");
        if (waits) {
            asm volatile("cp.async.wait_group 1;" ::: "memory");
            asm volatile("cp.async.wait_group 0;" ::: "memory");
        }
        if (meets) __syncthreads();
        uint32_t x[4], y[4];
        asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
                     : "=r"(x[0]), "=r"(x[1]), "=r"(x[2]), "=r"(x[3])
                     : "r"(shared_address(&left[warp * 16 + lane % 16][lane / 16 * 8]))
                     : "memory");
        if (turned) {
            asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
                         : "=r"(y[0]), "=r"(y[1]), "=r"(y[2]), "=r"(y[3])
                         : "r"(shared_address(&right[lane / 16 * 8 + lane % 8][lane / 8 % 2 * 8]))
                         : "memory");
        } else {
            asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];"
                         : "=r"(y[0]), "=r"(y[1]), "=r"(y[2]), "=r"(y[3])
                         : "r"(shared_address(&right[lane % 16][lane / 16 * 8]))
                         : "memory");
        }
        multiply(sums[0], x, y[0], y[1], T());
        multiply(sums[1], x, y[2], y[3], T());
        __syncthreads();
    }
    for (int n = 0; n < 2; ++n)
        for (int i = 0; i < 4; ++i) c[(warp * 16 + lane / 4 + i / 2 * 8) * 16 + n * 8 + lane % 4 * 2 + i % 2] = sums[n][i];
}

extern "C" __global__ void product_f16(const __half *a, const __half *b, float *c, int k) {
    product(a, b, c, k, false, true, true);
}

extern "C" __global__ void product_bf16(const __nv_bfloat16 *a, const __nv_bfloat16 *b, float *c, int k) {
    product(a, b, c, k, true, true, true);
}

extern "C" __global__ void product_without_a_wait(const __half *a, const __half *b, float *c, int k) {
    product(a, b, c, k, false, false, true);
}

extern "C" __global__ void product_without_a_barrier(const __half *a, const __half *b, float *c, int k) {
    product(a, b, c, k, false, true, false);
}
