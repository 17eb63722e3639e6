// Recurrent layers: what a step does between its products. `count` elements are the `hidden` ones of each row of the step.
#include "common.cuh"

#define REALS(KERNELS) KERNELS(f32) KERNELS(f64)

template <class T> __device__ __forceinline__ T sigmoid(T x) { return T(1) / (T(1) + exp(-x)); }

// An element's row and its place there.
struct Place {
    size_t row, at;
};

__device__ __forceinline__ Place place_of(size_t at, size_t width) {
    if (at <= UINT32_MAX) {
        // Division of 32 bits is several times cheaper.
        const u32 row = static_cast<u32>(at) / static_cast<u32>(width);
        return {row, static_cast<u32>(at) - static_cast<size_t>(row) * width};
    }
    return {at / width, at % width};
}

// Gates `i f g o`: c' = f c + i g, h' = o tanh(c'). `out` gets the states, too, with its own distance of rows; what is null is
// not wanted.
template <class T>
__device__ void lstm(T *gates, T *c, T *h, T *out, size_t stride, T *c_before, T *tanh_c, size_t hidden, size_t count) {
    for_each(count, [&](size_t at) {
        const Place of = place_of(at, hidden);
        T *own = gates + of.row * 4 * hidden + of.at;
        const T i = sigmoid(own[0]), f = sigmoid(own[hidden]), g = tanh(own[2 * hidden]), o = sigmoid(own[3 * hidden]);
        const T before = c[at], after = f * before + i * g, squashed = tanh(after), state = o * squashed;
        c[at] = after;
        h[at] = state;
        if (out != nullptr) out[of.row * stride + of.at] = state;
        if (c_before == nullptr) return;
        c_before[at] = before;
        tanh_c[at] = squashed;
        own[0] = i;
        own[hidden] = f;
        own[2 * hidden] = g;
        own[3 * hidden] = o;
    });
}

template <class T>
__device__ void lstm_grad(const T *gates, const T *c_before, const T *tanh_c, const T *dh, const T *dout, size_t stride,
                          T *dc, T *dgates, T *inner, size_t hidden, size_t count) {
    for_each(count, [&](size_t at) {
        const Place of = place_of(at, hidden);
        const size_t first = of.row * 4 * hidden + of.at;
        const T i = gates[first], f = gates[first + hidden], g = gates[first + 2 * hidden], o = gates[first + 3 * hidden];
        const T squashed = tanh_c[at];
        const T grad = dout == nullptr ? dh[at] : dh[at] + dout[of.row * stride + of.at];
        const T through = dc[at] + grad * o * (T(1) - squashed * squashed);
        dgates[first] = through * g * i * (T(1) - i);
        dgates[first + hidden] = through * c_before[at] * f * (T(1) - f);
        dgates[first + 2 * hidden] = through * i * (T(1) - g * g);
        dgates[first + 3 * hidden] = grad * squashed * o * (T(1) - o);
        dc[at] = through * f;
        if (inner != nullptr) inner[at] = o * squashed;
    });
}

// Gates `r z n` with n = tanh(x_n + r h_n), where the map of the state is inside: h' = (h - n) z + n.
template <class T>
__device__ void gru(T *gates, const T *mapped, const T *bias, T *h, T *out, size_t stride, T *inner, size_t hidden,
                    size_t count) {
    for_each(count, [&](size_t at) {
        const Place of = place_of(at, hidden);
        const size_t first = of.row * 3 * hidden + of.at;
        T map[3];
        for (int gate = 0; gate < 3; ++gate) {
            map[gate] = mapped[first + gate * hidden];
            if (bias != nullptr) map[gate] += bias[of.at + gate * hidden];
        }
        T *own = gates + first;
        const T r = sigmoid(own[0] + map[0]), z = sigmoid(own[hidden] + map[1]), n = tanh(own[2 * hidden] + r * map[2]);
        const T state = (h[at] - n) * z + n;
        h[at] = state;
        out[of.row * stride + of.at] = state;
        if (inner == nullptr) return;
        inner[at] = map[2];
        own[0] = r;
        own[hidden] = z;
        own[2 * hidden] = n;
    });
}

