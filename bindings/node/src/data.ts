/** Elements: from arrays of JavaScript to tensors and back. @module */

import { Checked } from "./arguments.js";
import { InvalidArgumentError, ShapeError } from "./generated/errors.js";
import type { DType } from "./generated/enums.js";

/** An array of numbers of one type. */
export type TypedArray =
    | Float32Array
    | Float64Array
    | BigInt64Array
    | Int32Array
    | Uint32Array
    | Int16Array
    | Uint16Array
    | Uint8Array;

/** Numbers in arrays of arrays, each as long as its neighbours. */
export type Nested = number | bigint | boolean | readonly Nested[];

type ArrayClass = { new (length: number): TypedArray; readonly BYTES_PER_ELEMENT: number };

/** What holds the elements of each dtype; halves and the like as their bits. */
const arrays: Readonly<Record<DType, ArrayClass>> = {
    bool: Uint8Array,
    uint8: Uint8Array,
    int16: Int16Array,
    uint32: Uint32Array,
    int32: Int32Array,
    int64: BigInt64Array,
    float8_e4m3fn: Uint8Array,
    float16: Uint16Array,
    bfloat16: Uint16Array,
    float32: Float32Array,
    float64: Float64Array,
};

/** Room for the elements of a tensor. */
export function roomFor(dtype: DType, elements: number): TypedArray {
    return new arrays[dtype](elements);
}

/** The dtype of the elements of an array; bits have none. */
export function dtypeOfArray(values: TypedArray): DType | undefined {
    if (values instanceof Uint8Array) {
        return "uint8";
    }
    const found = Object.entries(arrays).find(([, kind]) => values.constructor === kind);
    return found === undefined || values instanceof Uint16Array ? undefined : (found[0] as DType);
}

/** Whether an array holds elements as a dtype has them. */
export function holds(values: TypedArray, dtype: DType): boolean {
    return values instanceof arrays[dtype];
}

/** Whether a value is an array of numbers of one type that a tensor can be made of. */
export function isTypedArray(value: unknown): value is TypedArray {
    return Object.values(arrays).some((kind) => value instanceof kind);
}

/** What is in nested arrays, one after the other. */
export interface Flat {
    shape: number[];
    values: (number | bigint | boolean)[];
}

/** No tensor has more dimensions; an array that has itself inside would have. */
const DEEPEST = 64;

/** Flattens nested arrays, which must be rectangular. */
export function flatten(data: Nested, operation: string): Flat {
    const shape: number[] = [];
    for (let level: Nested | undefined = data; Array.isArray(level); level = level[0] as Nested) {
        if (shape.push(level.length) > DEEPEST) {
            throw new ShapeError(`${operation}: arrays are inside of each other without an end`, {
                operation,
            });
        }
    }
    const values: Flat["values"] = [];
    const take = (item: Nested, depth: number): void => {
        if (Array.isArray(item) !== depth < shape.length) {
            throw ragged(operation);
        }
        if (!Array.isArray(item)) {
            values.push(item as number | bigint | boolean);
            return;
        }
        if (item.length !== shape[depth]) {
            throw ragged(operation);
        }
        for (const inner of item as readonly Nested[]) {
            take(inner, depth + 1);
        }
    };
    take(data, 0);
    return { shape, values };
}

function ragged(operation: string): ShapeError {
    return new ShapeError(`${operation}: the arrays are not all of the same length`, { operation });
}

/** The dtype that values have: bigints are int64, booleans bool, and numbers floats. */
export function dtypeOfValues(values: Flat["values"], float: DType): DType {
    if (values.length > 0 && values.every((value) => typeof value === "boolean")) {
        return "bool";
    }
    return values.length > 0 && values.every((value) => typeof value === "bigint")
        ? "int64"
        : float;
}

/** Values in room of a dtype that is no half; those that do not fit are refused. */
export function fill(values: Flat["values"], dtype: DType, operation: string): TypedArray {
    const room = roomFor(dtype, values.length);
    const checked = new Checked(operation);
    values.forEach((value, at) => {
        const name = `element ${at}`;
        if (typeof value !== "number" && typeof value !== "bigint" && typeof value !== "boolean") {
            throw checked.wrong(name, "a number", value);
        }
        if (room instanceof BigInt64Array) {
            const whole = typeof value === "boolean" ? Number(value) : value;
            room[at] = BigInt(checked.int(whole, name));
            return;
        }
        const number = dtype === "bool" ? Number(Boolean(value)) : Number(value);
        room[at] = number;
        if (room[at] !== number && !dtype.startsWith("float")) {
            throw new InvalidArgumentError(
                `${operation}: ${name} is ${value}, which is no ${dtype}`,
                { operation, dtypes: [dtype] },
            );
        }
    });
    return room;
}

/** Elements in arrays of arrays. */
export function nest(values: ArrayLike<unknown>, shape: readonly number[]): unknown {
    let at = 0;
    const take = (depth: number): unknown => {
        if (depth === shape.length) {
            return values[at++];
        }
        return Array.from({ length: shape[depth] ?? 0 }, () => take(depth + 1));
    };
    return take(0);
}
