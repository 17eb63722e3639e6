// What the kernels of attention have in common.
#pragma once
#include "draws.cuh"
#include "place.cuh"

// `Rows` in attention.rs: which rows of the scores a chunk has, and what is done to them besides the softmax.
struct Rows {
    i64 heads, queries, keys;                      // of the whole
    i64 first_batch, first_query, chunk_queries;   // of the chunk
    i64 mask_strides[4];
    uint64_t seed, offset;            // of the dropout
    const uint64_t *place;            // of `begin_at`
    uint64_t threshold;
    f64 kept;                         // what a weight that is not dropped is multiplied with
    int causal, mask_kind, dropout;   // the kind of the mask: 0 none, 1 bools, 2 numbers that are added
};

// Which draw of which seed.
struct Drawn {
    uint64_t seed, position;
};

// The draw of a weight: `line` is the number of its query among those of all heads.
__device__ __forceinline__ Drawn drawn(const Rows &rows, size_t line, i64 key) {
    uint64_t seed = rows.seed, offset = rows.offset;
    begin_at(seed, offset, rows.place);
    return {seed, offset + static_cast<uint64_t>(line) * rows.keys + key};
}
