// Running sums and products along lines: floats run in f64, integers in i64, wrapping.
#include "common.cuh"

enum Op { SUM, SUM_FROM_END, PROD };

template <class T> struct running { using type = i64; };
template <> struct running<f16> { using type = f64; };
template <> struct running<bf16> { using type = f64; };
template <> struct running<f32> { using type = f64; };
template <> struct running<f64> { using type = f64; };

// Lines of an array seen as [outer, n, inner], in chunks.
struct Chunks {
    i64 lines;
    i64 n;
    i64 inner;
    i64 chunk;
    i64 chunks;
    __device__ i64 base(i64 line) const {
        const i64 plane = line / inner;
        return plane * n * inner + (line - plane * inner);
    }
};

constexpr int THREADS = 256;
constexpr int EACH = 4;  // Elements of a thread in one step.

template <class A> __device__ __forceinline__ A join(u32 op, A a, A b) { return op == PROD ? a * b : a + b; }
template <> __device__ __forceinline__ i64 join(u32 op, i64 a, i64 b) {
    const uint64_t x = static_cast<uint64_t>(a), y = static_cast<uint64_t>(b);
    return static_cast<i64>(op == PROD ? x * y : x + y);
}

template <class A> __device__ __forceinline__ A first(u32 op) { return op == PROD ? A(1) : A(0); }

template <class A, class T> __device__ __forceinline__ A widen(T x) { return static_cast<A>(load(x)); }
// Through f32 where that is what is computed in, as a wider result is rounded there first.
template <class T, class A> __device__ __forceinline__ T narrow(A x) { return store<T>(static_cast<compute_t<T>>(x)); }


// One thread goes along each line: for many lines or short ones.
template <class A, class T, class R, class Read>
__device__ __forceinline__ void along(u32 op, const T *x, R *y, const Chunks &c, Read read) {
    for_each(static_cast<size_t>(c.lines), [&](size_t line) {
        const i64 base = c.base(static_cast<i64>(line));
        A total = first<A>(op);
        for (i64 i = 0; i < c.n; ++i) {
            const i64 at = base + (op == SUM_FROM_END ? c.n - 1 - i : i) * c.inner;
            total = join(op, total, read(x[at]));
            y[at] = narrow<R>(total);
        }
    });
}

// What is before each thread of the block, and what all of them have together.
template <class A> __device__ __forceinline__ A before(u32 op, A own, A *room, A &all) {
    const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    A sum = own;
#pragma unroll
    for (int distance = 1; distance < 32; distance *= 2) {
        const A left = __shfl_up_sync(~0u, sum, distance);
        if (lane >= distance) sum = join(op, left, sum);
    }
    A exclusive = __shfl_up_sync(~0u, sum, 1);
    if (lane == 0) exclusive = first<A>(op);
    __syncthreads();
    if (lane == 31) room[warp] = sum;
    __syncthreads();
    A left = first<A>(op);
    all = first<A>(op);
#pragma unroll 1
    for (int i = 0; i < THREADS / 32; ++i) {
        if (i == warp) left = all;
        all = join(op, all, room[i]);
    }
    return join(op, left, exclusive);
}

// One block for a chunk (x of the grid) of a line (y): with `totals` what the chunk has together, else its elements, which
// go on from `carries`.
template <class A, class T, class R, class Read>
__device__ __forceinline__ void chunks(u32 op, const T *x, R *y, const A *carries, A *totals, const Chunks &c, Read read) {
    __shared__ A room[THREADS / 32];
    const i64 start = static_cast<i64>(blockIdx.x) * c.chunk, end = min(start + c.chunk, c.n);
    for (i64 line = blockIdx.y; line < c.lines; line += gridDim.y) {
        const i64 base = c.base(line), own = line * c.chunks + blockIdx.x;
        const auto place = [&](i64 i) { return base + (op == SUM_FROM_END ? c.n - 1 - i : i) * c.inner; };
        A total = totals || !carries ? first<A>(op) : carries[own];
        for (i64 tile = start; tile < end; tile += THREADS * EACH) {
            A values[EACH], sum = first<A>(op);
            const i64 mine = tile + static_cast<i64>(threadIdx.x) * EACH;
#pragma unroll
            for (int k = 0; k < EACH; ++k) {
                if (mine + k < end) sum = join(op, sum, read(x[place(mine + k)]));
                values[k] = sum;
            }
            A all;
            const A left = join(op, total, before(op, sum, room, all));
            total = join(op, total, all);
            if (totals) continue;
#pragma unroll
            for (int k = 0; k < EACH; ++k) {
                if (mine + k < end) y[place(mine + k)] = narrow<R>(join(op, left, values[k]));
            }
        }
        if (totals && threadIdx.x == 0) totals[own] = total;
    }
}

// What is before each chunk of a line, in place.
template <class A> __device__ __forceinline__ void carry(u32 op, A *totals, const Chunks &c) {
    for_each(static_cast<size_t>(c.lines), [&](size_t line) {
        A total = first<A>(op);
        for (i64 i = 0; i < c.chunks; ++i) {
            A &cell = totals[static_cast<i64>(line) * c.chunks + i];
            const A own = cell;
            cell = total;
            total = join(op, total, own);
        }
    });
}

#define KERNELS_OF(name, T, R, A, read)                                                                                  \
    extern "C" __global__ void scan_along_##name(u32 op, const T *x, R *y, const Chunks c, size_t) {                     \
        along<A>(op, x, y, c, [](T x) { return read; });                                                                 \
    }                                                                                                                    \
    extern "C" __global__ void __launch_bounds__(THREADS)                                                                \
        scan_chunks_##name(u32 op, const T *x, R *y, const A *carries, A *totals, const Chunks c) {                      \
        chunks<A>(op, x, y, carries, totals, c, [](T x) { return read; });                                               \
    }
#define KERNELS(T) KERNELS_OF(T, T, T, running<T>::type, (widen<running<T>::type>(x)))
NUMBERS(KERNELS)
// How many flags there are up to each.
KERNELS_OF(flags, u8, i64, i64, (static_cast<i64>(x != 0)))

extern "C" __global__ void scan_carry_f64(u32 op, f64 *totals, const Chunks c, size_t) { carry(op, totals, c); }
extern "C" __global__ void scan_carry_i64(u32 op, i64 *totals, const Chunks c, size_t) { carry(op, totals, c); }

// The positions of the flags that are set, given how many there are up to each.
extern "C" __global__ void scan_positions(const u8 *flags, const i64 *upto, i64 *positions, size_t count) {
    for_each(count, [&](size_t at) {
        if (flags[at]) positions[upto[at] - 1] = static_cast<i64>(at);
    });
}
