/** Running calls: what C writes becomes objects, on this thread or another. @module */

import { Call, errors, kinds, one, room, type Arguments } from "./call.js";
import { errorOf } from "./error.js";
import type { Native } from "./library.js";
import type { Module } from "./module.js";
import type { Optimizer } from "./optimizer.js";
import { schedule } from "./queue.js";
import type { Tensor } from "./tensor.js";
import type { TensorLike } from "./types.js";

/** A function that reports by its status. */
type Reporting = Native<(...given: any[]) => number>;
type Give = (call: Call) => Arguments;

/** Makes a call on this thread; `outputs` follow its arguments. */
function run(operation: string, native: Reporting, give: Give, ...outputs: unknown[]): void {
    const call = new Call(operation);
    try {
        const status = native(...give(call), ...outputs, errors);
        if (status !== 0) {
            throw errorOf(status, errors);
        }
    } finally {
        call.end();
    }
}

/** Makes a call on another thread, and then what it has written into objects on this one. */
async function start<T>(
    operation: string,
    native: Reporting,
    give: Give,
    outputs: unknown[],
    result: () => T,
): Promise<T> {
    const call = new Call(operation, true);
    const error = room(1);
    try {
        const given = [...give(call), ...outputs, error];
        const status = await schedule(native, given);
        if (status !== 0) {
            throw errorOf(status, error);
        }
        return result();
    } finally {
        call.end();
    }
}

function cellsOf(cells: BigUint64Array, count: number = cells.length): Tensor[] {
    return Array.from(cells.subarray(0, count), (pointer) => kinds.Tensor.adopt(pointer));
}

function fieldsOf<T>(cells: BigUint64Array, names: readonly string[]): T {
    const tensors = cellsOf(cells);
    return Object.fromEntries(names.map((name, at) => [name, tensors[at]])) as T;
}

/** Lists have as many outputs as it turns out; most have few. */
const FEW = 16;
const TOO_SMALL = 4;

/** Calls on this thread. */
export const now = {
    /** One that gives nothing. */
    nothing: run,

    tensor(operation: string, native: Reporting, give: Give): Tensor {
        const call = new Call(operation);
        try {
            const status = native(...give(call), one, errors);
            if (status !== 0) {
                throw errorOf(status, errors);
            }
        } finally {
            call.end();
        }
        return kinds.Tensor.adopt(one[0] ?? 0n);
    },

    inPlace(operation: string, native: Reporting, give: Give, changed: TensorLike): Tensor {
        if (!(changed instanceof kinds.Tensor)) {
            throw new TypeError(`${operation}: a Tensor is changed in place, and no number`);
        }
        run(operation, native, give);
        return changed;
    },

    tensors(operation: string, native: Reporting, give: Give): Tensor[] {
        const call = new Call(operation);
        const count = room(1);
        try {
            const given = give(call);
            for (let size = FEW; ; size = Number(count[0])) {
                const outputs = room(size);
                const status = native(...given, outputs, size, count, errors);
                if (status === 0) {
                    return cellsOf(outputs, Number(count[0]));
                }
                const error = errorOf(status, errors);
                if (status !== TOO_SMALL || Number(count[0]) <= size) {
                    throw error;
                }
            }
        } finally {
            call.end();
        }
    },

    fields<T>(operation: string, native: Reporting, give: Give, names: readonly string[]): T {
        const cells = room(names.length);
        run(operation, native, give, ...names.map((_, at) => cells.subarray(at, at + 1)));
        return fieldsOf<T>(cells, names);
    },
};

/** Calls on another thread. */
export const later = {
    nothing(operation: string, native: Reporting, give: Give): Promise<void> {
        return start(operation, native, give, [], () => undefined);
    },

    tensor(operation: string, native: Reporting, give: Give): Promise<Tensor> {
        const out = room(1);
        return start(operation, native, give, [out], () => kinds.Tensor.adopt(out[0] ?? 0n));
    },

    async tensors(operation: string, native: Reporting, give: Give): Promise<Tensor[]> {
        const count = room(1);
        for (let size = FEW; ; size = Number(count[0])) {
            const outputs = room(size);
            try {
                return await start(operation, native, give, [outputs, size, count], () =>
                    cellsOf(outputs, Number(count[0])),
                );
            } catch (error) {
                const { status } = error as { status?: number };
                if (status !== TOO_SMALL || Number(count[0]) <= size) {
                    throw error;
                }
            }
        }
    },

    fields<T>(
        operation: string,
        native: Reporting,
        give: Give,
        names: readonly string[],
    ): Promise<T> {
        const cells = room(names.length);
        const outputs = names.map((_, at) => cells.subarray(at, at + 1));
        return start(operation, native, give, outputs, () => fieldsOf<T>(cells, names));
    },
};

/** Calls that make other objects. */
export const make = {
    module(operation: string, native: Reporting, give: Give): Module {
        const out = room(1);
        run(operation, native, give, out);
        return kinds.Module.adopt(out[0] ?? 0n);
    },

    optimizer(operation: string, native: Reporting, give: Give): Optimizer {
        const out = room(1);
        run(operation, native, give, out);
        return kinds.Optimizer.adopt(out[0] ?? 0n);
    },
};
