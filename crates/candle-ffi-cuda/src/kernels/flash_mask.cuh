// Which scores of a row there are in a tile, what is added to them, and which of its weights are kept.
#pragma once
#include "flash.cuh"

// The mask of some columns of a row: those of lane l are 8 n + 2 (l % 4) and the next one, and there are scores from `begin`
// up to `end`. The others become -∞.
template <int N> struct Masked {
    const u8 *at; // of column 0, if there is a mask
    i64 step;     // bytes from a column to the next
    int begin, end;

    // Of a query, with the keys from `start` on.
    __device__ __forceinline__ static Masked keys(const void *mask, const Rows &rows, const Place &place, i64 head,
                                                  int query, int start) {
        const int keys = static_cast<int>(rows.keys), end = rows.causal ? min(query + 1, keys) : keys;
        return {place_of(mask, rows, place, head, query, start), rows.mask_strides[3] * size(rows), 0,
                query < rows.queries ? end - start : 0};
    }

    // Of a key, with the queries from `start` on.
    __device__ __forceinline__ static Masked queries(const void *mask, const Rows &rows, const Place &place, i64 head,
                                                     int key, int start) {
        return {place_of(mask, rows, place, head, start, key), rows.mask_strides[2] * size(rows),
                rows.causal ? key - start : 0, key < rows.keys ? static_cast<int>(rows.queries) - start : 0};
    }

    __device__ __forceinline__ static i64 size(const Rows &rows) { return rows.mask_kind == 1 ? 1 : sizeof(f32); }

    __device__ __forceinline__ static const u8 *place_of(const void *mask, const Rows &rows, const Place &place, i64 head,
                                                         int query, int key) {
        const i64 element = place.batch * rows.mask_strides[0] + head * rows.mask_strides[1] +
                            query * rows.mask_strides[2] + key * rows.mask_strides[3];
        return static_cast<const u8 *>(mask) + element * size(rows);
    }

    // Leaves the scores alone that are there.
    __device__ __forceinline__ void cut(f32 (&scores)[N / 8][4], int half) const {
        each([&](int column, int n, int i) {
            if (column < begin || column >= end) scores[n][2 * half + i] = -INFINITY;
        });
    }

    // Scales and masks them.
    __device__ __forceinline__ void apply(f32 (&scores)[N / 8][4], int half, f32 scale, int kind) const {
        each([&](int, int n, int i) { scores[n][2 * half + i] *= scale; });
        const u8 *next = at + threadIdx.x % 4 * 2 * step;
        if (kind == 1) {
            each([&](int column, int n, int i) {
                const bool inside = column >= begin && column < end;
                if (inside && *next == 0) scores[n][2 * half + i] += -INFINITY;
                next += i == 0 ? step : 7 * step;
            });
        } else if (kind == 2) {
            each([&](int column, int n, int i) {
                const bool inside = column >= begin && column < end;
                if (inside) scores[n][2 * half + i] += *reinterpret_cast<const f32 *>(next);
                next += i == 0 ? step : 7 * step;
            });
        }
        cut(scores, half);
    }

    // Calls f(column, n, i) for the columns of this lane.
    template <class F> __device__ __forceinline__ static void each(F f) {
        const int first = threadIdx.x % 4 * 2;
#pragma unroll
        for (int n = 0; n < N / 8; ++n)
#pragma unroll
            for (int i = 0; i < 2; ++i) f(n * 8 + first + i, n, i);
    }
};

// Whether the weights of a key and of the next one are kept, in the two lowest bits.
__device__ __forceinline__ u32 kept_pair(const Rows &rows, size_t line, i64 key) {
    const auto [seed, position] = drawn(rows, line, key);
    const Draws own = draws(seed, position / 2);
    uint64_t first = own.first, second = own.second;
    if (position % 2 != 0) {
        first = second;
        second = draws(seed, position / 2 + 1).first;
    }
    return (first >> 11 < rows.threshold ? 1u : 0u) | (second >> 11 < rows.threshold ? 2u : 0u);
}

// The same of every row that a lane has of N queries, from its first one, for one key.
template <int N> __device__ __forceinline__ u32 kept_rows(const Rows &rows, size_t line, i64 key) {
    u32 bits = 0;
#pragma unroll 1
    for (int n = 0; n < N / 4; ++n) {
        const auto [seed, position] = drawn(rows, line + n / 2 * 8 + n % 2, key);
        bits |= (draw(seed, position) >> 11 < rows.threshold ? 1u : 0u) << n;
    }
    return bits;
}

// The same of every column that a lane has of N, from its first one: a bit for each. A loop, as the draws are long.
template <int N> __device__ __forceinline__ u32 kept_columns(const Rows &rows, size_t line, i64 first) {
    static_assert(N <= 128, "two bits for each 8 columns");
    u32 bits = 0;
#pragma unroll 1
    for (int n = 0; n < N / 8; ++n) bits |= kept_pair(rows, line, first + n * 8) << (2 * n);
    return bits;
}
