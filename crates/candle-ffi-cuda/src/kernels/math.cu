// Elementwise functions of one floating array, and the gradients of some. NaN gives NaN.
#include "elementwise.cuh"

template <class C> __device__ __forceinline__ C sigmoid(C x) { return 1 / (1 + exp(-x)); }

// √½, √(2/π) and the weight of x³ in the approximation of GELU.
constexpr double ROOT_HALF = 0.70710678118654752440;
constexpr double GELU_SCALE = 0.7978845608028654;
constexpr double GELU_CUBE = 0.044715;

template <class C> __device__ __forceinline__ C gelu(C x) { return x * C(0.5) * (1 + erf(x * C(ROOT_HALF))); }

// (1 + tanh u) / 2 = sigmoid(2u).
template <class C> __device__ __forceinline__ C gelu_tanh(C x) {
    return x * sigmoid(C(2 * GELU_SCALE) * (x + C(GELU_CUBE) * x * x * x));
}

#define FUNCTIONS(T)                          \
    UNARY(unary_exp, T, exp(x))               \
    UNARY(unary_expm1, T, expm1(x))           \
    UNARY(unary_log, T, log(x))               \
    UNARY(unary_log1p, T, log1p(x))           \
    UNARY(unary_sin, T, sin(x))               \
    UNARY(unary_cos, T, cos(x))               \
    UNARY(unary_tanh, T, tanh(x))             \
    UNARY(unary_sigmoid, T, sigmoid(x))       \
    UNARY(unary_gelu, T, gelu(x))             \
    UNARY(unary_gelu_tanh, T, gelu_tanh(x))   \
    UNARY(unary_silu, T, x / (1 + exp(-x)))   \
    UNARY(unary_erf, T, erf(x))
FLOATS(FUNCTIONS)

template <class C> __device__ __forceinline__ C gelu_grad(C x, C grad) {
    const C cdf = C(0.5) * (1 + erf(x * C(ROOT_HALF)));
    // The density of the normal distribution: its factor is 1/√(2π).
    const C pdf = C(0.3989422804014327) * exp(C(-0.5) * x * x);
    return grad * (cdf + x * pdf);
}

template <class C> __device__ __forceinline__ C gelu_tanh_grad(C x, C grad) {
    const C square = x * x;
    const C s = sigmoid(C(2 * GELU_SCALE) * (x + C(GELU_CUBE) * square * x));
    const C slope = C(2 * GELU_SCALE) * (1 + C(3 * GELU_CUBE) * square);
    return grad * (s + x * slope * s * (1 - s));
}

template <class C> __device__ __forceinline__ C silu_grad(C x, C grad) {
    const C s = sigmoid(x);
    return grad * s * (1 + x * (1 - s));
}

// From the saved output y or input x.
#define GRADIENT(name, T, saved, expression)                                                                  \
    extern "C" __global__ void name##_##T(const T *values, const T *gradients, T *result, size_t count) {     \
        zip(                                                                                                  \
            result, count,                                                                                    \
            [](T value, T gradient) -> T {                                                                    \
                const compute_t<T> saved = load(value), grad = load(gradient);                                \
                return store<T>(expression);                                                                  \
            },                                                                                                \
            Reader<T>(values), Reader<T>(gradients));                                                         \
    }

// A NaN output of relu lets the gradient pass, as in PyTorch.
#define GRADIENTS(T)                                                   \
    GRADIENT(grad_sigmoid, T, y, grad *(1 - y) * y)                    \
    GRADIENT(grad_tanh, T, y, grad *(1 - y * y))                       \
    GRADIENT(grad_relu, T, y, y <= 0 ? 0 : grad)                       \
    GRADIENT(grad_gelu, T, x, gelu_grad(x, grad))                      \
    GRADIENT(grad_gelu_tanh, T, x, gelu_tanh_grad(x, grad))            \
    GRADIENT(grad_silu, T, x, silu_grad(x, grad))
FLOATS(GRADIENTS)
