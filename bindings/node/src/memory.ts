/**
 * Memory: the engine sees small objects only, whatever lies behind them.
 *
 * Each object with a handle is in a table, by a weak reference. After every collection that the
 * engine does by itself, handles of objects that are gone are freed. That needs a turn of the event
 * loop; a loop that makes tensors without one gets there by a budget: when too many handles, or too
 * many bytes behind them, were made since the last time, a collection is asked for and the table
 * gone through at once.
 *
 * @module
 */

import v8 from "node:v8";
import vm from "node:vm";
import { isMainThread } from "node:worker_threads";
import type { Cell, Handle } from "./handle.js";

/** What may be made before a collection is asked for. */
const BUDGET = { handles: 50_000, bytes: 256 * 1024 * 1024 };

let cells: Cell[] = [];
let bytes = 0;
let limit = { ...BUDGET };

/** The engine's collector, where it can be had. */
function collector(): (() => void) | undefined {
    try {
        const given = (globalThis as { gc?: () => void }).gc;
        if (given !== undefined) {
            return given;
        }
        v8.setFlagsFromString("--expose-gc");
        return vm.runInNewContext("gc") as () => void;
    } catch {
        return undefined;
    }
}

let collect: (() => void) | undefined;
let settle: (() => void) | undefined;

/** What is asked for first by a program that needs it, since many do not. */
function prepare(): void {
    if (settle !== undefined) {
        return;
    }
    collect = collector();
    // An object that a weak reference was made to or read from is kept to the end of the running
    // job. The queue of a context that runs its own microtasks ends one.
    const context = vm.createContext({}, { microtaskMode: "afterEvaluate" });
    const nothing = new vm.Script("0");
    settle = () => void nothing.runInContext(context);
}

/** Frees the handles of objects that are gone, and forgets those that are freed. */
function sweep(): void {
    const live: Cell[] = [];
    bytes = 0;
    for (const cell of cells) {
        if (cell.closed) {
            continue;
        }
        if (cell.owner?.deref() === undefined) {
            cell.close();
            continue;
        }
        live.push(cell);
        bytes += cell.bytes;
    }
    cells = live;
}

function isCrowded(share: number): boolean {
    return cells.length >= share * limit.handles || bytes >= share * limit.bytes;
}

function reclaim(): void {
    prepare();
    settle?.();
    // What was freed by hand costs no collection.
    cells = cells.filter((cell) => !cell.closed);
    bytes = cells.reduce((sum, cell) => sum + cell.bytes, 0);
    if (isCrowded(0.5)) {
        settle?.();
        collect?.();
        sweep();
    }
    // A program that holds much is not asked again for each tensor that it makes.
    limit = {
        handles: Math.max(BUDGET.handles, 2 * cells.length),
        bytes: Math.max(BUDGET.bytes, 2 * bytes),
    };
}

/** Told of each collection of the engine's: what is registered is unreachable at once. */
const collections = new FinalizationRegistry<undefined>(() => {
    sweep();
    watchCollections();
});

function watchCollections(): void {
    collections.register({}, undefined);
}

watchCollections();

// A worker ends without a collection, and the process goes on.
if (!isMainThread) {
    process.once("exit", () => cells.forEach((cell) => cell.close()));
}

/** The objects of each `tidy` that is running. */
const scopes: Handle[][] = [];

/** Sees to it that the handle of an object is freed when nobody has the object any more. */
export function watch(handle: Handle, cell: Cell): void {
    cell.owner = new WeakRef(handle);
    cells.push(cell);
    bytes += cell.bytes;
    scopes[scopes.length - 1]?.push(handle);
    if (isCrowded(1)) {
        reclaim();
    }
}

/** Opens a scope of `tidy`. */
export function openScope(): void {
    scopes.push([]);
}

/** Closes the scope and frees what was made in it, but for what is kept. */
export function closeScope(kept: ReadonlySet<unknown>): void {
    const outer = scopes[scopes.length - 2];
    for (const handle of scopes.pop() ?? []) {
        if (!kept.has(handle)) {
            handle.free();
        } else {
            outer?.push(handle);
        }
    }
}

/** Collects what nobody has any more, now: for tests and measurements. */
export function collectGarbage(): void {
    prepare();
    settle?.();
    collect?.();
    sweep();
}
