// One launch over many tensors: a table of their addresses, which comes with the launch.
#pragma once
#include "elementwise.cuh"

// `Table` in tables.rs: up to CAPACITY tuples of D contiguous arrays of one length each, cut into chunks.
template <int D, int CAPACITY> struct Table {
    u32 count;
    // The first chunk of each tuple, and the number of all chunks.
    u32 first[CAPACITY + 1];
    uint64_t sizes[CAPACITY];
    void *at[D][CAPACITY];
};

// How many tuples have room beside the other arguments of a launch, which may have 4096 bytes.
template <int D> constexpr int CAPACITY = D == 1 ? 190 : D == 2 ? 140 : D == 3 ? 110 : D == 4 ? 90 : 76;
template <int D> using TableOf = Table<D, CAPACITY<D>>;

// The elements that a block does at a time.
constexpr size_t CHUNK = 4096;

struct Piece {
    u32 tuple;
    size_t start;
    size_t count;
};

template <int D> __device__ __forceinline__ Piece piece_of(const TableOf<D> &table, u32 chunk) {
    u32 low = 0, high = table.count;
    while (high - low > 1) {
        const u32 middle = (low + high) / 2;
        if (table.first[middle] <= chunk) low = middle;
        else high = middle;
    }
    const size_t start = static_cast<size_t>(chunk - table.first[low]) * CHUNK, size = table.sizes[low];
    return {low, start, size - start < CHUNK ? size - start : CHUNK};
}

// `body(element)` in the place of each element of the only array of a piece.
template <class T, class Body>
__device__ __forceinline__ void replace(const TableOf<1> &table, const Piece &piece, const Body &body) {
    constexpr int LANES = 16 / sizeof(T);
    T *x = static_cast<T *>(table.at[0][piece.tuple]) + piece.start;
    const Reader<T> reader(x);
    const size_t packs = reader.template aligned<LANES>() ? piece.count / LANES : 0;
    for (size_t at = threadIdx.x; at < packs; at += blockDim.x) {
        reinterpret_cast<Pack<T, LANES> *>(x)[at] = lanes_of<LANES, T>(body, reader.template pack<LANES>(at));
    }
    for (size_t at = packs * LANES + threadIdx.x; at < piece.count; at += blockDim.x) x[at] = body(x[at]);
}

// `body(piece)` for each chunk of a block.
template <int D, class Body> __device__ __forceinline__ void for_each_piece(const TableOf<D> &table, Body body) {
    for (u32 chunk = blockIdx.x; chunk < table.first[table.count]; chunk += gridDim.x) body(piece_of<D>(table, chunk), chunk);
}
