/** A call: its arguments become those of C. @module */

import { Checked } from "./arguments.js";
import { check, errorOf } from "./error.js";
import { codes } from "./generated/enums.js";
import { UnsupportedError } from "./generated/errors.js";
import { Cell, Handle } from "./handle.js";
import * as raw from "./generated/raw.js";
import type { Generator } from "./generator.js";
import type { Module } from "./module.js";
import type { Optimizer } from "./optimizer.js";
import type { Tensor } from "./tensor.js";
import type { TensorLike } from "./types.js";

/** What a function of C is given. */
export type Arguments = readonly unknown[];

/** The classes of handles, which need functions themselves. */
interface Kinds {
    Tensor: (abstract new (cell: Cell) => Tensor) & { adopt(pointer: bigint): Tensor };
    Module: (abstract new (cell: Cell) => Module) & { adopt(pointer: bigint): Module };
    Optimizer: (abstract new (cell: Cell) => Optimizer) & { adopt(pointer: bigint): Optimizer };
    Generator: abstract new () => Generator;
}

/** Filled by the files that have the classes. */
export const kinds = {} as Kinds;

/** Room for addresses and counts. */
export function room(cells: number): BigUint64Array {
    // A buffer of its own never moves.
    return new BigUint64Array(new ArrayBuffer(8 * Math.max(cells, 1)));
}

/** Where calls on this thread write: each is read before the next one. */
export const one = room(1);
export const errors = room(1);

function isCasting(): boolean {
    return Object.values(codes.DeviceKind).some((kind) => raw.candle_autocast_dtype(kind) !== 0);
}

/** A call, and what it needs until it has ended. */
export class Call extends Checked {
    #temporary: bigint[] | undefined;
    #used: Cell[] | undefined;
    /** Recording is on on other threads: where it is off here, tensors go without history. */
    readonly #detaches: boolean;

    constructor(
        operation: string,
        readonly isAsync: boolean = false,
    ) {
        super(operation);
        this.#detaches = isAsync && raw.candle_grad_mode_is_enabled() === 0;
    }

    /** The address of an object, which is kept for the call. */
    handle(handle: Handle, name: string): bigint {
        const cell = Handle.cell(handle, this.operation, name);
        if (this.isAsync) {
            cell.use();
            (this.#used ??= []).push(cell);
        }
        return cell.pointer;
    }

    #number(value: number | bigint | boolean, name: string): bigint {
        let status: number;
        if (typeof value === "boolean") {
            status = raw.candle_tensor_from_bool(value ? 1 : 0, one, errors);
        } else if (typeof value === "bigint" || Number.isSafeInteger(value)) {
            status = raw.candle_tensor_from_int64(this.int(value, name), one, errors);
        } else {
            status = raw.candle_tensor_from_double(value, one, errors);
        }
        if (status !== 0) {
            throw errorOf(status, errors);
        }
        return this.#keep(one);
    }

    #keep(out: BigUint64Array): bigint {
        const pointer = out[0] ?? 0n;
        (this.#temporary ??= []).push(pointer);
        return pointer;
    }

    tensor(value: TensorLike, name: string): bigint {
        if (this.isAsync && isCasting()) {
            throw new UnsupportedError(
                `${this.operation}: a call on another thread is not cast; begin it outside of ` +
                    "autocast, or call it on this thread",
                { operation: this.operation },
            );
        }
        if (value instanceof kinds.Tensor) {
            const pointer = this.handle(value, name);
            if (!this.#detaches) {
                return pointer;
            }
            const out = room(1);
            check((error) => raw.candle_tensor_detach(pointer, out, error));
            return this.#keep(out);
        }
        if (typeof value === "number" || typeof value === "bigint" || typeof value === "boolean") {
            return this.#number(value, name);
        }
        throw this.wrong(name, "a Tensor or a number", value);
    }

    /** A tensor itself: one that is changed, or asked. */
    changed(value: Tensor, name: string): bigint {
        if (!(value instanceof kinds.Tensor)) {
            throw this.wrong(name, "a Tensor", value);
        }
        return this.handle(value, name);
    }

    optionalTensor(value: TensorLike | null, name: string): bigint | null {
        return value === null ? null : this.tensor(value, name);
    }

    optionalChanged(value: Tensor | null, name: string): bigint | null {
        return value === null ? null : this.changed(value, name);
    }

    #list(values: readonly unknown[], name: string, one: (value: never, name: string) => unknown) {
        if (!Array.isArray(values)) {
            throw this.wrong(name, "an array of tensors", values);
        }
        const cells = room(values.length);
        values.forEach((value, at) => {
            cells[at] = (one.call(this, value as never, `${name}[${at}]`) as bigint | null) ?? 0n;
        });
        return [cells, values.length] as [BigUint64Array, number];
    }

    tensors(values: readonly TensorLike[], name: string): [BigUint64Array, number] {
        return this.#list(values, name, this.tensor);
    }

    optionalTensors(
        values: readonly (TensorLike | null)[],
        name: string,
    ): [BigUint64Array, number] {
        return this.#list(values, name, this.optionalTensor);
    }

    /** Tensors themselves: parameters, and those whose gradients are asked for. */
    params(values: readonly Tensor[], name = "params"): [BigUint64Array, number] {
        return this.#list(values, name, this.changed);
    }

    generator(value: Generator | null, name: string): bigint | null {
        if (value === null) {
            return null;
        }
        if (!(value instanceof kinds.Generator)) {
            throw this.wrong(name, "a Generator", value);
        }
        return this.handle(value, name);
    }

    module(value: Module, name: string): bigint {
        if (!(value instanceof kinds.Module)) {
            throw this.wrong(name, "a Module", value);
        }
        return this.handle(value, name);
    }

    optionalModule(value: Module | null, name: string): bigint | null {
        return value === null ? null : this.module(value, name);
    }

    /** Ends it: what was made for it is freed, what was kept for it is let go. */
    end(): void {
        this.#temporary?.forEach((pointer) => raw.candle_tensor_free(pointer));
        this.#used?.forEach((cell) => cell.unuse());
    }
}
