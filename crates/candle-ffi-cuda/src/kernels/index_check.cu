// Whether all indices are inside a dimension.
#include "index_check.cuh"

struct Check : ReduceOp<Check> {
    using Item = i64;
    using Acc = Outside;
    const i64 *index;
    i64 size;
    Report report;
    __device__ Acc none() const { return {-1, 0}; }
    __device__ Item item(i64 offset) const { return index[offset]; }
    __device__ Acc lift(Item index, i64 position) const {
        return index >= 0 && index < size ? none() : Outside{position, index};
    }
    __device__ Acc join(Acc a, Acc b) const { return first_of(a, b); }
    __device__ void write(i64, Acc total) const { report.say(total); }
};

extern "C" __global__ void __launch_bounds__(REDUCE_THREADS)
    index_check_i64(const i64 *index, i64 size, const Report report, const Reduction r, void *partial) {
    reduce(Check{{}, index, size, report}, r, static_cast<Outside *>(partial));
}
