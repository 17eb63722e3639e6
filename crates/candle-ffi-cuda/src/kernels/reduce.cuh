// Reductions of strided elements: `n` elements to each of `outputs` results, by blocks in one or two stages.
#pragma once
#include "common.cuh"

// `Reduction` in reduce.rs.
struct Reduction {
    Layout kept;     // Where the elements of a result begin.
    Layout reduced;  // Where the elements of a result lie from there on.
    i64 outputs;
    i64 n;
    i64 part;   // Elements of a result that one block looks at.
    i64 parts;  // More than one: they are joined in a second stage.
    u32 rows;   // Whether neighbouring threads (x) look at elements of one result, else at neighbouring results.
    u32 stage;
};

constexpr int REDUCE_THREADS = 256;

// What threads of one warp exchange, of any size.
template <class A> __device__ __forceinline__ A shuffle_xor(A value, int mask) {
    constexpr int WORDS = sizeof(A) / sizeof(u32);
    static_assert(sizeof(A) % sizeof(u32) == 0, "whole words");
    u32 words[WORDS];
    memcpy(words, &value, sizeof(A));
#pragma unroll
    for (int i = 0; i < WORDS; ++i) words[i] = __shfl_xor_sync(~0u, words[i], mask);
    memcpy(&value, words, sizeof(A));
    return value;
}

// The join over the `lanes` (a power of two) threads of neighbouring x that share a y; known to all of them. `room` has
// an element for each warp of the block. Every thread of the block comes here.
template <class A, class Join> __device__ __forceinline__ A join_row(A value, int lanes, A *room, Join join) {
#pragma unroll 1
    for (int mask = min(lanes, 32) / 2; mask > 0; mask /= 2) value = join(value, shuffle_xor(value, mask));
    if (lanes <= 32) return value;
    const int thread = threadIdx.y * blockDim.x + threadIdx.x, warps = lanes / 32;
    __syncthreads();
    if (thread % 32 == 0) room[thread / 32] = value;
    __syncthreads();
    const A *row = room + thread / lanes * warps;
    value = row[0];
#pragma unroll 1
    for (int warp = 1; warp < warps; ++warp) value = join(value, row[warp]);
    return value;
}

// The same over the threads that share an x, a power of two of them. `room` has an element for each thread.
template <class A, class Join> __device__ __forceinline__ A join_column(A value, A *room, Join join) {
    const int own = threadIdx.y * blockDim.x + threadIdx.x;
    __syncthreads();
    room[own] = value;
#pragma unroll 1
    for (int half = blockDim.y / 2; half > 0; half /= 2) {
        __syncthreads();
        if (threadIdx.y < half) room[own] = join(room[own], room[own + half * blockDim.x]);
    }
    __syncthreads();
    return room[threadIdx.x];
}

// An operation is a structure with
//   Item, Acc                        what an element is read as, and what elements are joined to;
//   none()                           the Acc of no element;
//   begin(base, output)              called before the elements of a result, which begin at `base`;
//   item(offset)                     reads an element;
//   lift(item, position), join(a, b), four(a, b, c, d, position, step);
//   write(output, acc)               keeps a result.
// `four` is of its own so that sums can add a few elements in their own type before they go to a wider one.
template <class Op> struct ReduceOp {
    __device__ void begin(i64, i64) {}
    template <class Item> __device__ auto four(Item a, Item b, Item c, Item d, i64 position, i64 step) const {
        const Op &op = static_cast<const Op &>(*this);
        return op.join(op.join(op.lift(a, position), op.lift(b, position + step)),
                       op.join(op.lift(c, position + 2 * step), op.lift(d, position + 3 * step)));
    }
};

// Where the positions `at`, `at + step`, … of two dimensions lie, with one division for all of them.
struct Walk {
    i64 offset, jump, wrap;
    u32 column, step, columns;
    __device__ __forceinline__ Walk(const Layout &layout, i64 base, i64 at, i64 by) : columns(layout.dims[1].size) {
        const i64 row = static_cast<i64>(rows_before(static_cast<size_t>(at), layout.dims[1]));
        const i64 rows = static_cast<i64>(rows_before(static_cast<size_t>(by), layout.dims[1]));
        column = static_cast<u32>(at - row * columns);
        step = static_cast<u32>(by - rows * columns);
        offset = base + row * layout.strides[0] + column * layout.strides[1];
        jump = rows * layout.strides[0] + step * layout.strides[1];
        wrap = layout.strides[0] - columns * layout.strides[1];
    }
    __device__ __forceinline__ i64 next() {
        const i64 found = offset;
        const u32 left = columns - step;
        const bool over = column >= left;
        column = over ? column - left : column + step;
        offset += over ? jump + wrap : jump;
        return found;
    }
};

