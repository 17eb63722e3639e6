// Running sums and products along lines: floats run in f64, integers in i64, wrapping.
#include "common.cuh"

enum Op { SUM, SUM_FROM_END, PROD };

template <class T> struct running { using type = i64; };
template <> struct running<f16> { using type = f64; };
template <> struct running<bf16> { using type = f64; };
template <> struct running<f32> { using type = f64; };
template <> struct running<f64> { using type = f64; };

// Lines of an array seen as [outer, n, inner], in chunks. Positions are in the order of the scan.
struct Chunks {
    i64 lines;
    i64 n;
    i64 inner;
    i64 chunk;  // A multiple of EACH.
    i64 chunks;
    // Where the first element of a line is, and how far the next one.
    __device__ i64 start(u32 op, i64 line) const {
        const i64 plane = inner == 1 ? line : line / inner;
        return plane * n * inner + (line - plane * inner) + (op == SUM_FROM_END ? (n - 1) * inner : 0);
    }
    __device__ i64 step(u32 op) const { return op == SUM_FROM_END ? -inner : inner; }
};

constexpr int THREADS = 256;
constexpr int WARPS = THREADS / 32;
constexpr int EACH = 4;         // Elements of a thread in one step,
constexpr int EACH_COLUMN = 8;  // where neighbouring threads have neighbouring lines.

template <class A> __device__ __forceinline__ A join(u32 op, A a, A b) { return op == PROD ? a * b : a + b; }
template <> __device__ __forceinline__ i64 join(u32 op, i64 a, i64 b) {
    const uint64_t x = static_cast<uint64_t>(a), y = static_cast<uint64_t>(b);
    return static_cast<i64>(op == PROD ? x * y : x + y);
}

template <class A> __device__ __forceinline__ A nothing(u32 op) { return op == PROD ? A(1) : A(0); }

template <class A, class T> __device__ __forceinline__ A widen(T x) { return static_cast<A>(load(x)); }
// Through f32 where that is what is computed in, as a wider result is rounded there first.
template <class T, class A> __device__ __forceinline__ T narrow(A x) { return store<T>(static_cast<compute_t<T>>(x)); }

// Whether the EACH elements of a thread are moved in one access.
template <class T, class R> __device__ __forceinline__ bool is_packed(const T *x, const R *y, const Chunks &c) {
    return c.inner == 1 && c.n % EACH == 0 && reinterpret_cast<uintptr_t>(x) % sizeof(Pack<T, EACH>) == 0 &&
           reinterpret_cast<uintptr_t>(y) % sizeof(Pack<R, EACH>) == 0;
}

// The running totals of the `count` elements of a thread (at most N) from `at` on; all are read before they are used.
template <int N, class A, class T, class Read>
__device__ __forceinline__ A run(u32 op, const T *x, i64 at, i64 step, i64 count, bool packed, Read read, A (&values)[N]) {
    T elements[N];
    if (packed && count > 0) {
        const bool back = step < 0;
        const auto pack = *reinterpret_cast<const Pack<T, N> *>(x + (back ? at - (N - 1) : at));
#pragma unroll
        for (int k = 0; k < N; ++k) elements[k] = back ? pack.lanes[N - 1 - k] : pack.lanes[k];
    } else {
#pragma unroll
        for (int k = 0; k < N; ++k) {
            if (k < count) elements[k] = x[at + k * step];
        }
    }
    A sum = nothing<A>(op);
#pragma unroll
    for (int k = 0; k < N; ++k) {
        if (k < count) sum = join(op, sum, read(elements[k]));
        values[k] = sum;
    }
    return sum;
}

// Writes the running totals that go on from `left`.
template <int N, class A, class R>
__device__ __forceinline__ void put(u32 op, R *y, i64 at, i64 step, i64 count, bool packed, A left, const A (&values)[N]) {
    if (packed && count > 0) {
        const bool back = step < 0;
        Pack<R, N> pack;
#pragma unroll
        for (int k = 0; k < N; ++k) pack.lanes[k] = narrow<R>(join(op, left, back ? values[N - 1 - k] : values[k]));
        *reinterpret_cast<Pack<R, N> *>(y + (back ? at - (N - 1) : at)) = pack;
        return;
    }
#pragma unroll
    for (int k = 0; k < N; ++k) {
        if (k < count) y[at + k * step] = narrow<R>(join(op, left, values[k]));
    }
}

