/** Indexing: integers, slices, an ellipsis and new axes, as in Python. @module */

import { Checked } from "./arguments.js";
import { IndexKind } from "./generated/enums.js";
import type { Int } from "./types.js";

/** A part of a dimension, made by `slice`. */
export class Slice {
    /** The entries from `start` up to but without `stop`, each `step`-th. */
    constructor(
        readonly start: Int | null,
        readonly stop: Int | null,
        readonly step: Int,
    ) {}
}

/**
 * The entries from `start` up to but without `stop`, each `step`-th; the whole dimension without
 * bounds. `slice(1, 3)` is `1:3` in Python, `slice(null, -1)` is `:-1`.
 */
export function slice(start: Int | null = null, stop: Int | null = null, step: Int = 1): Slice {
    return new Slice(start, stop, step);
}

/** An item of an index: a position, a slice, `"..."`, or null for a new dimension of size 1. */
export type IndexItem = Int | Slice | "..." | null;

/** The items as C has them. */
export function itemsOf(items: readonly IndexItem[], operation: string): object[] {
    const checked = new Checked(operation);
    return items.map((item, at) => {
        const name = `item ${at}`;
        const none = { kind: 0, has_start: 0, has_stop: 0, start: 0, stop: 0, step: 1 };
        if (typeof item === "number" || typeof item === "bigint") {
            return { ...none, kind: IndexKind.integer, start: checked.int(item, name) };
        }
        if (item instanceof Slice) {
            return {
                kind: IndexKind.slice,
                has_start: item.start === null ? 0 : 1,
                has_stop: item.stop === null ? 0 : 1,
                start: checked.int(item.start ?? 0, `the start of ${name}`),
                stop: checked.int(item.stop ?? 0, `the stop of ${name}`),
                step: checked.int(item.step, `the step of ${name}`),
            };
        }
        if (item === "...") {
            return { ...none, kind: IndexKind.ellipsis };
        }
        if (item === null) {
            return { ...none, kind: IndexKind.new_axis };
        }
        throw checked.wrong(name, 'a whole number, a slice, "..." or null', item);
    });
}
