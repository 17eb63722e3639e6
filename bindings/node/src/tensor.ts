/** Tensors. @module */

import { backwardAsync, backwardGiven, type BackwardOptions } from "./autograd.js";
import { Call, kinds } from "./call.js";
import { addHook, type Hook } from "./callbacks.js";
import { holds, isTypedArray, nest, roomFor, type Nested, type TypedArray } from "./data.js";
import { check, deviceOf, dtypeOf } from "./error.js";
import { DTypeError, IndexError } from "./generated/errors.js";
import type { DType } from "./generated/enums.js";
import { TensorMethods } from "./generated/methods.js";
import { cat } from "./generated/ops.js";
import * as raw from "./generated/raw.js";
import { Cell, Handle } from "./handle.js";
import { itemsOf, type IndexItem } from "./indexing.js";
import { EDGE, MOST, printed } from "./print.js";
import { now } from "./run.js";
import type { TensorLike } from "./types.js";

/** Where elements are read. */
const real = new Float64Array(new ArrayBuffer(8));

/** No element is larger. */
const ELEMENT = 8;

/** An n-dimensional array that can take part in a graph of operations. */
export class Tensor extends TensorMethods {
    /** The owner of a handle that C gave. @internal */
    static adopt(pointer: bigint): Tensor {
        const bytes = ELEMENT * raw.candle_tensor_num_elements(pointer);
        return new Tensor(new Cell(pointer, bytes, raw.candle_tensor_free));
    }

    protected override get self(): Tensor {
        return this;
    }

