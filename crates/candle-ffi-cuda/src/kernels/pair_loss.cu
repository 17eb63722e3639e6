// Losses of two arrays, element by element, and their gradients: of an input x and a target t.
#include "common.cuh"

// The order of `PairLoss` in pair_loss.rs.
enum Loss { ABSOLUTE, SMOOTH_L1, HUBER, BINARY, BINARY_WITH_LOGITS, SOFT_MARGIN, DIVERGENCE, DIVERGENCE_OF_LOGS };

template <class C> __device__ __forceinline__ C sign(C x) { return x > C(0) ? C(1) : (x < C(0) ? C(-1) : x); }

// x limited to -bound..bound; NaN stays.
template <class C> __device__ __forceinline__ C limited(C x, C bound) {
    const C above = x < -bound ? -bound : x;
    return above > bound ? bound : above;
}

template <class C> __device__ __forceinline__ C at_least(C x, C least) { return x < least ? least : x; }

// ln(1 + exp(x)) without overflow.
template <class C> __device__ __forceinline__ C softplus(C x) { return at_least(x, C(0)) + log1p(exp(-fabs(x))); }

template <class C> __device__ __forceinline__ C sigmoid(C x) {
    const C e = exp(-fabs(x));
    return x >= C(0) ? C(1) / (C(1) + e) : (x < C(0) ? e / (C(1) + e) : x);
}

// The kind is the same for all threads, so that the choice costs nothing beside the memory.
template <class C> __device__ C value(u32 loss, C x, C t, C bound) {
    switch (loss) {
        case ABSOLUTE: return fabs(x - t);
        case SMOOTH_L1: {
            const C distance = fabs(x - t);
            return distance < bound ? C(0.5) * distance * distance / bound : distance - C(0.5) * bound;
        }
        case HUBER: {
            const C distance = fabs(x - t);
            return distance <= bound ? C(0.5) * distance * distance : bound * (distance - C(0.5) * bound);
        }
        case BINARY: {
            const C floor = C(-100), own = at_least(log(x), floor), other = at_least(log1p(-x), floor);
            return (t - C(1)) * other - t * own;
        }
        case BINARY_WITH_LOGITS: return (C(1) - t) * x + softplus(-x);
        case SOFT_MARGIN: return softplus(-t * x);
        case DIVERGENCE: return (t == C(0) ? C(0) : t * log(t)) - t * x;
        default: return exp(t) * (t - x);
    }
}

template <class C> __device__ C input_slope(u32 loss, C x, C t, C bound, C least_variance) {
    switch (loss) {
        case ABSOLUTE: return sign(x - t);
        case SMOOTH_L1: return limited(x - t, bound) / bound;
        case HUBER: return limited(x - t, bound);
        case BINARY: return (x - t) / at_least((C(1) - x) * x, least_variance);
        case BINARY_WITH_LOGITS: return sigmoid(x) - t;
        case SOFT_MARGIN: return -t * sigmoid(-t * x);
        case DIVERGENCE: return -t;
        default: return -exp(t);
    }
}

template <class C> __device__ C target_slope(u32 loss, C x, C t, C bound) {
    switch (loss) {
        case ABSOLUTE: return sign(t - x);
        case SMOOTH_L1: return limited(t - x, bound) / bound;
        case HUBER: return limited(t - x, bound);
        case BINARY: return log(C(1) - x) - log(x);
        case BINARY_WITH_LOGITS: return -x;
        case SOFT_MARGIN: return -x * sigmoid(-t * x);
        case DIVERGENCE: return log(t) + C(1) - x;
        default: return exp(t) * (t - x + C(1));
    }
}

#define KERNELS(T)                                                                                                         \
    extern "C" __global__ void pair_loss_value_##T(u32 loss, f64 bound, const T *x, const Layout xs, const T *t,           \
                                                   const Layout ts, T *y, size_t count) {                                  \
        using C = compute_t<T>;                                                                                            \
        for_each(count, [&](size_t at) {                                                                                   \
            const C a = load(x[offset_of(xs, at)]), b = load(t[offset_of(ts, at)]);                                        \
            y[at] = store<T>(value<C>(loss, a, b, static_cast<C>(bound)));                                                 \
        });                                                                                                                \
    }                                                                                                                      \
    extern "C" __global__ void pair_loss_grad_##T(u32 loss, f64 bound, f64 least_variance, u32 of_target, f64 scale,       \
                                                  const T *x, const Layout xs, const T *t, const Layout ts, const T *grad, \
                                                  const Layout gs, u32 same, T *dx, size_t count) {                        \
        using C = compute_t<T>;                                                                                            \
        const C limit = static_cast<C>(bound);                                                                             \
        for_each(count, [&](size_t at) {                                                                                   \
            const C a = load(x[offset_of(xs, at)]), b = load(t[offset_of(ts, at)]);                                        \
            const C g = load(grad[same ? 0 : offset_of(gs, at)]) * static_cast<C>(scale);                                  \
            const C slope = of_target ? target_slope<C>(loss, a, b, limit)                                                 \
                                      : input_slope<C>(loss, a, b, limit, static_cast<C>(least_variance));                 \
            dx[at] = store<T>(g * slope);                                                                                  \
        });                                                                                                                \
    }
FLOATS(KERNELS)
#undef KERNELS