// What is before each of `lanes` neighbours (a power of two) of a warp, and what all of them have together.
template <class A> __device__ __forceinline__ A before_lane(u32 op, A own, int lane, int lanes, A &all) {
    A sum = own;
    for (int distance = 1; distance < lanes; distance *= 2) {
        const A left = __shfl_up_sync(~0u, sum, distance, lanes);
        if (lane >= distance) sum = join(op, left, sum);
    }
    all = __shfl_sync(~0u, sum, lanes - 1, lanes);
    const A left = __shfl_up_sync(~0u, sum, 1, lanes);
    return lane == 0 ? nothing<A>(op) : left;
}

// The same for the threads of a block.
template <class A> __device__ __forceinline__ A before(u32 op, A own, A *room, A &all) {
    const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    A warps;
    const A inside = before_lane(op, own, lane, 32, warps);
    __syncthreads();
    if (lane == 0) room[warp] = warps;
    __syncthreads();
    const A left = before_lane(op, room[lane % WARPS], lane % WARPS, WARPS, all);
    return join(op, __shfl_sync(~0u, left, warp), inside);
}

// One thread goes along each line: for very many lines or short ones, whose neighbours are neighbours in memory.
template <class A, class T, class R, class Read>
__device__ __forceinline__ void along(u32 op, const T *x, R *y, const Chunks &c, Read read) {
    for_each(static_cast<size_t>(c.lines), [&](size_t line) {
        const i64 start = c.start(op, static_cast<i64>(line)), step = c.step(op);
        A total = nothing<A>(op);
        for (i64 i = 0; i < c.n; i += EACH) {
            A values[EACH];
            const A sum = run(op, x, start + i * step, step, c.n - i, false, read, values);
            put(op, y, start + i * step, step, c.n - i, false, total, values);
            total = join(op, total, sum);
        }
    });
}

// Some lanes of a warp (x) go along each line together: for lines without gaps that are not long.
template <class A, class T, class R, class Read>
__device__ __forceinline__ void rows(u32 op, const T *x, R *y, const Chunks &c, Read read) {
    const int lane = threadIdx.x, lanes = blockDim.x;
    const bool packed = is_packed(x, y, c);
    const i64 step = c.step(op);
    for (i64 top = static_cast<i64>(blockIdx.x) * blockDim.y; top < c.lines; top += static_cast<i64>(gridDim.x) * blockDim.y) {
        const i64 line = top + threadIdx.y, start = c.start(op, line);
        A total = nothing<A>(op);
        for (i64 tile = 0; tile < c.n; tile += lanes * EACH) {
            const i64 mine = tile + lane * EACH, at = start + mine * step, count = line < c.lines ? c.n - mine : 0;
            A values[EACH], all;
            const A sum = run(op, x, at, step, count, packed, read, values);
            const A left = join(op, total, before_lane(op, sum, lane, lanes, all));
            put(op, y, at, step, count, packed, left, values);
            total = join(op, total, all);
        }
    }
}

// One block for a chunk (x of the grid) of a line (y): with `totals` what the chunk has together, else its elements, which
// go on from `carries`.
template <class A, class T, class R, class Read>
__device__ __forceinline__ void chunks(u32 op, const T *x, R *y, const A *carries, A *totals, const Chunks &c, Read read) {
    __shared__ A room[WARPS];
    const bool packed = is_packed(x, y, c);
    const i64 begin = static_cast<i64>(blockIdx.x) * c.chunk, end = min(begin + c.chunk, c.n), step = c.step(op);
    for (i64 line = blockIdx.y; line < c.lines; line += gridDim.y) {
        const i64 start = c.start(op, line), own = line * c.chunks + blockIdx.x;
        A total = totals || !carries ? nothing<A>(op) : carries[own];
        for (i64 tile = begin; tile < end; tile += THREADS * EACH) {
            const i64 mine = tile + static_cast<i64>(threadIdx.x) * EACH, at = start + mine * step;
            A values[EACH], all;
            const A sum = run(op, x, at, step, end - mine, packed, read, values);
            const A left = join(op, total, before(op, sum, room, all));
            total = join(op, total, all);
            if (!totals) put(op, y, at, step, end - mine, packed, left, values);
        }
        if (totals && threadIdx.x == 0) totals[own] = total;
    }
}

