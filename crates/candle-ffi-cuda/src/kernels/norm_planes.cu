// Batch and group normalisation: an array [batch, channels, inner] in groups of planes that share a mean and a deviation,
// which are of the type that is computed in.
#include "elementwise.cuh"
#include "moments.cuh"

// `Shape` in planes.rs.
struct Planes {
    Divisor channels;
    Divisor inner;
    Divisor own;  // Channels of a sample that are a group; 0: a channel of all samples is one.
    __device__ __forceinline__ size_t channel_of(size_t plane) const {
        return plane - rows_before(plane, channels) * channels.size;
    }
    __device__ __forceinline__ size_t group_of(size_t plane) const {
        return own.size == 0 ? channel_of(plane) : rows_before(plane, own);
    }
};

template <class T> struct Statistics : Moments<T, Statistics<T>> {
    using C = compute_t<T>;
    C *means, *variances, *rstds;
    f64 eps;
    __device__ void write(i64 group, Distances total) const {
        const f64 variance = this->squares(total) / this->n;
        means[group] = static_cast<C>(this->mean(total));
        variances[group] = static_cast<C>(variance);
        rstds[group] = static_cast<C>(1.0 / sqrt(variance + eps));
    }
};

// y[i] = f(x[i]...) with the function that `of(plane)` gives for the plane of i. Where planes are whole packs of 16 bytes,
// elements are moved as such, and what a plane needs is looked up once for each.
template <class T, class Of, class... X>
__device__ __forceinline__ void for_each_in_plane(const Planes &planes, size_t count, Of of, T *y, const X *...x) {
    constexpr int N = 16 / sizeof(T);
    using Packed = Pack<T, N>;
    const auto aligned = [](const T *data) { return reinterpret_cast<uintptr_t>(data) % sizeof(Packed) == 0; };
    if (planes.inner.size % N == 0 && aligned(y) && (... && aligned(x))) {
        for_each(count / N, [&](size_t at) {
            const auto f = of(rows_before(at * N, planes.inner));
            reinterpret_cast<Packed *>(y)[at] = lanes_of<N, T>(f, reinterpret_cast<const Packed *>(x)[at]...);
        });
        return;
    }
    for_each(count, [&](size_t at) { y[at] = of(rows_before(at, planes.inner))(x[at]...); });
}

template <class T, class C = compute_t<T>>
__device__ __forceinline__ void affine(const T *x, const Planes &planes, const C *means, const C *rstds, const C *weight,
                                       const C *bias, T *y, size_t count) {
    const auto of = [&](size_t plane) {
        const size_t group = planes.group_of(plane), channel = planes.channel_of(plane);
        const C mean = means[group], scale = rstds[group] * (weight ? weight[channel] : C(1));
        const C shift = bias ? bias[channel] : C(0);
        return [=](T x) -> T { return store<T>((load(x) - mean) * scale + shift); };
    };
    for_each_in_plane(planes, count, of, y, x);
}

template <class T, class C = compute_t<T>>
__device__ __forceinline__ void gradient(const T *grad, const T *x, const Planes &planes, const C *means, const C *rstds,
                                         const C *weight, const C *shares, T *dx, size_t count) {
    const auto of = [&](size_t plane) {
        const size_t group = planes.group_of(plane);
        const C mean = means[group], factor = rstds[group] * (weight ? weight[planes.channel_of(plane)] : C(1));
        const C constant = shares[2 * group], slope = shares[2 * group + 1];
        return [=](T grad, T x) -> T { return store<T>(load(grad) * factor - constant - (load(x) - mean) * slope); };
    };
    for_each_in_plane(planes, count, of, dx, grad, x);
}

// The sums of the gradient, and of its products with the normalised elements, over a channel (own = 0) or a plane.
template <class C> struct Sums {
    f64 sum;
    f64 product;
};

template <class T> struct Gradients : ReduceOp<Gradients<T>> {
    using C = compute_t<T>;
    struct Item {
        C g;
        C distance;
    };
    using Acc = Sums<C>;
    const T *grad, *x;
    const C *means, *rstds;
    i64 own;
    Acc *sums;
    C center;
    __device__ i64 group(i64 output) const { return own == 0 ? output : output / own; }
    __device__ Acc none() const { return {0.0, 0.0}; }
    __device__ void begin(i64, i64 output) { center = means[group(output)]; }
    __device__ Item item(i64 offset) const { return {load(grad[offset]), load(x[offset]) - center}; }
    __device__ Acc lift(Item item, i64) const { return {item.g, item.g * item.distance}; }
    __device__ Acc join(Acc a, Acc b) const { return {a.sum + b.sum, a.product + b.product}; }
    __device__ Acc four(Item a, Item b, Item c, Item d, i64, i64) const {
        return {(a.g + b.g) + (c.g + d.g),
                (a.g * a.distance + b.g * b.distance) + (c.g * c.distance + d.g * d.distance)};
    }
    __device__ void write(i64 output, Acc total) const {
        sums[output] = {total.sum, total.product * static_cast<f64>(rstds[group(output)])};
    }
};

