// The steps of optimizers: those of `Formula` in the optimizers' files, with the constants in the order of their `kernel`.
// Halves are computed in f32 and rounded once.
#include "tables.cuh"

constexpr int CONSTANTS = 10;
struct Constants {
    double of[CONSTANTS];
};

template <class C> __device__ __forceinline__ C larger(C a, C b) { return a != a || a > b ? a : b; }
template <class C> __device__ __forceinline__ C smaller(C a, C b) { return a != a || a < b ? a : b; }
// One of three by the sign; NaN counts as zero.
template <class C> __device__ __forceinline__ C by_sign(C x, C negative, C zero, C positive) {
    return x > 0 ? positive : x < 0 ? negative : zero;
}
template <class C> __device__ __forceinline__ C average(C before, C now, C taken) { return before + (now - before) * taken; }
template <class C> __device__ __forceinline__ C average_square(C before, C now, C kept, C taken) {
    return before * kept + now * now * taken;
}

// What most formulas do first; what is not asked for has no part: 0 times an infinite parameter would be NaN.
template <class C> struct Pull {
    bool maximize;
    C penalty, shrink;
    __device__ __forceinline__ explicit Pull(const Constants &k)
        : maximize(k.of[0] != 0), penalty(k.of[1]), shrink(k.of[2]) {}
    __device__ __forceinline__ void apply(C &x, C &g) const {
        if (maximize) g = -g;
        if (penalty != 0) g += x * penalty;
        if (shrink != 1) x *= shrink;
    }
};

template <class C> struct Sgd {
    static constexpr int N = 0;
    Pull<C> pull;
    C lr;
    __device__ __forceinline__ explicit Sgd(const Constants &k) : pull(k), lr(k.of[3]) {}
    __device__ __forceinline__ void step(C &x, C g, C *) const {
        pull.apply(x, g);
        x -= g * lr;
    }
};

template <class C> struct Momentum {
    static constexpr int N = 1;
    Pull<C> pull;
    C lr, momentum, taken;
    bool nesterov, first;
    __device__ __forceinline__ explicit Momentum(const Constants &k)
        : pull(k), lr(k.of[3]), momentum(k.of[4]), taken(k.of[5]), nesterov(k.of[6] != 0), first(k.of[7] != 0) {}
    __device__ __forceinline__ void step(C &x, C g, C *memory) const {
        pull.apply(x, g);
        const C buffer = first ? g : memory[0] * momentum + g * taken;
        memory[0] = buffer;
        x -= (nesterov ? g + buffer * momentum : buffer) * lr;
    }
};

template <class C, bool AMSGRAD> struct Moments {
    static constexpr int N = AMSGRAD ? 3 : 2;
    Pull<C> pull;
    C of_mean, kept, of_square, eps, rate, root;
    __device__ __forceinline__ explicit Moments(const Constants &k)
        : pull(k), of_mean(1 - k.of[3]), kept(k.of[4]), of_square(1 - k.of[4]), eps(k.of[5]), rate(k.of[6]),
          root(k.of[7]) {}
    __device__ __forceinline__ void step(C &x, C g, C *memory) const {
        pull.apply(x, g);
        memory[0] = average(memory[0], g, of_mean);
        memory[1] = average_square(memory[1], g, kept, of_square);
        C square = memory[1];
        if (AMSGRAD) square = memory[2] = larger(memory[2], square);
        x -= memory[0] * rate / (sqrt(square) / root + eps);
    }
};
template <class C> using Adam = Moments<C, false>;
template <class C> using Amsgrad = Moments<C, true>;

template <class C> struct Adamax {
    static constexpr int N = 2;
    Pull<C> pull;
    C of_mean, kept, eps, rate;
    __device__ __forceinline__ explicit Adamax(const Constants &k)
        : pull(k), of_mean(1 - k.of[3]), kept(k.of[4]), eps(k.of[5]), rate(k.of[6]) {}
    __device__ __forceinline__ void step(C &x, C g, C *memory) const {
        pull.apply(x, g);
        memory[0] = average(memory[0], g, of_mean);
        memory[1] = larger(memory[1] * kept, fabs(g) + eps);
        x -= memory[0] * rate / memory[1];
    }
};

template <class C> struct Asgd {
    static constexpr int N = 1;
    Pull<C> pull;
    C shrink, eta, mu;
    bool plain;
    __device__ __forceinline__ explicit Asgd(const Constants &k)
        : pull(k), shrink(1 - k.of[3] * k.of[4]), eta(k.of[4]), mu(k.of[5]), plain(k.of[5] == 1) {}
    __device__ __forceinline__ void step(C &x, C g, C *memory) const {
        pull.apply(x, g);
        x = x * shrink - g * eta;
        memory[0] = plain ? x : average(memory[0], x, mu);
    }
};

