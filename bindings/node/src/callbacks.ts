/**
 * Functions of JavaScript that the library calls.
 *
 * There is one address for all of each kind; what the library hands back with it says which
 * function is meant. On another thread a call of it waits until the event loop has made it here.
 *
 * @module
 */

import { Checked } from "./arguments.js";
import { check, deviceOf, dtypeOf, keepThrown } from "./error.js";
import * as raw from "./generated/raw.js";
import { readText, register, write, writeDouble } from "./library.js";
import type { Fallback } from "./precision.js";

/** A hook: given the address of a gradient, it may give that of another. */
export type Hook = (gradient: bigint) => bigint | null;

const hooks = new Map<bigint, Hook>();
const closures = new Map<bigint, () => number>();
const listeners = new Map<bigint, (fallback: Fallback) => void>();
let next = 1n;

/** A hook is not part of what it looks at, whichever thread the pass is on. */
function unrecorded<T>(gradient: bigint, body: () => T): T {
    const enabled = raw.candle_tensor_requires_grad(gradient);
    check((error) => raw.candle_grad_mode_push(enabled, error));
    try {
        return body();
    } finally {
        check((error) => raw.candle_grad_mode_pop(error));
    }
}

interface Addresses {
    hook: bigint;
    forget: bigint;
    loss: bigint;
    fallback: bigint;
}

let addresses: Addresses | undefined;

/** The addresses, made when they are first needed. */
function known(): Addresses {
    addresses ??= {
        hook: register(
            raw.callbacks.CandleHookCallback,
            (id: bigint, gradient: bigint, replacement: bigint) => {
                try {
                    const hook = hooks.get(BigInt(id));
                    const given = unrecorded(gradient, () => hook?.(gradient) ?? null);
                    if (given !== null) {
                        write(replacement, given);
                    }
                    return 0;
                } catch (error) {
                    return keepThrown(error);
                }
            },
        ),
        forget: register(raw.callbacks.CandleFreeCallback, (id: bigint) => {
            hooks.delete(BigInt(id));
            listeners.delete(BigInt(id));
        }),
        loss: register(raw.callbacks.CandleLossCallback, (id: bigint, loss: bigint) => {
            try {
                const value: unknown = closures.get(BigInt(id))?.();
                const checked = new Checked("step");
                writeDouble(loss, checked.double(value as number, "what the closure returns"));
                return 0;
            } catch (error) {
                return keepThrown(error);
            }
        }),
        fallback: register(
            raw.callbacks.CandleFallbackCallback,
            (id: bigint, operation: bigint, dtype: number, kind: number, index: number) => {
                try {
                    listeners.get(BigInt(id))?.({
                        operation: readText(operation),
                        dtype: dtypeOf(dtype),
                        device: deviceOf(kind, index),
                    });
                    return 0;
                } catch (error) {
                    return keepThrown(error);
                }
            },
        ),
    };
    return addresses;
}

/** Has a hook called with the gradients of a tensor; gives the number to remove it by. */
export function addHook(tensor: bigint, hook: Hook): bigint {
    const id = next++;
    hooks.set(id, hook);
    const out = new BigUint64Array(1);
    const { hook: address, forget } = known();
    // A refused hook is forgotten by the library's call of `forget`.
    check((error) => raw.candle_tensor_register_hook(tensor, address, id, forget, out, error));
    return out[0] ?? 0n;
}

/** Makes a step of L-BFGS, which calls a function for the loss. */
export function stepWith(optimizer: bigint, closure: () => number): number {
    const id = next++;
    closures.set(id, closure);
    const loss = new Float64Array(1);
    try {
        check((error) => raw.candle_lbfgs_step(optimizer, known().loss, id, loss, error));
    } finally {
        closures.delete(id);
    }
    return loss[0] ?? NaN;
}

/** Has a function told of operations without a kernel, in place of the last one. */
export function addFallback(listener: ((fallback: Fallback) => void) | null): void {
    if (listener === null) {
        check((error) => raw.candle_set_fallback_callback(0n, 0n, 0n, error));
        return;
    }
    const id = next++;
    listeners.set(id, listener);
    const { fallback, forget } = known();
    check((error) => raw.candle_set_fallback_callback(fallback, id, forget, error));
}
