// Batch and group normalisation: an array [batch, channels, inner] in groups of planes that share a mean and a deviation,
// which are of the type that is computed in.
#include "moments.cuh"

// `Shape` in planes.rs.
struct Planes {
    i64 channels;
    i64 inner;
    i64 own;  // Channels of a sample that are a group; 0: a channel of all samples is one.
    __device__ i64 group_of(i64 plane) const { return own == 0 ? plane % channels : plane / own; }
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

// Calls f(position, plane) in 32 bits where they do.
template <class F> __device__ __forceinline__ void for_each_in_plane(const Planes &planes, size_t count, F f) {
    const bool small = count <= UINT32_MAX;
    for_each(count, [&](size_t at) {
        const i64 plane = small ? static_cast<i64>(static_cast<u32>(at) / static_cast<u32>(planes.inner))
                                : static_cast<i64>(at) / planes.inner;
        f(at, plane);
    });
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

// What every element of a group has taken off its gradient: a constant, and a slope times its distance from the mean.
// For each channel the gradients of weight and bias.
template <class C>
__device__ __forceinline__ void totals(const Sums<C> *sums, const Planes &planes, i64 batch, i64 groups, const C *rstds,
                                       const C *weight, f64 share, C *shares, C *dweight, C *dbias) {
    for_each(static_cast<size_t>(max(groups, planes.channels)), [&](size_t at) {
        const i64 i = static_cast<i64>(at);
        if (i < groups) {
            f64 sum = 0.0, product = 0.0;
            const i64 own = planes.own == 0 ? 1 : planes.own;
            for (i64 plane = i * own; plane < (i + 1) * own; ++plane) {
                const f64 factor = weight ? static_cast<f64>(weight[plane % planes.channels]) : 1.0;
                sum += factor * sums[plane].sum;
                product += factor * sums[plane].product;
            }
            shares[2 * i] = static_cast<C>(sum * share) * rstds[i];
            shares[2 * i + 1] = static_cast<C>(product * share) * rstds[i] * rstds[i];
        }
        if (i < planes.channels) {
            f64 sum = 0.0, product = 0.0;
            for (i64 sample = 0; sample < (planes.own == 0 ? 1 : batch); ++sample) {
                sum += sums[sample * planes.channels + i].sum;
                product += sums[sample * planes.channels + i].product;
            }
            dweight[i] = static_cast<C>(product);
            dbias[i] = static_cast<C>(sum);
        }
    });
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
        using C = compute_t<T>;                                                                                            \
        for_each_in_plane(planes, count, [&](size_t at, i64 plane) {                                                       \
            const i64 group = planes.group_of(plane), channel = plane % planes.channels;                                   \
            const C scale = rstds[group] * (weight ? weight[channel] : C(1));                                              \
            y[at] = store<T>((load(x[at]) - means[group]) * scale + (bias ? bias[channel] : C(0)));                        \
        });                                                                                                                \
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
        using C = compute_t<T>;                                                                                            \
        for_each_in_plane(planes, count, [&](size_t at, i64 plane) {                                                       \
            const i64 group = planes.group_of(plane);                                                                      \
            const C factor = rstds[group] * (weight ? weight[plane % planes.channels] : C(1));                             \
            const C distance = load(x[at]) - means[group];                                                                 \
            dx[at] = store<T>(load(grad[at]) * factor - shares[2 * group] - distance * shares[2 * group + 1]);             \
        });                                                                                                                \
    }
FLOATS(KERNELS)
#undef KERNELS

#define TOTALS(C)                                                                                                          \
    extern "C" __global__ void norm_planes_totals_##C(const Sums<C> *sums, const Planes planes, i64 batch, i64 groups,     \
                                                      const C *rstds, const C *weight, f64 share, C *shares, C *dweight,   \
                                                      C *dbias, size_t) {                                                  \
        totals(sums, planes, batch, groups, rstds, weight, share, shares, dweight, dbias);                                 \
    }
TOTALS(f32)
TOTALS(f64)