template <class C> struct Nadam {
    static constexpr int N = 2;
    Pull<C> pull;
    C of_mean, kept, of_square, eps, correction, of_gradient, of_average;
    __device__ __forceinline__ explicit Nadam(const Constants &k)
        : pull(k), of_mean(1 - k.of[3]), kept(k.of[4]), of_square(1 - k.of[4]), eps(k.of[5]), correction(k.of[6]),
          of_gradient(k.of[7]), of_average(k.of[8]) {}
    __device__ __forceinline__ void step(C &x, C g, C *memory) const {
        pull.apply(x, g);
        memory[0] = average(memory[0], g, of_mean);
        memory[1] = average_square(memory[1], g, kept, of_square);
        const C below = sqrt(memory[1] / correction) + eps;
        x -= g * of_gradient / below;
        x -= memory[0] * of_average / below;
    }
};

template <class C> struct Radam {
    static constexpr int N = 2;
    Pull<C> pull;
    C of_mean, kept, of_square, eps, rate;
    bool adaptive;
    __device__ __forceinline__ explicit Radam(const Constants &k)
        : pull(k), of_mean(1 - k.of[3]), kept(k.of[4]), of_square(1 - k.of[4]), eps(k.of[5]), rate(k.of[6]),
          adaptive(k.of[7] != 0) {}
    __device__ __forceinline__ void step(C &x, C g, C *memory) const {
        pull.apply(x, g);
        memory[0] = average(memory[0], g, of_mean);
        memory[1] = average_square(memory[1], g, kept, of_square);
        const C step = memory[0] * rate;
        x -= adaptive ? step / (sqrt(memory[1]) + eps) : step;
    }
};

template <class C> struct Rprop {
    static constexpr int N = 2;
    bool maximize;
    C minus, plus, least, most;
    __device__ __forceinline__ explicit Rprop(const Constants &k)
        : maximize(k.of[0] != 0), minus(k.of[1]), plus(k.of[2]), least(k.of[3]), most(k.of[4]) {}
    __device__ __forceinline__ void step(C &x, C g, C *memory) const {
        if (maximize) g = -g;
        const C turn = g * memory[0];
        const C size = smaller(larger(memory[1] * by_sign(turn, minus, C(1), plus), least), most);
        // Where the gradient has turned there is no step.
        g = by_sign(turn, C(0), g, g);
        x -= by_sign(g, -size, C(0), size);
        memory[0] = g;
        memory[1] = size;
    }
};

// The memories are the average of squares, then with momentum the last direction, then centered the average gradient.
template <class C, bool MOMENTUM, bool CENTERED> struct Root {
    static constexpr int N = 1 + MOMENTUM + CENTERED;
    Pull<C> pull;
    C lr, kept, taken, eps, momentum;
    __device__ __forceinline__ explicit Root(const Constants &k)
        : pull(k), lr(k.of[3]), kept(k.of[4]), taken(1 - k.of[4]), eps(k.of[5]), momentum(k.of[6]) {}
    __device__ __forceinline__ void step(C &x, C g, C *memory) const {
        pull.apply(x, g);
        C square = memory[0] = average_square(memory[0], g, kept, taken);
        if (CENTERED) {
            const C mean = memory[N - 1] = average(memory[N - 1], g, taken);
            square -= mean * mean;
        }
        C direction = g / (sqrt(square) + eps);
        if (MOMENTUM) direction = memory[N > 1 ? 1 : 0] = memory[N > 1 ? 1 : 0] * momentum + direction;
        x -= direction * lr;
    }
};
template <class C> using Rmsprop = Root<C, false, false>;
template <class C> using RmspropMomentum = Root<C, true, false>;
template <class C> using RmspropCentered = Root<C, false, true>;
template <class C> using RmspropCenteredMomentum = Root<C, true, true>;

template <class C> struct Adadelta {
    static constexpr int N = 2;
    Pull<C> pull;
    C lr, kept, taken, eps;
    __device__ __forceinline__ explicit Adadelta(const Constants &k)
        : pull(k), lr(k.of[3]), kept(k.of[4]), taken(1 - k.of[4]), eps(k.of[5]) {}
    __device__ __forceinline__ void step(C &x, C g, C *memory) const {
        pull.apply(x, g);
        memory[0] = average_square(memory[0], g, kept, taken);
        const C delta = sqrt(memory[1] + eps) / sqrt(memory[0] + eps) * g;
        memory[1] = average_square(memory[1], delta, kept, taken);
        x -= delta * lr;
    }
};

