/** Gradients: when operations are recorded, and gradients of any tensors. @module */

import { types } from "node:util";
import { Call, kinds } from "./call.js";
import { check, errorOf } from "./error.js";
import * as raw from "./generated/raw.js";
import { closeScope, openScope } from "./memory.js";
import { later } from "./run.js";
import type { Tensor } from "./tensor.js";

/** Whether operations are recorded. */
export function isGradEnabled(): boolean {
    return raw.candle_grad_mode_is_enabled() !== 0;
}

/** Switches recording on or off. */
export function setGradEnabled(enabled: boolean): void {
    raw.candle_grad_mode_set(new Call("setGradEnabled").bool(enabled, "enabled"));
}

/** Refuses an asynchronous function, in words that say what to write instead where there is that. */
export function synchronous(operation: string, body: unknown, instead?: string): void {
    if (typeof body !== "function") {
        throw new Call(operation).wrong("its argument", "a function", body);
    }
    if (types.isAsyncFunction(body)) {
        throw new TypeError(
            `${operation} takes no async function, since what comes after its first await would ` +
                `be outside of it${instead ?? `; write await ${operation}(() => model.forwardAsync(x))`}`,
        );
    }
}

/** Calls a function between two calls that switch something on and back on this thread. */
export function withinScope<T>(
    operation: string,
    push: (error: BigUint64Array) => number,
    pop: (error: BigUint64Array) => number,
    body: () => T,
): T {
    synchronous(operation, body);
    check(push);
    try {
        return body();
    } finally {
        check(pop);
    }
}

function withMode<T>(operation: string, enabled: number, body: () => T): T {
    const push = (error: BigUint64Array) => raw.candle_grad_mode_push(enabled, error);
    return withinScope(operation, push, raw.candle_grad_mode_pop, body);
}

/**
 * Calls a function without recording, and gives what it returns. A call on another thread that
 * begins in it is not recorded either. PyTorch: `torch.no_grad`
 */
export function noGrad<T>(body: () => T): T {
    return withMode("noGrad", 0, body);
}

/** Calls a function with recording, and gives what it returns. PyTorch: `torch.enable_grad` */
export function enableGrad<T>(body: () => T): T {
    return withMode("enableGrad", 1, body);
}

/** Adds what is reachable in what a function returned. */
function collect(value: unknown, into: Set<unknown>): void {
    if (typeof value !== "object" || value === null || into.has(value)) {
        return;
    }
    into.add(value);
    if (value instanceof Map) {
        for (const item of value.values()) {
            collect(item, into);
        }
    } else if (Array.isArray(value) || Object.getPrototypeOf(value) === Object.prototype) {
        for (const item of Object.values(value)) {
            collect(item, into);
        }
    }
}

/**
 * Calls a function, and frees at its end what it has made but for what it returns: a tensor, or
 * arrays, maps and plain objects of them. What is kept elsewhere must not be made in it.
 */
export function tidy<T>(body: () => T): T {
    synchronous("tidy", body);
    const kept = new Set<unknown>();
    openScope();
    try {
        const result = body();
        if (types.isPromise(result)) {
            throw new TypeError("tidy takes a function that is done when it returns");
        }
        collect(result, kept);
        return result;
    } finally {
        closeScope(kept);
    }
}

/** Options of `backward`. */
export interface BackwardOptions {
    /** The gradient of the tensor; may be left out for a tensor of one element, and then is 1. */
    gradient?: Tensor | null;
    /** Whether the graph is kept for another pass. */
    retainGraph?: boolean;
    /** Whether the pass is recorded, for derivatives of derivatives. */
    createGraph?: boolean;
}

/** What `candle_tensor_backward` is given. */
export function backwardGiven(call: Call, tensor: Tensor, options: BackwardOptions): unknown[] {
    const { gradient = null, retainGraph = false, createGraph = false } = options;
    call.options(options, "gradient", "retainGraph", "createGraph");
    return [
        call.changed(tensor, "the tensor"),
        call.optionalChanged(gradient, "gradient"),
        call.bool(retainGraph, "retainGraph"),
        call.bool(createGraph, "createGraph"),
    ];
}

/** Options of `grad`. */
export interface GradOptions {
    /** A gradient for each output, or null for one that has one element. */
    gradOutputs?: readonly (Tensor | null)[] | null;
    /** Whether the graph is kept for another pass. */
    retainGraph?: boolean;
    /** Whether the pass is recorded, for derivatives of derivatives. */
    createGraph?: boolean;
    /** Whether an input that was not used has null for a gradient, instead of being an error. */
    allowUnused?: boolean;
}

/**
 * The gradients of `outputs` with respect to `inputs`, any tensors of the graph; leaves are not
 * touched.
 *
 * PyTorch: `torch.autograd.grad`
 */
export function grad(
    outputs: readonly Tensor[],
    inputs: readonly Tensor[],
    options: GradOptions & { allowUnused: true },
): (Tensor | null)[];
export function grad(
    outputs: readonly Tensor[],
    inputs: readonly Tensor[],
    options?: GradOptions,
): Tensor[];
export function grad(
    outputs: readonly Tensor[],
    inputs: readonly Tensor[],
    options: GradOptions = {},
): (Tensor | null)[] {
    const call = new Call("grad");
    const error = new BigUint64Array(1);
    const grads = new BigUint64Array(Math.max(inputs.length, 1));
    try {
        const { gradOutputs = null, retainGraph = false } = options;
        const { createGraph = false, allowUnused = false } = options;
        call.options(options, "gradOutputs", "retainGraph", "createGraph", "allowUnused");
        const [outputCells, outputCount] = call.params(outputs, "outputs");
        const [inputCells, inputCount] = call.params(inputs, "inputs");
        let given: BigUint64Array | null = null;
        if (gradOutputs !== null) {
            if (gradOutputs.length !== outputs.length) {
                throw new TypeError("grad: gradOutputs must have an entry for each output");
            }
            [given] = call.optionalTensors(gradOutputs, "gradOutputs");
        }
        const status = raw.candle_grad(
            outputCells,
            outputCount,
            inputCells,
            inputCount,
            given,
            call.bool(retainGraph, "retainGraph"),
            call.bool(createGraph, "createGraph"),
            call.bool(allowUnused, "allowUnused"),
            grads,
            error,
        );
        if (status !== 0) {
            throw errorOf(status, error);
        }
    } finally {
        call.end();
    }
    return Array.from(grads.subarray(0, inputs.length), (pointer) =>
        pointer === 0n ? null : kinds.Tensor.adopt(pointer),
    );
}

/** `backward` on another thread. */
export function backwardAsync(tensor: Tensor, options: BackwardOptions): Promise<void> {
    return later.nothing("backward", raw.candle_tensor_backward, (call) =>
        backwardGiven(call, tensor, options),
    );
}
