// Order along lines: elements become unsigned keys of the same order, with their positions behind them, so that no two are
// equal and the order is that of a stable sort. Tiles are sorted in shared memory and then merged in pairs.
#include "common.cuh"

// Keys of at most 32 bits, with the position below.
struct Short {
    uint64_t bits;
    __device__ static Short of(uint64_t key, i64 position) { return {key << 32 | static_cast<uint64_t>(position)}; }
    __device__ bool before(const Short &other) const { return bits < other.bits; }
    __device__ i64 position() const { return static_cast<i64>(bits & UINT32_MAX); }
};

struct Long {
    uint64_t key;
    uint64_t at;
    __device__ static Long of(uint64_t key, i64 position) { return {key, static_cast<uint64_t>(position)}; }
    __device__ bool before(const Long &other) const { return key < other.key || (key == other.key && at < other.at); }
    __device__ i64 position() const { return static_cast<i64>(at); }
};

template <class T> struct key_of { using type = Short; };
template <> struct key_of<i64> { using type = Long; };
template <> struct key_of<f64> { using type = Long; };

__device__ __forceinline__ uint64_t key(u8 x) { return x; }
__device__ __forceinline__ uint64_t key(u32 x) { return x; }
__device__ __forceinline__ uint64_t key(i32 x) { return static_cast<u32>(x) ^ 0x80000000u; }
__device__ __forceinline__ uint64_t key(i16 x) { return key(static_cast<i32>(x)); }
__device__ __forceinline__ uint64_t key(i64 x) { return static_cast<uint64_t>(x) ^ (1ull << 63); }
// NaN is the largest; both zeros become one.
__device__ __forceinline__ uint64_t key(f32 x) {
    if (x != x) return UINT32_MAX;
    const u32 bits = x == 0.0f ? 0u : __float_as_uint(x);
    return bits >> 31 ? static_cast<u32>(~bits) : bits | 0x80000000u;
}
__device__ __forceinline__ uint64_t key(f64 x) {
    if (x != x) return UINT64_MAX;
    const uint64_t bits = x == 0.0 ? 0ull : static_cast<uint64_t>(__double_as_longlong(x));
    return bits >> 63 ? ~bits : bits | 1ull << 63;
}
__device__ __forceinline__ uint64_t key(f16 x) { return key(load(x)); }
__device__ __forceinline__ uint64_t key(bf16 x) { return key(load(x)); }

// The lines of an array [outer, n, inner], and which places of their order are wanted.
struct Order {
    i64 lines;
    i64 n;
    i64 inner;
    i64 first;  // The first place that is wanted,
    i64 k;      // and how many.
    u32 descending;
};

// Where the position that comes at a place of the order of a line is put.
__device__ __forceinline__ void put(const Order &o, i64 line, i64 place, i64 position, i64 *out) {
    const i64 wanted = place - o.first;
    if (wanted < 0 || wanted >= o.k) return;
    const i64 plane = line / o.inner;
    out[(plane * o.k + wanted) * o.inner + (line - plane * o.inner)] = position;
}

constexpr int TILE = 1024;

// Blocks of TILE / 2 threads sort tiles of `tile` (a power of two, at most TILE) elements; several lines fit into a block
// where they are short. The sorted tiles go to `keys`, [lines, n], or, where a tile is a line, their positions to `out`.
template <class K, class T>
__device__ __forceinline__ void tiles(const T *x, const Order &o, i64 tile, i64 tiles_of_line, K *keys, i64 *out) {
    __shared__ __align__(16) unsigned char bytes[TILE * sizeof(K)];
    K *room = reinterpret_cast<K *>(bytes);
    const i64 each = TILE / tile, all = o.lines * tiles_of_line;
    const auto of_thread = [&](int i, i64 first, i64 &line, i64 &at) {
        const i64 which = first + i / tile;
        line = which / tiles_of_line;
        at = (which - line * tiles_of_line) * tile + i % tile;
        return which < all && at < o.n;
    };
    for (i64 first = static_cast<i64>(blockIdx.x) * each; first < all; first += static_cast<i64>(gridDim.x) * each) {
        __syncthreads();
        for (int i = threadIdx.x; i < TILE; i += blockDim.x) {
            i64 line, at;
            const bool there = of_thread(i, first, line, at);
            uint64_t bits = sizeof(K) == 8 ? UINT32_MAX : UINT64_MAX;
            if (there) {
                const i64 plane = line / o.inner;
                const uint64_t own = key(x[(plane * o.n + at) * o.inner + (line - plane * o.inner)]);
                bits = o.descending ? (sizeof(K) == 8 ? own ^ UINT32_MAX : ~own) : own;
            }
            // What fills a tile up comes last: no key is larger, and no position.
            room[i] = K::of(bits, at);
        }
        for (int size = 2; size <= tile; size *= 2) {
            for (int distance = size / 2; distance > 0; distance /= 2) {
                __syncthreads();
                const int low = 2 * threadIdx.x - (threadIdx.x & (distance - 1)), high = low + distance;
                const bool up = ((low & (tile - 1)) & size) == 0 || size == tile;
                const K a = room[low], b = room[high];
                if (b.before(a) == up) room[low] = b, room[high] = a;
            }
        }
        __syncthreads();
        for (int i = threadIdx.x; i < TILE; i += blockDim.x) {
            i64 line, at;
            if (!of_thread(i, first, line, at)) continue;
            if (keys) {
                keys[line * o.n + at] = room[i];
            } else {
                put(o, line, at, room[i].position(), out);
            }
        }
    }
}

// Runs of `width` become runs twice as long: each element finds its place by how many of the other run come before it.
// After the last step, the positions go to `out` instead.
template <class K> __device__ __forceinline__ void merge(const K *from, K *to, const Order &o, i64 width, i64 *out) {
    for_each(static_cast<size_t>(o.lines * o.n), [&](size_t index) {
        const i64 line = static_cast<i64>(index) / o.n, at = static_cast<i64>(index) - line * o.n;
        const K *keys = from + line * o.n;
        const i64 start = at / (2 * width) * (2 * width), middle = min(start + width, o.n), end = min(middle + width, o.n);
        const K own = keys[at];
        const bool left = at < middle;
        const i64 others = left ? middle : start;
        i64 low = others, high = left ? end : middle;
        while (low < high) {
            const i64 half = low + (high - low) / 2;
            if (keys[half].before(own)) {
                low = half + 1;
            } else {
                high = half;
            }
        }
        const i64 place = start + (at - (left ? start : middle)) + (low - others);
        if (out) {
            put(o, line, place, own.position(), out);
        } else {
            to[line * o.n + place] = own;
        }
    });
}

#define KERNELS(T)                                                                                                        \
    extern "C" __global__ void __launch_bounds__(TILE / 2)                                                                \
        sort_tiles_##T(const T *x, const Order o, i64 tile, i64 tiles_of_line, void *keys, i64 *out) {                    \
        using K = key_of<T>::type;                                                                                        \
        tiles<K>(x, o, tile, tiles_of_line, static_cast<K *>(keys), out);                                                 \
    }
NUMBERS(KERNELS)

extern "C" __global__ void sort_merge_short(const Short *from, Short *to, const Order o, i64 width, i64 *out, size_t) {
    merge(from, to, o, width, out);
}
extern "C" __global__ void sort_merge_long(const Long *from, Long *to, const Order o, i64 width, i64 *out, size_t) {
    merge(from, to, o, width, out);
}