// Joins the positions `at`, `at + step`, … before `end`, whose offsets `next` tells one after the other. Four are read before
// any is used.
template <class Op, class Next>
__device__ __forceinline__ typename Op::Acc reduce_walk(const Op &op, i64 at, i64 end, i64 step, Next next) {
    typename Op::Acc total = op.none();
#pragma unroll 1
    for (; at + 3 * step < end; at += 4 * step) {
        const i64 first = next(), second = next(), third = next(), fourth = next();
        const auto a = op.item(first), b = op.item(second), c = op.item(third), d = op.item(fourth);
        total = op.join(total, op.four(a, b, c, d, at, step));
    }
#pragma unroll 1
    for (; at < end; at += step) total = op.join(total, op.lift(op.item(next()), at));
    return total;
}

// What one thread makes of the positions `at`, `at + step`, … before `end`.
template <class Op>
__device__ __forceinline__ typename Op::Acc reduce_thread(const Op &op, const Reduction &r, i64 base, i64 at, i64 end,
                                                          i64 step) {
    if (r.reduced.rank <= 1) {
        const i64 stride = r.reduced.rank == 0 ? 1 : r.reduced.strides[0], jump = step * stride;
        i64 offset = base + at * stride - jump;
        return reduce_walk(op, at, end, step, [&] { return offset += jump; });
    }
    if (r.reduced.rank == 2) {
        Walk walk(r.reduced, base, at, step);
        return reduce_walk(op, at, end, step, [&] { return walk.next(); });
    }
    typename Op::Acc total = op.none();
#pragma unroll 1
    for (; at < end; at += step) {
        const i64 offset = base + offset_of(r.reduced, static_cast<size_t>(at));
        total = op.join(total, op.lift(op.item(offset), at));
    }
    return total;
}

template <class Op> __device__ __forceinline__ void reduce(Op op, const Reduction &r, typename Op::Acc *partial) {
    using Acc = typename Op::Acc;
    // Raw bytes, since an Acc may have a constructor.
    __shared__ __align__(16) unsigned char bytes[REDUCE_THREADS * sizeof(Acc)];
    Acc *room = reinterpret_cast<Acc *>(bytes);
    const auto join = [&](Acc a, Acc b) { return op.join(a, b); };
    const bool last = r.stage == 1, rows = r.rows || last;
    const int lane = rows ? threadIdx.x : threadIdx.y, lanes = rows ? blockDim.x : blockDim.y;
    const int own = rows ? threadIdx.y : threadIdx.x, each = rows ? blockDim.y : blockDim.x;
    for (i64 first = static_cast<i64>(blockIdx.x) * each; first < r.outputs; first += static_cast<i64>(gridDim.x) * each) {
        const i64 output = first + own;
        const bool inside = output < r.outputs;
        Acc total = op.none();
        if (inside) {
            const i64 base = offset_of(r.kept, static_cast<size_t>(output));
            if (r.n > 0) op.begin(base, output);
            if (last) {
#pragma unroll 1
                for (i64 part = lane; part < r.parts; part += lanes) {
                    total = join(total, partial[part * r.outputs + output]);
                }
            } else {
                const i64 start = static_cast<i64>(blockIdx.y) * r.part;
                total = reduce_thread(op, r, base, start + lane, min(start + r.part, r.n), static_cast<i64>(lanes));
            }
        }
        total = rows ? join_row(total, lanes, room, join) : join_column(total, room, join);
        if (inside && lane == 0) {
            if (r.parts > 1 && !last) {
                partial[static_cast<i64>(blockIdx.y) * r.outputs + output] = total;
            } else {
                op.write(output, total);
            }
        }
    }
}

// Which of two numbers comes out as the larger (or the smaller); NaN comes out before any number.
template <bool MAX, class A> __device__ __forceinline__ bool beats(A a, A b) {
    if (a != a) return b == b;
    return MAX ? a > b : a < b;
}

// What integers narrower than a word are compared as.
template <class T> struct widened { using type = compute_t<T>; };
template <> struct widened<u8> { using type = i32; };
template <> struct widened<i16> { using type = i32; };
template <class T> using wide_t = typename widened<T>::type;