template <class T>
__device__ void gru_grad(const T *gates, const T *inner, const T *before, T *dh, const T *dout, size_t stride, T *dinput,
                         T *dhidden, size_t hidden, size_t count) {
    for_each(count, [&](size_t at) {
        const Place of = place_of(at, hidden);
        const size_t first = of.row * 3 * hidden + of.at;
        const T r = gates[first], z = gates[first + hidden], n = gates[first + 2 * hidden];
        const T grad = dout == nullptr ? dh[at] : dh[at] + dout[of.row * stride + of.at];
        const T dz = grad * (before[at] - n) * z * (T(1) - z);
        const T dn = grad * (T(1) - z) * (T(1) - n * n);
        const T dr = dn * inner[at] * r * (T(1) - r);
        dh[at] = grad * z;
        dinput[first] = dhidden[first] = dr;
        dinput[first + hidden] = dhidden[first + hidden] = dz;
        dinput[first + 2 * hidden] = dn;
        dhidden[first + 2 * hidden] = dn * r;
    });
}

template <class T>
__device__ void plain(T *gates, T *h, T *out, size_t stride, int relu, size_t hidden, size_t count) {
    for_each(count, [&](size_t at) {
        const Place of = place_of(at, hidden);
        const T x = gates[at];
        // NaN stays NaN.
        const T state = relu ? (x < T(0) ? T(0) : x) : tanh(x);
        gates[at] = state;
        h[at] = state;
        out[of.row * stride + of.at] = state;
    });
}

template <class T>
__device__ void plain_grad(const T *after, const T *dh, const T *dout, size_t stride, T *dgates, int relu, size_t hidden,
                           size_t count) {
    for_each(count, [&](size_t at) {
        const Place of = place_of(at, hidden);
        const T y = after[at], grad = dout == nullptr ? dh[at] : dh[at] + dout[of.row * stride + of.at];
        dgates[at] = relu ? (y <= T(0) ? T(0) : grad) : grad * (T(1) - y * y);
    });
}

// Rows of `width` elements, with any distances of rows: copied, and with `other` added to it.
template <class T>
__device__ void rows(const T *from, size_t from_stride, const T *other, size_t other_stride, T *to, size_t to_stride,
                     size_t width, size_t count) {
    for_each(count, [&](size_t at) {
        const Place of = place_of(at, width);
        T x = from[of.row * from_stride + of.at];
        if (other != nullptr) x += other[of.row * other_stride + of.at];
        to[of.row * to_stride + of.at] = x;
    });
}

#define KERNELS(T)                                                                                                      \
    extern "C" __global__ void recurrent_lstm_##T(T *gates, T *c, T *h, T *out, size_t stride, T *c_before, T *tanh_c,  \
                                                  size_t hidden, size_t count) {                                        \
        lstm(gates, c, h, out, stride, c_before, tanh_c, hidden, count);                                                \
    }                                                                                                                   \
    extern "C" __global__ void recurrent_lstm_grad_##T(const T *gates, const T *c_before, const T *tanh_c, const T *dh, \
                                                       const T *dout, size_t stride, T *dc, T *dgates, T *inner,        \
                                                       size_t hidden, size_t count) {                                   \
        lstm_grad(gates, c_before, tanh_c, dh, dout, stride, dc, dgates, inner, hidden, count);                         \
    }                                                                                                                   \
    extern "C" __global__ void recurrent_gru_##T(T *gates, const T *mapped, const T *bias, T *h, T *out, size_t stride, \
                                                 T *inner, size_t hidden, size_t count) {                               \
        gru(gates, mapped, bias, h, out, stride, inner, hidden, count);                                                 \
    }                                                                                                                   \
    extern "C" __global__ void recurrent_gru_grad_##T(const T *gates, const T *inner, const T *before, T *dh,           \
                                                      const T *dout, size_t stride, T *dinput, T *dhidden,              \
                                                      size_t hidden, size_t count) {                                    \
        gru_grad(gates, inner, before, dh, dout, stride, dinput, dhidden, hidden, count);                               \
    }                                                                                                                   \
    extern "C" __global__ void recurrent_plain_##T(T *gates, T *h, T *out, size_t stride, int relu, size_t hidden,      \
                                                   size_t count) {                                                      \
        plain(gates, h, out, stride, relu, hidden, count);                                                              \
    }                                                                                                                   \
    extern "C" __global__ void recurrent_plain_grad_##T(const T *after, const T *dh, const T *dout, size_t stride,      \
                                                        T *dgates, int relu, size_t hidden, size_t count) {             \
        plain_grad(after, dh, dout, stride, dgates, relu, hidden, count);                                               \
    }                                                                                                                   \
    extern "C" __global__ void recurrent_rows_##T(const T *from, size_t from_stride, const T *other, size_t other_stride, \
                                                  T *to, size_t to_stride, size_t width, size_t count) {                \
        rows(from, from_stride, other, other_stride, to, to_stride, width, count);                                      \
    }
REALS(KERNELS)
