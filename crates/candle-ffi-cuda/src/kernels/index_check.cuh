// Looking for indices that are not there.
#pragma once
#include "reduce.cuh"

// The first index outside 0..size, and where it stands; a negative position where all are inside.
struct Outside {
    i64 position;
    i64 index;
};

__device__ __forceinline__ Outside first_of(Outside a, Outside b) {
    if (a.position < 0) return b;
    if (b.position < 0) return a;
    return a.position < b.position ? a : b;
}

// Tells the host, which looks without waiting: when it sees the position, the index is there.
__device__ __forceinline__ void tell(Outside *to, Outside found) {
    volatile Outside *seen = to;
    seen->index = found.index;
    __threadfence_system();
    seen->position = found.position;
}

// `Slot` in report.rs: where it is said, and whether it is said also that all are inside.
struct Report {
    Outside *to;
    uint64_t always;
    __device__ __forceinline__ void say(Outside found) const {
        if (always || found.position >= 0) tell(to, found);
    }
};
