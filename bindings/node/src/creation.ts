/** Tensors of data of JavaScript. @module */

import { Call } from "./call.js";
import {
    dtypeOfArray,
    dtypeOfValues,
    fill,
    flatten,
    holds,
    isTypedArray,
    type Nested,
    type TypedArray,
} from "./data.js";
import { dtypeOf } from "./error.js";
import { DTypeError, InvalidArgumentError } from "./generated/errors.js";
import type { DType } from "./generated/enums.js";
import * as raw from "./generated/raw.js";
import { now } from "./run.js";
import type { Tensor } from "./tensor.js";
import type { Int, Ints } from "./types.js";

/** Options of `tensor` and `fromData`. */
export interface TensorOptions {
    /** The type of the elements; without, that of the data. */
    dtype?: DType | null;
    /** Where they go. */
    device?: string;
    /** Whether its gradient is wanted. */
    requiresGrad?: boolean;
}

/** A tensor of elements that lie in an array in row-major order. */
function make(values: TypedArray, dtype: DType, shape: Ints, device: string): Tensor {
    return now.tensor("tensor", raw.candle_tensor_from_data, (call) => {
        const [sizes, rank] = call.ints(shape, "shape");
        const given = [values, values.byteLength, sizes, rank, null, call.dtype(dtype, "dtype")];
        return [...given, ...call.device(device, "device")];
    });
}

function finish(made: Tensor, dtype: DType, requiresGrad: boolean): Tensor {
    const result = made.dtype === dtype ? made : made.toDtype(dtype);
    if (result !== made) {
        made.free();
    }
    if (requiresGrad) {
        result.requiresGrad = true;
    }
    return result;
}

/**
 * A tensor of a copy of data: a number, arrays of arrays of numbers, bigints (int64) or booleans,
 * or an array of one type, whose dtype it has. Numbers are floats, since JavaScript's are; another
 * `dtype` converts them. PyTorch: `torch.tensor`
 */
export function tensor(data: Nested | TypedArray, options: TensorOptions = {}): Tensor {
    const call = new Call("tensor");
    const { dtype = null, device = "cpu", requiresGrad = false } = options;
    call.options(options, "dtype", "device", "requiresGrad");
    call.optionalDtype(dtype, "dtype");
    call.bool(requiresGrad, "requiresGrad");
    if (isTypedArray(data)) {
        return fromData(data, [data.length], options);
    }
    const { shape, values } = flatten(data, "tensor");
    const wanted = dtype ?? dtypeOfValues(values, dtypeOf(raw.candle_default_dtype()));
    // Halves are made of floats.
    const bits = wanted === "float16" || wanted === "bfloat16" || wanted === "float8_e4m3fn";
    const made = bits ? "float32" : wanted;
    return finish(make(fill(values, made, "tensor"), made, shape, device), wanted, requiresGrad);
}

/**
 * A tensor of a shape of a copy of elements in row-major order. The dtype is that of the array; a
 * `Uint16Array` is the bits of float16 or bfloat16, and a `Uint8Array` may be bool or
 * float8_e4m3fn. An array of another dtype is converted.
 */
export function fromData(values: TypedArray, shape: Ints, options: TensorOptions = {}): Tensor {
    const call = new Call("fromData");
    const { dtype = null, device = "cpu", requiresGrad = false } = options;
    call.options(options, "dtype", "device", "requiresGrad");
    call.optionalDtype(dtype, "dtype");
    call.bool(requiresGrad, "requiresGrad");
    if (!isTypedArray(values)) {
        throw call.wrong("the data", "a typed array", values);
    }
    const own = dtype !== null && holds(values, dtype) ? dtype : dtypeOfArray(values);
    if (own === undefined) {
        throw new InvalidArgumentError("fromData: name the dtype of the bits in a Uint16Array", {
            operation: "fromData",
        });
    }
    return finish(make(values, own, shape, device), dtype ?? own, requiresGrad);
}

/**
 * The rows `indices` of an array of a shape, in one pass. Throws `IndexError` for an index that is
 * negative or too large.
 */
export function fromRows(
    values: TypedArray,
    shape: readonly Int[],
    indices: readonly Int[] | BigInt64Array,
    options: { dtype?: DType | null; device?: string } = {},
): Tensor {
    const { dtype = null, device = "cpu" } = options;
    return now.tensor("fromRows", raw.candle_tensor_from_rows, (call) => {
        call.options(options, "dtype", "device");
        if (!isTypedArray(values)) {
            throw call.wrong("the data", "a typed array", values);
        }
        const own = dtype ?? dtypeOfArray(values);
        if (own === undefined || !holds(values, own)) {
            throw new DTypeError("fromRows: the array does not hold elements of the dtype");
        }
        const [sizes] = call.ints(shape, "shape");
        const rows = indices instanceof BigInt64Array ? indices : call.ints(indices, "indices")[0];
        const row = sizes.slice(1);
        const stride = row.reduce<number>((sum, size) => sum * Number(size), 1);
        return [
            values,
            values.byteLength,
            sizes[0] ?? 0,
            stride * values.BYTES_PER_ELEMENT,
            row,
            row.length,
            rows,
            rows.length,
            call.dtype(own, "dtype"),
            ...call.device(device, "device"),
        ];
    });
}
