// Activation functions with parameters, and their gradients from the input x. Halves are computed in f32 and rounded once.
#include "elementwise.cuh"

// The parameters of a function, in the order of activation.rs.
struct Parameters {
    double of[3];
};

// ln(1 + exp(x)) without overflow; also when x is NaN.
template <class C> __device__ __forceinline__ C softened(C x) { return (x > 0 ? x : C(0)) + log1p(exp(-fabs(x))); }

template <class C> __device__ __forceinline__ C sigmoid(C x) { return 1 / (1 + exp(-x)); }

// x limited to 0 … 6; NaN stays.
template <class C> __device__ __forceinline__ C limited_to_6(C x) { return x < 0 ? C(0) : x > 6 ? C(6) : x; }

template <class C> struct LeakyRelu {
    C slope;
    __device__ __forceinline__ explicit LeakyRelu(const Parameters &p) : slope(p.of[0]) {}
    __device__ __forceinline__ C value(C x) const { return x > 0 ? x : x * slope; }
    __device__ __forceinline__ C gradient(C x, C grad) const { return x > 0 ? grad : grad * slope; }
};

template <class C> struct Elu {
    C positive, negative, steepness;
    __device__ __forceinline__ explicit Elu(const Parameters &p)
        : positive(p.of[0]), negative(p.of[1]), steepness(p.of[2]) {}
    __device__ __forceinline__ C value(C x) const {
        return x <= 0 ? expm1(x * steepness) * negative : x * positive;
    }
    __device__ __forceinline__ C gradient(C x, C grad) const {
        return x <= 0 ? grad * (negative * steepness * exp(x * steepness)) : grad * positive;
    }
};

template <class C> struct Hardtanh {
    C min, max;
    __device__ __forceinline__ explicit Hardtanh(const Parameters &p) : min(p.of[0]), max(p.of[1]) {}
    __device__ __forceinline__ C value(C x) const {
        const C low = x < min ? min : x;
        return low > max ? max : low;
    }
    __device__ __forceinline__ C gradient(C x, C grad) const { return x <= min || x >= max ? C(0) : grad; }
};

template <class C> struct Threshold {
    C threshold, below;
    __device__ __forceinline__ explicit Threshold(const Parameters &p) : threshold(p.of[0]), below(p.of[1]) {}
    __device__ __forceinline__ C value(C x) const { return x <= threshold ? below : x; }
    __device__ __forceinline__ C gradient(C x, C grad) const { return x <= threshold ? C(0) : grad; }
};

template <class C> struct Softplus {
    C beta, threshold;
    __device__ __forceinline__ explicit Softplus(const Parameters &p) : beta(p.of[0]), threshold(p.of[1]) {}
    __device__ __forceinline__ C value(C x) const { return x * beta > threshold ? x : softened(x * beta) / beta; }
    __device__ __forceinline__ C gradient(C x, C grad) const {
        return x * beta > threshold ? grad : grad * sigmoid(x * beta);
    }
};

template <class C> struct LogSigmoid {
    __device__ __forceinline__ explicit LogSigmoid(const Parameters &) {}
    __device__ __forceinline__ C value(C x) const { return -softened(-x); }
    __device__ __forceinline__ C gradient(C x, C grad) const { return grad * sigmoid(-x); }
};

template <class C> struct Mish {
    __device__ __forceinline__ explicit Mish(const Parameters &) {}
    __device__ __forceinline__ C value(C x) const { return x * tanh(softened(x)); }
    __device__ __forceinline__ C gradient(C x, C grad) const {
        const C gate = tanh(softened(x));
        return grad * (gate + x * sigmoid(x) * (1 - gate * gate));
    }
};

template <class C> struct Softsign {
    __device__ __forceinline__ explicit Softsign(const Parameters &) {}
    __device__ __forceinline__ C value(C x) const { return x / (1 + fabs(x)); }
    __device__ __forceinline__ C gradient(C x, C grad) const {
        const C below = 1 + fabs(x);
        return grad / (below * below);
    }
};

