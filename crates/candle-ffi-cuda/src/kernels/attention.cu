// What is between the products of attention: the masked softmax of scores, and its gradient.
#include "attention.cuh"

// A row of the chunk.
struct Row {
    i64 batch, head, query;
    size_t line; // among all rows
    i64 reach;   // how many keys it takes
};

__device__ __forceinline__ Row row_of(const Rows &rows, size_t at) {
    Row row;
    row.query = rows.first_query + static_cast<i64>(at % rows.chunk_queries);
    const size_t head = at / rows.chunk_queries;
    row.head = static_cast<i64>(head % rows.heads);
    row.batch = rows.first_batch + static_cast<i64>(head / rows.heads);
    row.line = static_cast<size_t>((row.batch * rows.heads + row.head) * rows.queries + row.query);
    row.reach = rows.causal ? min(row.query + 1, rows.keys) : rows.keys;
    return row;
}

// A score with its mask.
template <class C>
__device__ __forceinline__ C masked(C score, const Rows &rows, const Row &row, const void *mask, i64 key) {
    if (rows.mask_kind == 0) return score;
    const i64 at = row.batch * rows.mask_strides[0] + row.head * rows.mask_strides[1] +
                   row.query * rows.mask_strides[2] + key * rows.mask_strides[3];
    if (rows.mask_kind == 1) return static_cast<const u8 *>(mask)[at] != 0 ? score : score + C(-INFINITY);
    return score + static_cast<const C *>(mask)[at];
}

// What a weight is multiplied with.
template <class C> __device__ __forceinline__ C kept(const Rows &rows, const Row &row, i64 key) {
    if (!rows.dropout) return C(1);
    const Drawn at = drawn(rows, row.line, key);
    return draw(at.seed, at.position) >> 11 < rows.threshold ? static_cast<C>(rows.kept) : C(0);
}

// The maximum of some scores, and the sum of exponentials of their distances from it.
template <class C> struct Running {
    C most = C(-INFINITY), sum = 0;

    __device__ __forceinline__ void add(C score) {
        if (score > most) {
            sum = sum * exp(most - score) + 1;
            most = score;
        } else if (score != C(-INFINITY)) {
            sum += exp(score - most);
        }
    }

    __device__ __forceinline__ void join(C other_most, C other_sum) {
        const C larger = other_most > most ? other_most : most;
        // Nothing is taken by either: sums are zero, or NaN.
        if (larger == C(-INFINITY)) {
            sum += other_sum;
            return;
        }
        sum = sum * exp(most - larger) + other_sum * exp(other_most - larger);
        most = larger;
    }
};

// A row for each line of threads of a block: a warp, or all of a block of one line. The scores of a type may become weights
// in place.
template <class T>
__device__ void softmax(const compute_t<T> *scores, const void *mask, T *weights, compute_t<T> *statistics,
                        const Rows &rows, size_t count) {
    using C = compute_t<T>;
    __shared__ C parts[2][32];
    for (size_t first = static_cast<size_t>(blockIdx.x) * blockDim.y; first < count;
         first += static_cast<size_t>(gridDim.x) * blockDim.y) {
        // With a line for each warp the last rows may be too few; with one line there is always one.
        const size_t at = first + threadIdx.y;
        if (at >= count) continue;
        const Row row = row_of(rows, at);
        const C *from = scores + at * rows.keys;
        Running<C> own;
        for (i64 key = threadIdx.x; key < row.reach; key += blockDim.x) own.add(masked(from[key], rows, row, mask, key));
        for (int distance = 16; distance > 0; distance /= 2) {
            const C most = __shfl_xor_sync(0xffffffffu, own.most, distance);
            const C sum = __shfl_xor_sync(0xffffffffu, own.sum, distance);
            own.join(most, sum);
        }
        if (blockDim.x > 32) {
            if (threadIdx.x % 32 == 0) {
                parts[0][threadIdx.x / 32] = own.most;
                parts[1][threadIdx.x / 32] = own.sum;
            }
            __syncthreads();
            own = {};
            for (unsigned warp = 0; warp < blockDim.x / 32; ++warp) own.join(parts[0][warp], parts[1][warp]);
            __syncthreads();
        }
        // An infinite score has no distance from itself.
        if (own.most == C(INFINITY)) own.sum = C(NAN);
        const C shift = own.most == C(-INFINITY) ? C(0) : own.most;
        const C scale = own.sum == C(0) ? C(0) : C(1) / own.sum;
        if (threadIdx.x == 0) {
            statistics[2 * row.line] = shift;
            statistics[2 * row.line + 1] = own.sum == C(0) ? C(INFINITY) : log(own.sum);
        }
        T *to = weights + at * rows.keys;
        for (i64 key = threadIdx.x; key < rows.keys; key += blockDim.x) {
            C weight = 0;
            if (key < row.reach && own.sum != C(0)) {
                weight = exp(masked(from[key], rows, row, mask, key) - shift) * scale * kept<C>(rows, row, key);
            }
            to[key] = store<T>(weight);
        }
    }
}

