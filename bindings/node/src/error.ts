/** Errors: what a call that failed tells. @module */

import type { DType } from "./generated/enums.js";
import { codes } from "./generated/enums.js";
import * as raw from "./generated/raw.js";

/** What an error was about. */
export interface ErrorDetails {
    /** The operation, by PyTorch's name; empty when there is none. */
    operation?: string;
    /** The shapes of its tensors, where they matter. */
    shapes?: number[][];
    /** Their dtypes, where they matter. */
    dtypes?: DType[];
    /** Their devices, where they matter. */
    devices?: string[];
}

/** A call that failed. Each code of the library has a class of its own. */
export class CandleError extends Error {
    /** The number of the code. */
    readonly status: number = 0;
    /** The name of the code in C. */
    readonly code: string = "CANDLE_ERROR_UNKNOWN";
    /** The operation, by PyTorch's name; empty when there is none. */
    readonly operation: string;
    /** The shapes of its tensors, where they matter. */
    readonly shapes: number[][];
    /** Their dtypes, where they matter. */
    readonly dtypes: DType[];
    /** Their devices, where they matter. */
    readonly devices: string[];

    /** An error with a message and what it is about. */
    constructor(message: string, details: ErrorDetails = {}) {
        super(message);
        this.name = new.target.name;
        this.operation = details.operation ?? "";
        this.shapes = details.shapes ?? [];
        this.dtypes = details.dtypes ?? [];
        this.devices = details.devices ?? [];
    }
}

/** The class of each code. */
export const classes = new Map<number, typeof CandleError>();

const words = new Map(Object.entries(codes.DType).map(([word, code]) => [code, word as DType]));

/** The word for a dtype's number. */
export function dtypeOf(code: number): DType {
    const word = words.get(code);
    if (word === undefined) {
        throw new CandleError(`the library has a dtype ${code} that this package does not know`);
    }
    return word;
}

/** A device as PyTorch writes it. */
export function deviceOf(kind: number, index: number): string {
    const name = raw.candle_device_kind_name(kind);
    return name === "cpu" ? name : `${name}:${index}`;
}

/** What callbacks have thrown, by the statuses they gave: the call that met one throws it again. */
const thrown = new Map<number, unknown>();
let last = 0;

/** Keeps what a callback has thrown, and gives the status by which its call finds it. */
export function keepThrown(error: unknown): number {
    last = (last % 0x7fffffff) + 1;
    thrown.set(last, error);
    return last;
}

function count(length: number): number[] {
    return Array.from({ length }, (_, number) => number);
}

function read(pointer: bigint): ErrorDetails & { message: string } {
    const shapes = count(raw.candle_error_num_shapes(pointer)).map((number) => {
        const none = new BigInt64Array(0);
        const rank = raw.candle_error_shape(pointer, number, none, 0);
        const shape = new BigInt64Array(rank);
        raw.candle_error_shape(pointer, number, shape, rank);
        return Array.from(shape, Number);
    });
    return {
        message: raw.candle_error_message(pointer),
        operation: raw.candle_error_operation(pointer),
        shapes,
        dtypes: count(raw.candle_error_num_dtypes(pointer)).map((number) =>
            dtypeOf(raw.candle_error_dtype(pointer, number)),
        ),
        devices: count(raw.candle_error_num_devices(pointer)).map((number) =>
            deviceOf(
                raw.candle_error_device_kind(pointer, number),
                raw.candle_error_device_index(pointer, number),
            ),
        ),
    };
}

const CALLBACK = 70;

/** The error of a status, from what the call has left in `cell`, which is empty afterwards. */
export function errorOf(status: number, cell: BigUint64Array): unknown {
    const pointer = cell[0] ?? 0n;
    cell[0] = 0n;
    const code = pointer === 0n ? status : raw.candle_error_code(pointer);
    const Class = classes.get(code) ?? CandleError;
    if (pointer === 0n) {
        return new Class(`the call failed with ${raw.candle_status_name(status)}`);
    }
    const { message, ...details } = read(pointer);
    raw.candle_error_free(pointer);
    // Which callback it was stands in the message: "… failed with status 7".
    const kept = code === CALLBACK ? Number(/\d+$/.exec(message)?.[0]) : 0;
    if (thrown.has(kept)) {
        const error = thrown.get(kept);
        thrown.delete(kept);
        return error;
    }
    return new Class(message, details);
}

const cell = new BigUint64Array(new ArrayBuffer(8));

/** Makes a call that reports by its status, and throws its error. */
export function check(call: (error: BigUint64Array) => number): void {
    const status = call(cell);
    if (status !== 0) {
        throw errorOf(status, cell);
    }
}
