// Kernels as a compiler makes them. `blocks.ptx` comes from this file:
//     nvcc --ptx -arch=compute_80 -O3 -std=c++17 -o blocks.ptx blocks.cu
#include <cuda_bf16.h>
#include <cuda_fp16.h>

constexpr int TILE = 16;

// c[m][n] = a[m][k] b[k][n], a tile of c per block.
extern "C" __global__ void matrix_product(const float *a, const float *b, float *c, int m, int n, int k) {
    __shared__ float left[TILE][TILE], right[TILE][TILE];
    int row = blockIdx.y * TILE + threadIdx.y, column = blockIdx.x * TILE + threadIdx.x;
    float sum = 0;
    for (int start = 0; start < k; start += TILE) {
        int i = start + threadIdx.x, j = start + threadIdx.y;
        left[threadIdx.y][threadIdx.x] = row < m && i < k ? a[row * k + i] : 0.f;
        right[threadIdx.y][threadIdx.x] = column < n && j < k ? b[j * n + column] : 0.f;
        __syncthreads();
        for (int t = 0; t < TILE; t++) sum += left[threadIdx.y][t] * right[t][threadIdx.x];
        __syncthreads();
    }
    if (row < m && column < n) c[row * n + column] = sum;
}

// The same without the barrier at the end of the loop.
extern "C" __global__ void matrix_product_with_a_race(const float *a, const float *b, float *c, int n) {
    __shared__ float left[TILE][TILE], right[TILE][TILE];
    float sum = 0;
    for (int start = 0; start < n; start += TILE) {
        left[threadIdx.y][threadIdx.x] = a[threadIdx.y * n + start + threadIdx.x];
        right[threadIdx.y][threadIdx.x] = b[(start + threadIdx.y) * TILE + threadIdx.x];
        __syncthreads();
        for (int t = 0; t < TILE; t++) sum += left[threadIdx.y][t] * right[t][threadIdx.x];
    }
    c[threadIdx.y * TILE + threadIdx.x] = sum;
}

__device__ float all_of_warp(float x, bool maximum) {
    for (int step = 16; step > 0; step /= 2) {
        float other = __shfl_xor_sync(0xffffffff, x, step);
        x = maximum ? fmaxf(x, other) : x + other;
    }
    return x;
}

template <typename T> __device__ float all_of_block(float x, bool maximum, T *part) {
    int warp = threadIdx.x / 32, lane = threadIdx.x % 32, warps = blockDim.x / 32;
    x = all_of_warp(x, maximum);
    if (lane == 0) part[warp] = x;
    __syncthreads();
    x = all_of_warp(lane < warps ? part[lane] : (maximum ? -INFINITY : 0.f), maximum);
    __syncthreads();
    return x;
}

// A row per block, any number of columns.
template <typename T> __device__ void softmax(const T *x, T *y, int columns) {
    extern __shared__ float part[];
    x += blockIdx.x * columns;
    y += blockIdx.x * columns;
    float high = -INFINITY, sum = 0;
    for (int i = threadIdx.x; i < columns; i += blockDim.x) high = fmaxf(high, float(x[i]));
    high = all_of_block(high, true, part);
    for (int i = threadIdx.x; i < columns; i += blockDim.x) sum += expf(float(x[i]) - high);
    sum = all_of_block(sum, false, part);
    for (int i = threadIdx.x; i < columns; i += blockDim.x) y[i] = T(expf(float(x[i]) - high) / sum);
}
extern "C" __global__ void softmax_f32(const float *x, float *y, int n) { softmax(x, y, n); }
extern "C" __global__ void softmax_f64(const double *x, double *y, int n) { softmax(x, y, n); }
extern "C" __global__ void softmax_f16(const __half *x, __half *y, int n) { softmax(x, y, n); }
extern "C" __global__ void softmax_bf16(const __nv_bfloat16 *x, __nv_bfloat16 *y, int n) { softmax(x, y, n); }

// Counts of bytes, first in shared memory.
extern "C" __global__ void histogram(const unsigned char *bytes, unsigned *counts, int n) {
    __shared__ unsigned own[256];
    for (int i = threadIdx.x; i < 256; i += blockDim.x) own[i] = 0;
    __syncthreads();
    for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x) atomicAdd(&own[bytes[i]], 1);
    __syncthreads();
    for (int i = threadIdx.x; i < 256; i += blockDim.x) atomicAdd(&counts[i], own[i]);
}

// Each thread sorts eight numbers in its own memory.
extern "C" __global__ void sort_eights(int *values, const unsigned *orders) {
    int own[8], thread = blockIdx.x * blockDim.x + threadIdx.x;
    for (int i = 0; i < 8; i++) own[orders[i] % 8] = values[thread * 8 + i];
    for (int i = 1; i < 8; i++)
        for (int j = i; j > 0 && own[j - 1] > own[j]; j--) {
            int other = own[j];
            own[j] = own[j - 1];
            own[j - 1] = other;
        }
    for (int i = 0; i < 8; i++) values[thread * 8 + i] = own[(i + orders[8]) % 8];
}

// Where the numbers above a limit end up, in order: votes.
extern "C" __global__ void compact(const float *x, float limit, float *y, unsigned *count) {
    __shared__ unsigned before[33];
    int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
    float own = x[threadIdx.x];
    unsigned votes = __ballot_sync(0xffffffff, own > limit);
    if (lane == 0) before[warp + 1] = __popc(votes);
    if (threadIdx.x == 0) before[0] = 0;
    __syncthreads();
    if (threadIdx.x == 0)
        for (int i = 1; i <= int(blockDim.x / 32); i++) before[i] += before[i - 1];
    __syncthreads();
    if (own > limit) y[before[warp] + __popc(votes & ((1u << lane) - 1))] = own;
    if (threadIdx.x == 0) *count = before[blockDim.x / 32];
    if (__syncthreads_count(own > limit) != int(before[blockDim.x / 32])) __trap();
}