// From scores and the gradient of the weights: the weights that the values were multiplied with, and the gradient of the
// scores. Either may take the place of what it is made of.
template <class T>
__device__ void slopes(const compute_t<T> *scores, const compute_t<T> *grads, const void *mask,
                       const compute_t<T> *statistics, const compute_t<T> *along, T *weights, T *slopes,
                       const Rows &rows, size_t count) {
    using C = compute_t<T>;
    for_each(count, [&](size_t at) {
        const Row row = row_of(rows, at / rows.keys);
        const i64 key = static_cast<i64>(at % rows.keys);
        C weight = 0, slope = 0;
        if (key < row.reach) {
            const C *own = statistics + 2 * row.line;
            const C all = exp(masked(scores[at], rows, row, mask, key) - own[0] - own[1]);
            const C factor = kept<C>(rows, row, key);
            slope = all * (grads[at] * factor - along[row.line]);
            weight = all * factor;
        }
        weights[at] = store<T>(weight);
        slopes[at] = store<T>(slope);
    });
}

struct Strides {
    i64 of[3];
};

// For each query the product of its result and the gradient of that, by a warp.
template <class T>
__device__ void along(const T *grad, const Strides &grad_strides, const T *out, const Strides &out_strides,
                      compute_t<T> *to, i64 heads, i64 queries, i64 width, size_t count) {
    using C = compute_t<T>;
    const size_t step = static_cast<size_t>(gridDim.x) * blockDim.x / 32;
    for (size_t at = (static_cast<size_t>(blockIdx.x) * blockDim.x + threadIdx.x) / 32; at < count; at += step) {
        const i64 query = static_cast<i64>(at % queries), head = static_cast<i64>(at / queries % heads);
        const i64 batch = static_cast<i64>(at / queries / heads);
        const auto start = [&](const Strides &strides) {
            return batch * strides.of[0] + head * strides.of[1] + query * strides.of[2];
        };
        const T *left = grad + start(grad_strides), *right = out + start(out_strides);
        C sum = 0;
        for (i64 i = threadIdx.x % 32; i < width; i += 32) sum += load(left[i]) * load(right[i]);
        for (int distance = 16; distance > 0; distance /= 2) sum += __shfl_down_sync(0xffffffffu, sum, distance);
        if (threadIdx.x % 32 == 0) to[at] = sum;
    }
}

#define KERNELS(T)                                                                                               \
    extern "C" __global__ void attention_softmax_##T(const compute_t<T> *scores, const void *mask, T *weights,   \
                                                     compute_t<T> *statistics, const Rows rows, size_t count) {  \
        softmax<T>(scores, mask, weights, statistics, rows, count);                                              \
    }                                                                                                            \
    extern "C" __global__ void attention_slopes_##T(                                                             \
        const compute_t<T> *scores, const compute_t<T> *grads, const void *mask, const compute_t<T> *statistics, \
        const compute_t<T> *along, T *weights, T *to, const Rows rows, size_t count) {                           \
        slopes<T>(scores, grads, mask, statistics, along, weights, to, rows, count);                             \
    }                                                                                                            \
    extern "C" __global__ void attention_along_##T(const T *grad, const Strides grad_strides, const T *out,      \
                                                   const Strides out_strides, compute_t<T> *to, i64 heads,       \
                                                   i64 queries, i64 width, size_t count) {                       \
        along<T>(grad, grad_strides, out, out_strides, to, heads, queries, width, count);                        \
    }
FLOATS(KERNELS)
