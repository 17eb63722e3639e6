// Connectionist temporal classification (Graves, Fernández, Gomez and Schmidhuber, 2006), as in candle-ffi-kernels/src/ctc.rs:
// a target of n labels is walked through 2n + 1 states: a blank, its first label, a blank, its second label, … .
//
// A block goes through the steps of one sequence, its threads each through some of the states. The gradient is in two kernels:
// the steps backwards, and then all steps at once, where the states of a class are added up in an order that is always the same.
#include "index_check.cuh"

// The most threads of a block that goes through the steps of a sequence, and those of one that adds up a step.
constexpr int CTC_THREADS = 512;
constexpr int STEP_THREADS = 128;

// `Sequences` in ctc.rs.
struct Sequences {
    const i64 *labels;  // Of all sequences.
    const i64 *spans;   // Of each sequence: where its labels begin, how many there are, and how many steps count.
    i64 count;          // Of the sequences,
    i64 steps;          // of the steps that there is room for,
    i64 classes;
    i64 states;         // and of the states of the longest target.
    i64 blank;
};

// Where a label stands for the first time, and where it stands next.
struct Link {
    i32 next;  // Negative: nowhere.
    i32 first;
};

template <class C> __device__ __forceinline__ C minus_infinity() { return static_cast<C>(-__builtin_huge_val()); }

template <class C> __device__ __forceinline__ C log_sum_exp(C a, C b, C c) {
    C max = a > b ? a : b;
    max = c > max ? c : max;
    if (max == minus_infinity<C>()) max = 0;
    return log(exp(a - max) + exp(b - max) + exp(c - max)) + max;
}

// One sequence.
struct Trellis {
    const i64 *labels;
    i64 count, states, length;
    const Sequences &of;

    __device__ Trellis(const Sequences &of, i64 sequence)
        : labels(of.labels + of.spans[3 * sequence]), count(of.spans[3 * sequence + 1]), states(2 * count + 1),
          length(of.spans[3 * sequence + 2]), of(of) {}

    // A label; one that is no class is taken for the blank, and told by `ctc_check`.
    __device__ i64 label(i64 which) const {
        const i64 label = labels[which];
        return label >= 0 && label < of.classes ? label : of.blank;
    }
    __device__ i64 class_of(i64 state) const { return state % 2 == 1 ? label(state / 2) : of.blank; }
    // Whether a state may follow the one two before it: where both are labels and differ.
    __device__ bool skips(i64 state) const {
        return state % 2 == 1 && state >= 3 && labels[state / 2] != labels[state / 2 - 1];
    }
    // Where the distribution of a step begins.
    __device__ i64 row(i64 step, i64 sequence) const { return (step * of.count + sequence) * of.classes; }
    // Where the states of a step begin.
    __device__ i64 at(i64 step, i64 sequence) const { return (sequence * of.steps + step) * of.states; }
};

// The logarithms of the forward probabilities, and the loss.
template <class C>
__device__ __forceinline__ void forward(const C *log_probs, const Sequences &of, C *alpha, C *losses) {
    const C NEVER = minus_infinity<C>();
    for (i64 sequence = blockIdx.x; sequence < of.count; sequence += gridDim.x) {
        const Trellis trellis(of, sequence);
        for (i64 step = 0; step < trellis.length; ++step) {
            const C *own = log_probs + trellis.row(step, sequence);
            C *now = alpha + trellis.at(step, sequence);
            const C *before = now - of.states;
            for (i64 state = threadIdx.x; state < trellis.states; state += blockDim.x) {
                C sum = state < 2 ? C(0) : NEVER;
                if (step > 0) {
                    const C one = state > 0 ? before[state - 1] : NEVER;
                    const C two = trellis.skips(state) ? before[state - 2] : NEVER;
                    sum = log_sum_exp(before[state], one, two);
                }
                now[state] = sum + own[trellis.class_of(state)];
            }
            __syncthreads();
        }
        if (threadIdx.x == 0) {
            // Nothing is spelled by no step.
            C total = trellis.states == 1 ? C(0) : NEVER;
            if (trellis.length > 0) {
                const C *last = alpha + trellis.at(trellis.length - 1, sequence) + trellis.states - 1;
                total = trellis.states == 1 ? last[0] : log_sum_exp(last[0], last[-1], NEVER);
            }
            losses[sequence] = -total;
        }
    }
}

// For each step and state the logarithm of the probability of all paths through it. `later` has room for the states of two
// steps of each sequence.
template <class C>
__device__ __forceinline__ void backward(const C *log_probs, const Sequences &of, const C *alpha, C *later, C *joint,
                                         Link *links) {
    const C NEVER = minus_infinity<C>();
    for (i64 sequence = blockIdx.x; sequence < of.count; sequence += gridDim.x) {
        const Trellis trellis(of, sequence);
        Link *own_links = links + sequence * (of.states / 2);
        for (i64 which = threadIdx.x; which < trellis.count; which += blockDim.x) {
            const i64 label = trellis.labels[which];
            i64 before = which - 1, next = which + 1;
            while (before >= 0 && trellis.labels[before] != label) --before;
            while (next < trellis.count && trellis.labels[next] != label) ++next;
            own_links[which] = {next < trellis.count ? static_cast<i32>(next) : -1, before < 0};
        }
        C *rows = later + 2 * sequence * of.states;
        for (i64 step = trellis.length - 1; step >= 0; --step) {
            const C *own = log_probs + trellis.row(step, sequence);
            const C *after = rows + (step + 1) % 2 * of.states;
            C *now = rows + step % 2 * of.states;
            const i64 at = trellis.at(step, sequence);
            for (i64 state = threadIdx.x; state < trellis.states; state += blockDim.x) {
                // What follows this step, and so without its own probability.
                C following = state + 2 >= trellis.states ? C(0) : NEVER;
                if (step + 1 < trellis.length) {
                    const C one = state + 1 < trellis.states ? after[state + 1] : NEVER;
                    const C two = state + 2 < trellis.states && trellis.skips(state + 2) ? after[state + 2] : NEVER;
                    following = log_sum_exp(after[state], one, two);
                }
                now[state] = following + own[trellis.class_of(state)];
                joint[at + state] = alpha[at + state] + following;
            }
            __syncthreads();
        }
    }
}