// For each channel (x of the block) the gradients of weight and bias: its sums, one or one of each sample, are dealt to the
// threads of y. For each group what its elements have taken off their gradients: a constant, and a slope times their
// distance from the mean.
template <class C>
__device__ __forceinline__ void totals(const Sums<C> *sums, const Planes &planes, i64 batch, i64 groups, const C *rstds,
                                       const C *weight, f64 share, C *shares, C *dweight, C *dbias) {
    __shared__ Sums<C> room[REDUCE_THREADS];
    const auto add = [](Sums<C> a, Sums<C> b) { return Sums<C>{a.sum + b.sum, a.product + b.product}; };
    const i64 own = max(planes.own.size, 1u), samples = planes.own.size == 0 ? 1 : batch, each = blockDim.x;
    const i64 channels = planes.channels.size, most = max(groups, channels);
    for (i64 first = blockIdx.x * each; first < most; first += gridDim.x * each) {
        const i64 i = first + threadIdx.x;
        Sums<C> group = {0.0, 0.0}, channel = {0.0, 0.0};
        if (i < groups) {
#pragma unroll 4
            for (i64 at = threadIdx.y; at < own; at += blockDim.y) {
                const i64 plane = i * own + at;
                const f64 factor = weight ? static_cast<f64>(weight[planes.channel_of(plane)]) : 1.0;
                group = add(group, {factor * sums[plane].sum, factor * sums[plane].product});
            }
        }
        if (i < channels) {
#pragma unroll 4
            for (i64 sample = threadIdx.y; sample < samples; sample += blockDim.y) {
                channel = add(channel, sums[sample * channels + i]);
            }
        }
        group = join_column(group, room, add);
        channel = join_column(channel, room, add);
        if (threadIdx.y > 0) continue;
        if (i < groups) {
            // Statistics that are fixed have no share, also in sums that are infinite.
            shares[2 * i] = share == 0 ? C(0) : static_cast<C>(group.sum * share) * rstds[i];
            shares[2 * i + 1] = share == 0 ? C(0) : static_cast<C>(group.product * share) * rstds[i] * rstds[i];
        }
        if (i < channels) {
            dweight[i] = static_cast<C>(channel.product);
            dbias[i] = static_cast<C>(channel.sum);
        }
    }
}

#define KERNELS(T)                                                                                                         \
    extern "C" __global__ void __launch_bounds__(REDUCE_THREADS)                                                           \
        norm_planes_moments_##T(const T *x, const f64 *shifts, compute_t<T> *means, compute_t<T> *variances,               \
                                compute_t<T> *rstds, f64 eps, const Reduction r, void *partial) {                          \
        Statistics<T> op;                                                                                                  \
        op.x = x, op.shifts = shifts, op.n = static_cast<f64>(r.n), op.shift = 0.0;                                        \
        op.means = means, op.variances = variances, op.rstds = rstds, op.eps = eps;                                        \
        reduce(op, r, static_cast<Distances *>(partial));                                                                  \
    }                                                                                                                      \
    extern "C" __global__ void norm_planes_affine_##T(const T *x, const Planes planes, const compute_t<T> *means,          \
                                                      const compute_t<T> *rstds, const compute_t<T> *weight,               \
                                                      const compute_t<T> *bias, T *y, size_t count) {                      \
        affine(x, planes, means, rstds, weight, bias, y, count);                                                           \
    }                                                                                                                      \
    extern "C" __global__ void __launch_bounds__(REDUCE_THREADS)                                                           \
        norm_planes_sums_##T(const T *grad, const T *x, const compute_t<T> *means, const compute_t<T> *rstds, i64 own,     \
                             Sums<compute_t<T>> *sums, const Reduction r, void *partial) {                                 \
        reduce(Gradients<T>{{}, grad, x, means, rstds, own, sums, 0}, r, static_cast<Sums<compute_t<T>> *>(partial));      \
    }                                                                                                                      \
    extern "C" __global__ void norm_planes_grad_##T(const T *grad, const T *x, const Planes planes,                        \
                                                    const compute_t<T> *means, const compute_t<T> *rstds,                  \
                                                    const compute_t<T> *weight, const compute_t<T> *shares, T *dx,         \
                                                    size_t count) {                                                        \
        gradient(grad, x, planes, means, rstds, weight, shares, dx, count);                                                \
    }
FLOATS(KERNELS)
#undef KERNELS

#define TOTALS(C)                                                                                                          \
    extern "C" __global__ void __launch_bounds__(REDUCE_THREADS)                                                           \
        norm_planes_totals_##C(const Sums<C> *sums, const Planes planes, i64 batch, i64 groups, const C *rstds,            \
                               const C *weight, f64 share, C *shares, C *dweight, C *dbias) {                              \
        totals(sums, planes, batch, groups, rstds, weight, share, shares, dweight, dbias);                                 \
    }
TOTALS(f32)
TOTALS(f64)
