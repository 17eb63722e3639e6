// Where in the sequence of a generator a kernel begins.
#pragma once
#include <stdint.h>

// Of a kernel in a graph what is known in advance is only the draw counted from where the graph begins: seed and begin are
// in the device's memory, written before each launch of the graph. For others there is no such place.
__device__ __forceinline__ void begin_at(uint64_t &seed, uint64_t &offset, const uint64_t *place) {
    if (!place) return;
    seed = place[0];
    offset += place[1];
}