template <class C> struct Adagrad {
    static constexpr int N = 1;
    Pull<C> pull;
    C rate, eps;
    __device__ __forceinline__ explicit Adagrad(const Constants &k) : pull(k), rate(k.of[3]), eps(k.of[4]) {}
    __device__ __forceinline__ void step(C &x, C g, C *memory) const {
        pull.apply(x, g);
        memory[0] += g * g;
        x -= g * rate / (sqrt(memory[0]) + eps);
    }
};

template <class C> struct Lion {
    static constexpr int N = 1;
    Pull<C> pull;
    C lr, kept, taken, of_mean;
    __device__ __forceinline__ explicit Lion(const Constants &k)
        : pull(k), lr(k.of[3]), kept(k.of[4]), taken(1 - k.of[4]), of_mean(1 - k.of[5]) {}
    __device__ __forceinline__ void step(C &x, C g, C *memory) const {
        pull.apply(x, g);
        const C direction = memory[0] * kept + g * taken;
        x -= by_sign(direction, -lr, C(0), lr);
        memory[0] = average(memory[0], g, of_mean);
    }
};

// The step of one element of each lane.
template <class T, int LANES, class Formula>
__device__ __forceinline__ void step_lanes(const Formula &formula, T *const *arrays, size_t at) {
    using Lanes = Pack<T, LANES>;
    constexpr int D = 2 + Formula::N;
    Lanes lanes[D];
#pragma unroll
    for (int n = 0; n < D; ++n) lanes[n] = reinterpret_cast<const Lanes *>(arrays[n])[at];
#pragma unroll
    for (int lane = 0; lane < LANES; ++lane) {
        compute_t<T> x = load(lanes[0].lanes[lane]), memory[Formula::N + 1];
#pragma unroll
        for (int n = 2; n < D; ++n) memory[n - 2] = load(lanes[n].lanes[lane]);
        formula.step(x, load(lanes[1].lanes[lane]), memory);
        lanes[0].lanes[lane] = store<T>(x);
#pragma unroll
        for (int n = 2; n < D; ++n) lanes[n].lanes[lane] = store<T>(memory[n - 2]);
    }
#pragma unroll
    for (int n = 0; n < D; ++n) {
        if (n != 1) reinterpret_cast<Lanes *>(arrays[n])[at] = lanes[n];
    }
}

// Parameters, gradients and memories of one dtype.
template <class T, class Formula>
__device__ __forceinline__ void apply(const TableOf<2 + Formula::N> &table, const Constants &constants) {
    constexpr int D = 2 + Formula::N, LANES = 16 / sizeof(T);
    const Formula formula(constants);
    for_each_piece<D>(table, [&](const Piece &piece, u32) {
        T *arrays[D];
        bool aligned = true;
#pragma unroll
        for (int n = 0; n < D; ++n) {
            arrays[n] = static_cast<T *>(table.at[n][piece.tuple]) + piece.start;
            aligned = aligned && reinterpret_cast<uintptr_t>(arrays[n]) % 16 == 0;
        }
        const size_t packs = aligned ? piece.count / LANES : 0;
        for (size_t at = threadIdx.x; at < packs; at += blockDim.x) step_lanes<T, LANES>(formula, arrays, at);
        for (size_t at = packs * LANES + threadIdx.x; at < piece.count; at += blockDim.x) {
            step_lanes<T, 1>(formula, arrays, at);
        }
    });
}

#define OPTIM(name, Formula, T)                                                                           \
    extern "C" __global__ void optim_##name##_##T(const TableOf<2 + Formula<compute_t<T>>::N> table,      \
                                                  const Constants constants) {                            \
        apply<T, Formula<compute_t<T>>>(table, constants);                                                \
    }

#define KERNELS(T)                                                    \
    OPTIM(sgd, Sgd, T)                                                \
    OPTIM(momentum, Momentum, T)                                      \
    OPTIM(adam, Adam, T)                                              \
    OPTIM(amsgrad, Amsgrad, T)                                        \
    OPTIM(adamax, Adamax, T)                                          \
    OPTIM(asgd, Asgd, T)                                              \
    OPTIM(nadam, Nadam, T)                                            \
    OPTIM(radam, Radam, T)                                            \
    OPTIM(rprop, Rprop, T)                                            \
    OPTIM(rmsprop, Rmsprop, T)                                        \
    OPTIM(rmsprop_momentum, RmspropMomentum, T)                       \
    OPTIM(rmsprop_centered, RmspropCentered, T)                       \
    OPTIM(rmsprop_centered_momentum, RmspropCenteredMomentum, T)      \
    OPTIM(adadelta, Adadelta, T)                                      \
    OPTIM(adagrad, Adagrad, T)                                        \
    OPTIM(lion, Lion, T)
FLOATS(KERNELS)