    #pointer(operation: string): bigint {
        return Handle.pointer(this, operation);
    }

    /** The sizes. */
    get shape(): number[] {
        const pointer = this.#pointer("shape");
        const sizes = new BigInt64Array(raw.candle_tensor_rank(pointer));
        check((error) => raw.candle_tensor_shape(pointer, sizes, sizes.length, error));
        return Array.from(sizes, Number);
    }

    /** The number of dimensions. */
    get ndim(): number {
        return raw.candle_tensor_rank(this.#pointer("ndim"));
    }

    /** The number of elements. */
    get numel(): number {
        return raw.candle_tensor_num_elements(this.#pointer("numel"));
    }

    /** The size of a dimension; a negative one counts from the end. Throws `IndexError`. */
    size(dim: number): number {
        new Call("size").int(dim, "dim");
        const { shape } = this;
        const size = shape[dim < 0 ? dim + shape.length : dim];
        if (size === undefined) {
            throw new IndexError(`size: there is no dimension ${dim} in rank ${shape.length}`, {
                operation: "size",
                shapes: [shape],
            });
        }
        return size;
    }

    /** The distances in elements between neighbours of each dimension. */
    get strides(): number[] {
        const pointer = this.#pointer("strides");
        const strides = new BigInt64Array(raw.candle_tensor_rank(pointer));
        check((error) => raw.candle_tensor_strides(pointer, strides, strides.length, error));
        return Array.from(strides, Number);
    }

    /** The type of the elements. */
    get dtype(): DType {
        return dtypeOf(raw.candle_tensor_dtype(this.#pointer("dtype")));
    }

    /** The device that the elements are on: "cpu", "cuda:0". */
    get device(): string {
        const pointer = this.#pointer("device");
        const kind = raw.candle_tensor_device(pointer);
        return deviceOf(kind, raw.candle_tensor_device_index(pointer));
    }

    /** Whether the elements lie in row-major order without gaps. */
    get isContiguous(): boolean {
        return raw.candle_tensor_is_contiguous(this.#pointer("isContiguous")) !== 0;
    }

    /** A copy in pinned memory, from which a CUDA device copies while the host goes on. */
    pinMemory(): Tensor {
        return now.tensor("pinMemory", raw.candle_tensor_pin_memory, (call) => [
            call.changed(this, "the tensor"),
        ]);
    }

    /** Whether the elements are in pinned memory of the host. */
    get isPinned(): boolean {
        const pointer = this.#pointer("isPinned");
        const out = new Int32Array(1);
        check((error) => raw.candle_tensor_is_pinned(pointer, out, error));
        return out[0] !== 0;
    }

    /** How often the storage has been changed in place. */
    get version(): number {
        return raw.candle_tensor_version(this.#pointer("version"));
    }

    /** Replaces the values by those of another, and keeps everything else; in no graph. */
    setData(source: Tensor): void {
        now.nothing("setData", raw.candle_tensor_set_data, (call) => [
            call.changed(this, "the tensor"),
            call.changed(source, "source"),
        ]);
    }

    /** A second object on the same tensor, that is freed by itself. */
    share(): Tensor {
        return now.tensor("share", raw.candle_tensor_share, (call) => [
            call.changed(this, "the tensor"),
        ]);
    }

    /** The only element as a number; true is 1. Throws `ShapeError` unless there is one. */
    item(): number {
        const pointer = this.#pointer("item");
        check((error) => raw.candle_tensor_item_double(pointer, real, error));
        return real[0] ?? NaN;
    }

    /** The only element as an integer of 64 bits; a float is cut towards zero. */
    itemBigInt(): bigint {
        const pointer = this.#pointer("itemBigInt");
        const out = new BigInt64Array(1);
        check((error) => raw.candle_tensor_item_int64(pointer, out, error));
        return out[0] ?? 0n;
    }

    /**
     * A copy of the elements in row-major order, in the array of the dtype: float32 in a
     * `Float32Array`, int64 in a `BigInt64Array`, bool as 0 and 1 in a `Uint8Array`; float16 and
     * bfloat16 as their bits in a `Uint16Array`.
     */
    data(): TypedArray {
        const pointer = this.#pointer("data");
        const room = roomFor(this.dtype, raw.candle_tensor_num_elements(pointer));
        check((error) => raw.candle_tensor_copy_to(pointer, room, room.byteLength, error));
        return room;
    }

    /** Copies the elements into an array of the dtype, exactly as long as the tensor. */
    copyTo(room: TypedArray): void {
        const pointer = this.#pointer("copyTo");
        const { dtype } = this;
        if (!isTypedArray(room) || !holds(room, dtype)) {
            throw new DTypeError(`copyTo: elements of ${dtype} do not go into such an array`, {
                operation: "copyTo",
                dtypes: [dtype],
            });
        }
        check((error) => raw.candle_tensor_copy_to(pointer, room, room.byteLength, error));
    }

    /**
     * The elements in arrays of arrays, a number alone for rank 0: bool as true and false, int64 as
     * bigints, and halves as numbers.
     */
    tolist(): Nested {
        const { dtype } = this;
        let values: ArrayLike<unknown>;
        if (dtype === "float16" || dtype === "bfloat16" || dtype === "float8_e4m3fn") {
            const wide = this.detach().toDtype("float32");
            values = wide.data();
            wide.free();
        } else if (dtype === "bool") {
            values = Array.from(this.data() as Uint8Array, Boolean);
        } else {
            values = this.data();
        }
        return nest(values, this.shape) as Nested;
    }

    /** The part that an index names: `x.getItem(slice(1, 3), 0)` is `x[1:3, 0]` in Python. */
    getItem(...items: IndexItem[]): Tensor {
        const given = itemsOf(items, "getItem");
        return now.tensor("getItem", raw.candle_tensor_get_item, (call) => [
            call.changed(this, "the tensor"),
            given,
            given.length,
        ]);
    }

    /** Writes into the part that an index names; `source` broadcasts and is converted. */
    setItem(items: readonly IndexItem[] | IndexItem, source: TensorLike): void {
        const list = Array.isArray(items) ? items : [items as IndexItem];
        const given = itemsOf(list as IndexItem[], "setItem");
        now.nothing("setItem", raw.candle_tensor_set_item, (call) => [
            call.changed(this, "the tensor"),
            given,
            given.length,
            call.tensor(source, "source"),
        ]);
    }

    /** Adds the gradients of this tensor to those of the leaves it was computed from. */
    backward(options: BackwardOptions = {}): void {
        now.nothing("backward", raw.candle_tensor_backward, (call) =>
            backwardGiven(call, this, options),
        );
    }

    /** `backward` on another thread; hooks are called on this one. */
    backwardAsync(options: BackwardOptions = {}): Promise<void> {
        return backwardAsync(this, options);
    }

    /** Whether gradients flow to or through it. */
    get requiresGrad(): boolean {
        return raw.candle_tensor_requires_grad(this.#pointer("requiresGrad")) !== 0;
    }

    /** Asks for a gradient of a leaf, or no longer. */
    set requiresGrad(requires: boolean) {
        now.nothing("requiresGrad", raw.candle_tensor_set_requires_grad, (call) => [
            call.changed(this, "the tensor"),
            call.bool(requires, "requiresGrad"),
        ]);
    }

    /** Whether it was made by the user and not by a recorded operation. */
    get isLeaf(): boolean {
        return raw.candle_tensor_is_leaf(this.#pointer("isLeaf")) !== 0;
    }

    /** The name of the recorded operation that made it; empty when none did. */
    get gradFnName(): string {
        const pointer = this.#pointer("gradFnName");
        return textOf((name, capacity) => raw.candle_tensor_grad_fn_name(pointer, name, capacity));
    }

    /** The gradient accumulated so far, or null. */
    get grad(): Tensor | null {
        const pointer = this.#pointer("grad");
        const out = new BigUint64Array(1);
        check((error) => raw.candle_tensor_grad(pointer, out, error));
        return out[0] ? Tensor.adopt(out[0]) : null;
    }

    /** Replaces the gradient; null clears it. */
    set grad(grad: Tensor | null) {
        now.nothing("grad", raw.candle_tensor_set_grad, (call) => [
            call.changed(this, "the tensor"),
            call.optionalChanged(grad, "grad"),
        ]);
    }

    /**
     * Has a function called with the gradient of this tensor in every backward pass, until the
     * function that it gives is called. A tensor that the hook returns takes the gradient's place;
     * what it throws comes out of `backward`.
     */
    registerHook(hook: (gradient: Tensor) => Tensor | null | undefined | void): () => void {
        const pointer = this.#pointer("registerHook");
        if (typeof hook !== "function") {
            throw new Call("registerHook").wrong("the hook", "a function", hook);
        }
        const id = addHook(pointer, hookOf(hook));
        return () => {
            if (!this.isFreed) {
                const tensor = this.#pointer("registerHook");
                check((error) => raw.candle_tensor_remove_hook(tensor, id, error));
            }
        };
    }

    /** The tensor as PyTorch prints it; of many elements those at the ends. */
    override toString(): string {
        if (this.isFreed) {
            return "tensor(freed)";
        }
        const { dtype } = this;
        const isUsual = dtype === "float32" || dtype === "int64" || dtype === "bool";
        const notes: string[] = isUsual ? [] : [dtype];
        if (this.requiresGrad) {
            notes.push(this.gradFnName === "" ? "requiresGrad" : `gradFn: ${this.gradFnName}`);
        }
        const { numel } = this;
        if (numel === 0) {
            const { shape } = this;
            const size = shape.length === 1 ? [] : [`size=(${shape.join(", ")})`];
            return printed([], 0, [...size, ...notes]);
        }
        const shown = numel > MOST ? ends(this) : this;
        const values = shown.tolist();
        if (shown !== this) {
            shown.free();
        }
        return printed(values, numel, notes);
    }

    /** What `console.log` shows. */
    [Symbol.for("nodejs.util.inspect.custom")](): string {
        return this.toString();
    }
}

kinds.Tensor = Tensor;

/** The ends of long dimensions, and an entry between them, where "..." is printed. */
function ends(tensor: Tensor): Tensor {
    let part = tensor.detach();
    tensor.shape.forEach((size, dim) => {
        if (size > 2 * EDGE + 1) {
            const start = part.narrow(dim, 0, EDGE + 1);
            const end = part.narrow(dim, size - EDGE, EDGE);
            const both = cat([start, end], { dim });
            [part, start, end].forEach((whole) => whole.free());
            part = both;
        }
    });
    return part;
}

function shareOf(tensor: bigint): bigint {
    const out = new BigUint64Array(1);
    check((error) => raw.candle_tensor_share(tensor, out, error));
    return out[0] ?? 0n;
}

/** A hook for C; made here, where the tensor is not: what C keeps must not keep the object. */
function hookOf(hook: (gradient: Tensor) => Tensor | null | undefined | void): Hook {
    return (gradient) => {
        const given = hook(Tensor.adopt(shareOf(gradient)));
        if (given === null || given === undefined) {
            return null;
        }
        return shareOf(new Call("registerHook").changed(given, "what the hook returns"));
    };
}

/** A text that C writes into room. */
export function textOf(write: (room: Uint8Array, capacity: number) => number): string {
    const length = write(new Uint8Array(1), 0);
    const room = new Uint8Array(length + 1);
    write(room, room.length);
    return new TextDecoder().decode(room.subarray(0, length));
}