// The same for 32 neighbouring lines at once (x of the block), whose positions are dealt to the rows of threads (y).
template <class A, class T, class R, class Read>
__device__ __forceinline__ void columns(u32 op, const T *x, R *y, const A *carries, A *totals, const Chunks &c, Read read) {
    __shared__ A room[THREADS];
    const i64 begin = static_cast<i64>(blockIdx.x) * c.chunk, end = min(begin + c.chunk, c.n), step = c.step(op);
    for (i64 left = static_cast<i64>(blockIdx.y) * 32; left < c.lines; left += static_cast<i64>(gridDim.y) * 32) {
        const i64 line = left + threadIdx.x, start = c.start(op, line), own = line * c.chunks + blockIdx.x;
        const bool inside = line < c.lines;
        A total = totals || !carries || !inside ? nothing<A>(op) : carries[own];
        for (i64 tile = begin; tile < end; tile += WARPS * EACH_COLUMN) {
            const i64 mine = tile + threadIdx.y * EACH_COLUMN, at = start + mine * step, count = inside ? end - mine : 0;
            A values[EACH_COLUMN];
            const A sum = run(op, x, at, step, count, false, read, values);
            __syncthreads();
            room[threadIdx.y * 32 + threadIdx.x] = sum;
            __syncthreads();
            A before = total;
#pragma unroll
            for (int part = 0; part < WARPS; ++part) {
                if (part == threadIdx.y) before = total;
                total = join(op, total, room[part * 32 + threadIdx.x]);
            }
            if (!totals) put(op, y, at, step, count, false, before, values);
        }
        if (totals && inside && threadIdx.y == 0) totals[own] = total;
    }
}

// What is before each chunk of a line, in place: a block for each line, a thread for each chunk.
template <class A> __device__ __forceinline__ void carry(u32 op, A *totals, const Chunks &c) {
    __shared__ A room[WARPS];
    for (i64 line = blockIdx.x; line < c.lines; line += gridDim.x) {
        A *own = totals + line * c.chunks + threadIdx.x, all;
        const bool inside = threadIdx.x < c.chunks;
        const A left = before(op, inside ? *own : nothing<A>(op), room, all);
        if (inside) *own = left;
    }
}

#define BLOCK_KERNEL extern "C" __global__ void __launch_bounds__(THREADS)
#define LINES_OF(name, T, R, A, read)                                                                                    \
    BLOCK_KERNEL scan_rows_##name(u32 op, const T *x, R *y, const Chunks c) {                                            \
        rows<A>(op, x, y, c, [](T x) { return read; });                                                                  \
    }                                                                                                                    \
    BLOCK_KERNEL scan_chunks_##name(u32 op, const T *x, R *y, const A *carries, A *totals, const Chunks c) {             \
        chunks<A>(op, x, y, carries, totals, c, [](T x) { return read; });                                               \
    }
#define COLUMNS_OF(T, A)                                                                                                 \
    extern "C" __global__ void scan_along_##T(u32 op, const T *x, T *y, const Chunks c, size_t) {                        \
        along<A>(op, x, y, c, [](T x) { return widen<A>(x); });                                                          \
    }                                                                                                                    \
    extern "C" __global__ void __launch_bounds__(THREADS, 4)                                                             \
        scan_columns_##T(u32 op, const T *x, T *y, const A *carries, A *totals, const Chunks c) {                        \
        columns<A>(op, x, y, carries, totals, c, [](T x) { return widen<A>(x); });                                       \
    }
#define KERNELS(T) LINES_OF(T, T, T, running<T>::type, (widen<running<T>::type>(x))) COLUMNS_OF(T, running<T>::type)
NUMBERS(KERNELS)
// How many flags there are up to each.
LINES_OF(flags, u8, i64, i64, (static_cast<i64>(x != 0)))

BLOCK_KERNEL scan_carry_f64(u32 op, f64 *totals, const Chunks c) { carry(op, totals, c); }
BLOCK_KERNEL scan_carry_i64(u32 op, i64 *totals, const Chunks c) { carry(op, totals, c); }

// The positions of the flags that are set, given how many there are up to each.
extern "C" __global__ void scan_positions(const u8 *flags, const i64 *upto, i64 *positions, size_t count) {
    for_each(count, [&](size_t at) {
        if (flags[at]) positions[upto[at] - 1] = static_cast<i64>(at);
    });
}