template <class C> struct Tanhshrink {
    __device__ __forceinline__ explicit Tanhshrink(const Parameters &) {}
    __device__ __forceinline__ C value(C x) const { return x - tanh(x); }
    __device__ __forceinline__ C gradient(C x, C grad) const {
        const C y = tanh(x);
        return grad * y * y;
    }
};

template <class C> struct Hardswish {
    __device__ __forceinline__ explicit Hardswish(const Parameters &) {}
    __device__ __forceinline__ C value(C x) const { return x * limited_to_6(x + 3) / 6; }
    __device__ __forceinline__ C gradient(C x, C grad) const {
        if (x <= -3) return C(0);
        return x < 3 ? grad * (x / 3 + C(0.5)) : grad;
    }
};

template <class C> struct Hardsigmoid {
    __device__ __forceinline__ explicit Hardsigmoid(const Parameters &) {}
    __device__ __forceinline__ C value(C x) const { return limited_to_6(x + 3) / 6; }
    // A sixth, in f32 for every type, as in PyTorch.
    __device__ __forceinline__ C gradient(C x, C grad) const {
        return x > -3 && x < 3 ? grad * C(1.0f / 6.0f) : C(0);
    }
};

template <class C> struct Hardshrink {
    C lambda;
    __device__ __forceinline__ explicit Hardshrink(const Parameters &p) : lambda(p.of[0]) {}
    __device__ __forceinline__ C value(C x) const { return x >= -lambda && x <= lambda ? C(0) : x; }
    __device__ __forceinline__ C gradient(C x, C grad) const { return x >= -lambda && x <= lambda ? C(0) : grad; }
};

template <class C> struct Softshrink {
    C lambda;
    __device__ __forceinline__ explicit Softshrink(const Parameters &p) : lambda(p.of[0]) {}
    __device__ __forceinline__ C value(C x) const {
        return x > lambda ? x - lambda : x < -lambda ? x + lambda : x * C(0);
    }
    __device__ __forceinline__ C gradient(C x, C grad) const { return x >= -lambda && x <= lambda ? C(0) : grad; }
};

#define ACTIVATION(name, Function, T)                                                                         \
    extern "C" __global__ void activation_##name##_##T(const T *x, const Layout layout, T *y,                 \
                                                       const Parameters parameters, size_t count) {           \
        const Function<compute_t<T>> function(parameters);                                                    \
        map(x, layout, y, count, [=](T x) -> T { return store<T>(function.value(load(x))); });                \
    }                                                                                                         \
    extern "C" __global__ void activation_grad_##name##_##T(const T *x, const T *grad, T *result,             \
                                                            const Parameters parameters, size_t count) {      \
        const Function<compute_t<T>> function(parameters);                                                    \
        zip(                                                                                                  \
            result, count, [=](T x, T grad) -> T { return store<T>(function.gradient(load(x), load(grad))); },\
            Reader<T>(x), Reader<T>(grad));                                                                   \
    }

#define KERNELS(T)                             \
    ACTIVATION(leaky_relu, LeakyRelu, T)       \
    ACTIVATION(elu, Elu, T)                    \
    ACTIVATION(hardtanh, Hardtanh, T)          \
    ACTIVATION(threshold, Threshold, T)        \
    ACTIVATION(softplus, Softplus, T)          \
    ACTIVATION(log_sigmoid, LogSigmoid, T)     \
    ACTIVATION(mish, Mish, T)                  \
    ACTIVATION(softsign, Softsign, T)          \
    ACTIVATION(tanhshrink, Tanhshrink, T)      \
    ACTIVATION(hardswish, Hardswish, T)        \
    ACTIVATION(hardsigmoid, Hardsigmoid, T)    \
    ACTIVATION(hardshrink, Hardshrink, T)      \
    ACTIVATION(softshrink, Softshrink, T)
FLOATS(KERNELS)
