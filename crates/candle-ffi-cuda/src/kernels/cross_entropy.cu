// Cross entropy of rows of logits against class indices: forward in one pass over the logits, backward in another.
#include "index_check.cuh"
#include "lines.cuh"

// The options of cross_entropy.rs.
template <class C> struct Targets {
    const i64 *classes;
    const C *weight;  // A factor for each class, or null.
    i64 ignored;
    f64 smoothing;
    __device__ C weight_of(i64 which) const { return weight ? weight[which] : C(1); }
};

// The sum of the weights of the rows that count, and the first class that is not there.
struct Counted {
    f64 total;
    Outside outside;
};

template <class C> struct Count : ReduceOp<Count<C>> {
    using Item = i64;
    using Acc = Counted;
    Targets<C> targets;
    i64 n;
    f64 *total;
    Report report;
    __device__ Acc none() const { return {0.0, {-1, 0}}; }
    __device__ Item item(i64 offset) const { return targets.classes[offset]; }
    __device__ Acc lift(Item which, i64 position) const {
        if (which == targets.ignored) return none();
        if (which < 0 || which >= n) return {0.0, {position, which}};
        return {static_cast<f64>(targets.weight_of(which)), {-1, 0}};
    }
    __device__ Acc join(Acc a, Acc b) const { return {a.total + b.total, first_of(a.outside, b.outside)}; }
    __device__ void write(i64, Acc found) const {
        *total = found.total;
        report.say(found.outside);
    }
};

// A class that is not there is never looked up; the caller finds it by what `Count` says.
template <class T>
__device__ __forceinline__ void forward(const T *x, const Targets<compute_t<T>> &targets, T *losses,
                                        compute_t<T> *statistics, const Lines &l) {
    using C = compute_t<T>;
    const C sharp = static_cast<C>(1.0 - targets.smoothing);
    const C spread = static_cast<C>(targets.smoothing / static_cast<f64>(l.n));
    for_each_line(l, [&](const Line &line) {
        const i64 which = line.inside ? targets.classes[line.at] : targets.ignored;
        const bool counts = which != targets.ignored && which >= 0 && which < line.n;
        const Elements<T> elements(x, line);
        C max = minus_infinity<C>();
        elements.each(line, [&](C x, i64) { max = Larger()(max, x); });
        max = join_line(l, max, Larger());
        C sum = 0;
        elements.each(line, [&](C x, i64) { sum += exp(x - max); });
        sum = join_line(l, sum, Add());
        const C log_sum = log(sum);
        C smooth = 0;
        if (targets.smoothing != 0.0) {
            elements.each(line, [&](C x, i64 i) { smooth += targets.weight_of(i) * ((max - x) + log_sum); });
            smooth = spread * join_line(l, smooth, Add());
        }
        if (!line.inside || line.lane != 0) return;
        if (!counts) {
            losses[line.at] = store<T>(C(0));
            statistics[2 * line.at] = statistics[2 * line.at + 1] = 1;
            return;
        }
        const C own = (max - load(x[line.base + which])) + log_sum;
        losses[line.at] = store<T>(sharp * targets.weight_of(which) * own + smooth);
        statistics[2 * line.at] = max;
        statistics[2 * line.at + 1] = sum;
    });
}

// `total`: what the gradients are to be divided by, or null. `same`: there is one gradient for all rows.
template <class T>
__device__ __forceinline__ void backward(const T *x, const compute_t<T> *statistics, const Targets<compute_t<T>> &targets,
                                         const T *grads, u32 same, f64 scale, const f64 *total, T *dx, const Lines &l) {
    using C = compute_t<T>;
    const C sharp = static_cast<C>(1.0 - targets.smoothing);
    const C spread = static_cast<C>(targets.smoothing / static_cast<f64>(l.n));
    const C factor = static_cast<C>(total ? scale / *total : scale);
    for_each_line(l, [&](const Line &line) {
        C all = targets.weight ? C(0) : static_cast<C>(static_cast<f64>(line.n));
        if (targets.weight && targets.smoothing != 0.0) {
            line.each([&](i64 i) { all += targets.weight[i]; });
            all = join_line(l, all, Add());
        }
        if (!line.inside) return;
        const i64 which = targets.classes[line.at];
        if (which == targets.ignored || which < 0 || which >= line.n) {
            line.each([&](i64 i) { dx[line.base + i] = store<T>(C(0)); });
            return;
        }
        const C grad = load(grads[same ? 0 : line.at]) * factor;
        const C own = sharp * targets.weight_of(which), max = statistics[2 * line.at];
        const C slope = grad * (own + spread * all) / statistics[2 * line.at + 1], less = grad * spread;
        line.each([&](i64 i) {
            C result = exp(load(x[line.base + i]) - max) * slope;
            result -= targets.smoothing != 0.0 ? less * targets.weight_of(i) : less;
            if (i == which) result -= grad * own;
            dx[line.base + i] = store<T>(result);
        });
    });
}

#define COUNT(C)                                                                                                        \
    extern "C" __global__ void __launch_bounds__(REDUCE_THREADS)                                                        \
        cross_entropy_count_##C(const Targets<C> targets, i64 n, f64 *total, const Report report, const Reduction r,    \
                                void *partial) {                                                                        \
        reduce(Count<C>{{}, targets, n, total, report}, r, static_cast<Counted *>(partial));                            \
    }
COUNT(f32)
COUNT(f64)

#define LINES_KERNEL extern "C" __global__ void __launch_bounds__(LINE_THREADS)
#define KERNELS(T)                                                                                                      \
    LINES_KERNEL cross_entropy_forward_##T(const T *x, const Targets<compute_t<T>> targets, T *losses,                  \
                                           compute_t<T> *statistics, const Lines l) {                                   \
        forward<T>(x, targets, losses, statistics, l);                                                                  \
    }                                                                                                                   \
    LINES_KERNEL cross_entropy_grad_##T(const T *x, const compute_t<T> *statistics, const Targets<compute_t<T>> targets,\
                                        const T *grads, u32 same, f64 scale, const f64 *total, T *dx, const Lines l) {  \
        backward<T>(x, statistics, targets, grads, same, scale, total, dx, l);                                          \
    }
FLOATS(KERNELS)
#undef KERNELS
