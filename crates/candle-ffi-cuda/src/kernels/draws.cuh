// Random bits by counting: Philox 4×32-10 (Salmon, Moraes, Dror and Shaw, 2011), the same as on the CPU.
#pragma once

#include "common.cuh"

// Two draws, which share one counter.
struct Draws {
    uint64_t first, second;
};

// Those of a counter, in one of the sequences of a seed.
__device__ __forceinline__ Draws draws(uint64_t seed, uint64_t counter, u32 sequence = 0) {
    u32 w0 = static_cast<u32>(counter), w1 = static_cast<u32>(counter >> 32), w2 = sequence, w3 = 0;
    u32 key0 = static_cast<u32>(seed), key1 = static_cast<u32>(seed >> 32);
#pragma unroll
    for (int round = 0; round < 10; ++round) {
        const uint64_t a = static_cast<uint64_t>(w0) * 0xd2511f53u, b = static_cast<uint64_t>(w2) * 0xcd9e8d57u;
        w0 = static_cast<u32>(b >> 32) ^ w1 ^ key0;
        w2 = static_cast<u32>(a >> 32) ^ w3 ^ key1;
        w1 = static_cast<u32>(b);
        w3 = static_cast<u32>(a);
        key0 += 0x9e3779b9u;
        key1 += 0xbb67ae85u;
    }
    return {static_cast<uint64_t>(w1) << 32 | w0, static_cast<uint64_t>(w3) << 32 | w2};
}

// The 64 random bits of a draw.
__device__ __forceinline__ uint64_t draw(uint64_t seed, uint64_t position) {
    const Draws both = draws(seed, position / 2);
    return position % 2 == 0 ? both.first : both.second;
}