// What all threads of a block of `STEP_THREADS` have, joined.
template <class C, class Join> __device__ __forceinline__ C join_block(C value, Join join) {
    __shared__ C room[STEP_THREADS / 32];
    return join_row(value, STEP_THREADS, room, join);
}

// The gradient of one step of one sequence after the other.
template <class C>
__device__ __forceinline__ void slopes(const C *log_probs, const Sequences &of, const C *joint, const Link *links,
                                       const C *losses, const C *grads, u32 zero_infinity, C *dx) {
    const C NEVER = minus_infinity<C>();
    for (i64 item = blockIdx.x; item < of.steps * of.count; item += gridDim.x) {
        const i64 step = item / of.count, sequence = item % of.count;
        const Trellis trellis(of, sequence);
        const C loss = losses[sequence], grad = grads[sequence];
        C *out = dx + item * of.classes;
        if (step >= trellis.length || (zero_infinity && loss == -NEVER)) {
            for (i64 which = threadIdx.x; which < of.classes; which += blockDim.x) out[which] = 0;
            continue;
        }
        const C *own = log_probs + item * of.classes, *paths = joint + trellis.at(step, sequence);
        C max = NEVER;
        for (i64 state = threadIdx.x; state < trellis.states; state += blockDim.x) max = paths[state] > max ? paths[state] : max;
        max = join_block(max, [](C a, C b) { return a > b ? a : b; });
        const C shift = max == NEVER ? C(0) : max;
        // Of one where the target can be spelled, else NaN.
        const C scale = exp(max + loss);
        C blanks = 0;
        for (i64 state = threadIdx.x; state < trellis.states; state += blockDim.x)
            if (trellis.class_of(state) == of.blank) blanks += exp(paths[state] - shift);
        blanks = join_block(blanks, [](C a, C b) { return a + b; });
        for (i64 which = threadIdx.x; which < of.classes; which += blockDim.x) {
            const C share = which == of.blank ? blanks : C(0);
            out[which] = (exp(own[which]) - share * scale) * grad;
        }
        __syncthreads();
        const Link *own_links = links + sequence * (of.states / 2);
        for (i64 which = threadIdx.x; which < trellis.count; which += blockDim.x) {
            const i64 label = trellis.label(which);
            if (!own_links[which].first || label == of.blank) continue;
            C share = 0;
            for (i64 at = which; at >= 0; at = own_links[at].next) share += exp(paths[2 * at + 1] - shift);
            out[label] = (exp(own[label]) - share * scale) * grad;
        }
    }
}

#define KERNELS(C)                                                                                                      \
    extern "C" __global__ void __launch_bounds__(CTC_THREADS)                                                           \
        ctc_forward_##C(const C *log_probs, const Sequences of, C *alpha, C *losses) {                                  \
        forward<C>(log_probs, of, alpha, losses);                                                                       \
    }                                                                                                                   \
    extern "C" __global__ void __launch_bounds__(CTC_THREADS)                                                           \
        ctc_backward_##C(const C *log_probs, const Sequences of, const C *alpha, C *later, C *joint, Link *links) {     \
        backward<C>(log_probs, of, alpha, later, joint, links);                                                         \
    }                                                                                                                   \
    extern "C" __global__ void __launch_bounds__(STEP_THREADS)                                                          \
        ctc_slopes_##C(const C *log_probs, const Sequences of, const C *joint, const Link *links, const C *losses,      \
                       const C *grads, u32 zero_infinity, C *dx) {                                                      \
        slopes<C>(log_probs, of, joint, links, losses, grads, zero_infinity, dx);                                       \
    }
KERNELS(f32)
KERNELS(f64)
#undef KERNELS

// The first label that is no class, of all sequences; what is not one of their labels is not looked at. One block.
extern "C" __global__ void __launch_bounds__(REDUCE_THREADS) ctc_check(const Sequences of, const Report report) {
    __shared__ Outside room[REDUCE_THREADS / 32];
    Outside own = {-1, 0};
    // A warp for each sequence.
    for (i64 sequence = threadIdx.x / 32; sequence < of.count; sequence += REDUCE_THREADS / 32) {
        const i64 start = of.spans[3 * sequence], count = of.spans[3 * sequence + 1];
        for (i64 at = start + threadIdx.x % 32; at < start + count; at += 32) {
            const i64 label = of.labels[at];
            if (label < 0 || label >= of.classes) own = first_of(own, {at, label});
        }
    }
    own = join_row(own, REDUCE_THREADS, room, [](Outside a, Outside b) { return first_of(a, b); });
    if (threadIdx.x == 0) report.say(own);
}
