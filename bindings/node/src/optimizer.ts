/** Optimizers, and limits on gradients. @module */

import { Call, kinds } from "./call.js";
import { stepWith } from "./callbacks.js";
import { check } from "./error.js";
import * as raw from "./generated/raw.js";
import { Cell, Handle } from "./handle.js";
import { later, now } from "./run.js";
import { textOf, type Tensor } from "./tensor.js";

/** An option's name in C: `weightDecay` is `weight_decay`. */
function snake(name: string): string {
    return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

function camel(name: string): string {
    return name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

/** Changes parameters in place from their gradients. */
export class Optimizer extends Handle {
    /** The owner of a handle that C gave. @internal */
    static adopt(pointer: bigint): Optimizer {
        return new Optimizer(new Cell(pointer, 1024, raw.candle_optimizer_free));
    }

    #pointer(operation: string): bigint {
        return Handle.pointer(this, operation);
    }

    /** PyTorch's name of its class, such as "SGD". */
    get name(): string {
        return raw.candle_optimizer_name(this.#pointer("name"));
    }

    /** One step: changes the parameters that have gradients. */
    step(): void;
    /**
     * One step of an L-BFGS optimizer, and the loss before it. `closure` clears the gradients,
     * computes the loss, calls its `backward` and returns it as a number; what it throws comes out
     * of `step`.
     */
    step(closure: () => number): number;
    step(closure?: () => number): number | void {
        const optimizer = this.#pointer("step");
        if (closure !== undefined) {
            if (typeof closure !== "function") {
                throw new Call("step").wrong("the closure", "a function", closure);
            }
            return stepWith(optimizer, closure);
        }
        check((error) => raw.candle_optimizer_step(optimizer, error));
        return undefined;
    }

    /** `step` on another thread. */
    stepAsync(): Promise<void> {
        return later.nothing("step", raw.candle_optimizer_step, (call) => [
            call.handle(this, "the optimizer"),
        ]);
    }

    /** Clears the gradients of all parameters. */
    zeroGrad(): void {
        const optimizer = this.#pointer("zeroGrad");
        check((error) => raw.candle_optimizer_zero_grad(optimizer, error));
    }

    /** Adds parameters, with the options that the optimizer was made with but for those given. */
    addParamGroup(params: readonly Tensor[], options: Readonly<Record<string, number>> = {}): void {
        // Set on the first group for a moment, so that what is refused adds nothing.
        new Call("addParamGroup").options(options, ...this.optionNames());
        const before = Object.keys(options).map((name) => [name, this.getOption(name)] as const);
        this.setOptions(options);
        this.setOptions(Object.fromEntries(before));
        now.nothing("addParamGroup", raw.candle_optimizer_add_param_group, (call) => [
            call.handle(this, "the optimizer"),
            ...call.params(params),
        ]);
        this.setOptions(options, this.numGroups - 1);
    }

    /** The number of groups. */
    get numGroups(): number {
        return raw.candle_optimizer_num_groups(this.#pointer("numGroups"));
    }

    /** The parameters of a group. */
    params(group = 0): Tensor[] {
        return now.tensors("params", raw.candle_optimizer_params, (call) => [
            call.handle(this, "the optimizer"),
            call.size(group, "group"),
        ]);
    }

    #names(ask: typeof raw.candle_optimizer_option_name): string[] {
        const optimizer = this.#pointer("names");
        const names: string[] = [];
        for (;;) {
            const at = names.length;
            const name = textOf((text, room) => ask(optimizer, at, text, room));
            if (name === "") {
                return names;
            }
            names.push(name);
        }
    }

    /** The names of the options, such as "weightDecay". */
    optionNames(): string[] {
        return this.#names(raw.candle_optimizer_option_name).map(camel);
    }

    /** PyTorch's names of what is kept for each parameter, such as "exp_avg". */
    stateNames(): string[] {
        return this.#names(raw.candle_optimizer_state_name);
    }

    /** An option of a group. */
    getOption(name: string, group = 0): number {
        const value = new Float64Array(1);
        now.nothing(
            "getOption",
            raw.candle_optimizer_get_option,
            (call) => [
                call.handle(this, "the optimizer"),
                call.size(group, "group"),
                snake(call.text(name, "name")),
                value,
            ],
        );
        return value[0] ?? NaN;
    }

    /** Sets options of a group, all or none: `optimizer.setOptions({ lr: 0.01 })`. */
    setOptions(options: Readonly<Record<string, number>>, group = 0): void {
        now.nothing("setOptions", raw.candle_optimizer_set_options, (call) => {
            call.options(options, ...this.optionNames());
            const entries = Object.entries(options);
            return [
                call.handle(this, "the optimizer"),
                call.size(group, "group"),
                entries.map(([name]) => snake(call.text(name, "a name"))),
                entries.map(([name, value]) => call.double(value, name)),
                entries.length,
            ];
        });
    }

    /** What is kept for a parameter of a group, or null. */
    getState(name: string, index: number, group = 0): Tensor | null {
        const out = new BigUint64Array(1);
        now.nothing("getState", raw.candle_optimizer_get_state, (call) => [
            call.handle(this, "the optimizer"),
            call.size(group, "group"),
            call.size(index, "index"),
            call.text(name, "name"),
            out,
        ]);
        return out[0] ? kinds.Tensor.adopt(out[0]) : null;
    }

    /** Sets what is kept for a parameter of a group. */
    setState(name: string, index: number, state: Tensor, group = 0): void {
        now.nothing("setState", raw.candle_optimizer_set_state, (call) => [
            call.handle(this, "the optimizer"),
            call.size(group, "group"),
            call.size(index, "index"),
            call.text(name, "name"),
            call.changed(state, "state"),
        ]);
    }
}

kinds.Optimizer = Optimizer;

/** Options of norms of gradients. */
export interface NormOptions {
    /** Which norm; `Infinity` for the largest element. */
    normType?: number;
    /** Whether a norm that is not finite is an error. */
    errorIfNonfinite?: boolean;
}

function normGiven(call: Call, options: NormOptions): unknown[] {
    const { normType = 2.0, errorIfNonfinite = false } = options;
    call.options(options, "normType", "errorIfNonfinite");
    return [
        call.double(normType, "normType"),
        call.bool(errorIfNonfinite, "errorIfNonfinite"),
    ];
}

/**
 * Scales gradients so that their norm is at most `maxNorm`, and returns the norm before.
 * PyTorch: `torch.nn.utils.clip_grad_norm_`
 */
export function clipGradNorm_(
    params: readonly Tensor[],
    maxNorm: number,
    options: NormOptions = {},
): Tensor {
    return now.tensor("clipGradNorm_", raw.candle_clip_grad_norm, (call) => [
        ...call.params(params),
        call.double(maxNorm, "maxNorm"),
        ...normGiven(call, options),
    ]);
}

/**
 * Limits the elements of gradients to `clipValue` on both sides of zero.
 * PyTorch: `torch.nn.utils.clip_grad_value_`
 */
export function clipGradValue_(params: readonly Tensor[], clipValue: number): void {
    now.nothing("clipGradValue_", raw.candle_clip_grad_value, (call) => [
        ...call.params(params),
        call.double(clipValue, "clipValue"),
    ]);
}

/** The norm of all elements of some tensors. PyTorch: `torch.nn.utils.get_total_norm` */
export function getTotalNorm(tensors: readonly Tensor[], options: NormOptions = {}): Tensor {
    return now.tensor("getTotalNorm", raw.candle_total_norm, (call) => [
        ...call.params(tensors, "tensors"),
        ...normGiven(call, options),
    ]);
}
