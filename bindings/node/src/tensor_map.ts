/** Tensors by name, and the safetensors files that keep them. @module */

import { Call, kinds } from "./call.js";
import { check } from "./error.js";
import { Cell, Handle } from "./handle.js";
import * as raw from "./generated/raw.js";
import { textOf, type Tensor } from "./tensor.js";

/** Tensors by name: a map, an object, or entries. */
export type Tensors =
    | TensorMap
    | Iterable<readonly [string, Tensor]>
    | Readonly<Record<string, Tensor>>;

/** Tensors by name in the order of names, with texts of one's own beside them. */
export class TensorMap extends Handle {
    /** A map with some tensors. */
    constructor(tensors?: Tensors | Cell) {
        super(tensors instanceof Cell ? tensors : made());
        if (tensors !== undefined && !(tensors instanceof Cell)) {
            for (const [name, tensor] of entriesOf(tensors)) {
                this.set(name, tensor);
            }
        }
    }

    /** Reads a safetensors file. */
    static load(path: string): TensorMap {
        const out = new BigUint64Array(1);
        const text = new Call("load").text(path, "path");
        check((error) => raw.candle_tensor_map_load(text, out, error));
        return TensorMap.adopt(out[0] ?? 0n);
    }

    /** The owner of a handle that C gave. @internal */
    static adopt(pointer: bigint): TensorMap {
        return new TensorMap(new Cell(pointer, 1024, raw.candle_tensor_map_free));
    }

    #pointer(operation: string): bigint {
        return Handle.pointer(this, operation);
    }

    /** The number of tensors. */
    get size(): number {
        return raw.candle_tensor_map_len(this.#pointer("size"));
    }

    /** The names, sorted. */
    keys(): string[] {
        const map = this.#pointer("keys");
        return Array.from({ length: this.size }, (_, at) =>
            textOf((name, capacity) => raw.candle_tensor_map_name(map, at, name, capacity)),
        );
    }

    /** The tensors in the order of their names. */
    values(): Tensor[] {
        const map = this.#pointer("values");
        return Array.from({ length: this.size }, (_, at) => {
            const out = new BigUint64Array(1);
            check((error) => raw.candle_tensor_map_at(map, at, out, error));
            return kinds.Tensor.adopt(out[0] ?? 0n);
        });
    }

    /** Names with their tensors. */
    entries(): [string, Tensor][] {
        const values = this.values();
        return this.keys().map((name, at) => [name, values[at] as Tensor]);
    }

    /** Names with their tensors. */
    [Symbol.iterator](): Iterator<[string, Tensor]> {
        return this.entries()[Symbol.iterator]();
    }

    /** Whether there is a tensor of a name. */
    has(name: string): boolean {
        return this.keys().includes(name);
    }

    /** The tensor of a name; an error says which there are. */
    get(name: string): Tensor {
        const map = this.#pointer("get");
        const text = new Call("get").text(name, "name");
        const out = new BigUint64Array(1);
        check((error) => raw.candle_tensor_map_get(map, text, out, error));
        return kinds.Tensor.adopt(out[0] ?? 0n);
    }

    /** Keeps a tensor by a name. */
    set(name: string, tensor: Tensor): this {
        const map = this.#pointer("set");
        const call = new Call("set");
        const text = call.text(name, "name");
        const given = call.changed(tensor, "tensor");
        check((error) => raw.candle_tensor_map_insert(map, text, given, error));
        return this;
    }

    /** The texts beside the tensors. */
    get metadata(): Record<string, string> {
        const map = this.#pointer("metadata");
        const count = raw.candle_tensor_map_num_metadata(map);
        return Object.fromEntries(
            Array.from({ length: count }, (_, at) => [
                textOf((text, room) => raw.candle_tensor_map_metadata_key(map, at, text, room)),
                textOf((text, room) => raw.candle_tensor_map_metadata_value(map, at, text, room)),
            ]),
        );
    }

    /** Keeps a text beside the tensors. */
    setMetadata(key: string, value: string): this {
        const map = this.#pointer("setMetadata");
        const call = new Call("setMetadata");
        const [name, text] = [call.text(key, "key"), call.text(value, "value")];
        check((error) => raw.candle_tensor_map_set_metadata(map, name, text, error));
        return this;
    }

    /** Writes a safetensors file; one that is there is replaced when the new one is complete. */
    save(path: string): void {
        const map = this.#pointer("save");
        const text = new Call("save").text(path, "path");
        check((error) => raw.candle_tensor_map_save(map, text, error));
    }
}

function made(): Cell {
    const out = new BigUint64Array(1);
    check((error) => raw.candle_tensor_map_new(out, error));
    return new Cell(out[0] ?? 0n, 1024, raw.candle_tensor_map_free);
}

function entriesOf(tensors: Tensors): Iterable<readonly [string, Tensor]> {
    if (typeof tensors !== "object" || tensors === null || tensors instanceof kinds.Tensor) {
        throw new Call("TensorMap").wrong("its argument", "tensors by name", tensors);
    }
    return Symbol.iterator in tensors
        ? (tensors as Iterable<readonly [string, Tensor]>)
        : Object.entries(tensors);
}

/** A map of tensors, whatever holds them. */
export function mapOf(tensors: Tensors): TensorMap {
    return tensors instanceof TensorMap ? tensors : new TensorMap(tensors);
}
