// Mean and variance, by sums of the distances from a number near the mean and of their squares.
#pragma once
#include "reduce.cuh"

struct Distances {
    f64 sum;
    f64 squares;
};

// The distances are exact and their sums in f64. What is lost when the distance of the mean from `shift` is taken off
// again is that distance in deviations, squared, in units of 2^-53: at most n of them if `shift` is one of the elements,
// which f32 and smaller do not see. For f64 the mean itself is to be given.
//
// Of four elements of f32 and smaller, the distances from the first are summed in f32, and squared from their mean: there
// is nothing to take off again, so that what f32 rounds is in units of how far apart the four are. Only their mean goes on
// in f64, which most GPUs are slow at: half as many of its instructions as one element after the other would take.
template <class T, class Op> struct Moments : ReduceOp<Op> {
    using Item = compute_t<T>;
    using Acc = Distances;
    const T *x;
    const f64 *shifts;  // One for each result, or null: the first element.
    f64 n;
    f64 shift;
    __device__ Acc none() const { return {0.0, 0.0}; }
    __device__ void begin(i64 base, i64 output) { shift = shifts ? shifts[output] : static_cast<f64>(load(x[base])); }
    __device__ Item item(i64 offset) const { return load(x[offset]); }
    __device__ Acc lift(Item x, i64) const {
        const f64 distance = static_cast<f64>(x) - shift;
        return {distance, distance * distance};
    }
    __device__ Acc join(Acc a, Acc b) const { return {a.sum + b.sum, a.squares + b.squares}; }
    __device__ Acc four(Item a, Item b, Item c, Item d, i64 position, i64 step) const {
        if constexpr (sizeof(Item) == sizeof(f64)) return ReduceOp<Op>::four(a, b, c, d, position, step);
        b -= a, c -= a, d -= a;
        const Item sum = b + (c + d), mean = sum * Item(0.25);
        b -= mean, c -= mean, d -= mean;
        const f64 distance = (static_cast<f64>(a) - shift) + static_cast<f64>(sum) * 0.25, all = 4.0 * distance;
        return {all, all * distance + static_cast<f64>((mean * mean + b * b) + (c * c + d * d))};
    }
    __device__ f64 mean(Acc acc) const { return shift + acc.sum / n; }
    // The sum of the squared distances from the mean.
    __device__ f64 squares(Acc acc) const {
        const f64 rest = acc.squares - acc.sum * (acc.sum / n);
        return rest < 0.0 ? 0.0 : rest;
    }
};
