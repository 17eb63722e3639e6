/// <reference lib="esnext.disposable" preserve="true" />
/** Objects that own a handle of the library. @module */

import { InvalidHandleError } from "./generated/errors.js";
import { watch } from "./memory.js";

/** What a handle is: its address, and how it is freed. */
export class Cell {
    /** Whether it was freed, or will be when the last call that uses it has ended. */
    closed = false;
    /** The object that has it, as long as there is one. */
    owner: WeakRef<Handle> | undefined = undefined;
    #users = 0;

    constructor(
        readonly pointer: bigint,
        /** About how much memory is behind it. */
        readonly bytes: number,
        readonly release: (pointer: bigint) => void,
    ) {}

    /** Keeps the handle for a call on another thread. */
    use(): void {
        this.#users += 1;
    }

    /** Ends what `use` began. */
    unuse(): void {
        this.#users -= 1;
        if (this.closed && this.#users === 0) {
            this.release(this.pointer);
        }
    }

    /** Frees it, once. */
    close(): void {
        if (this.closed) {
            return;
        }
        this.closed = true;
        if (this.#users === 0) {
            this.release(this.pointer);
        }
    }
}

/** An object that owns a handle, and frees it when it is collected or told to. */
export abstract class Handle {
    readonly #cell: Cell;

    /** Objects are made by functions of the package. */
    constructor(cell: Cell) {
        if (!(cell instanceof Cell)) {
            throw new TypeError(`a ${new.target.name} is not made with new; see the functions`);
        }
        this.#cell = cell;
        watch(this, cell);
    }

    /** Frees it now instead of when it is collected; what is freed cannot be used. */
    free(): void {
        this.#cell.close();
    }

    /** Whether it was freed. */
    get isFreed(): boolean {
        return this.#cell.closed;
    }

    /** The cell of an object, which must not be freed. @internal */
    static cell(handle: Handle, operation: string, name: string): Cell {
        const cell = handle.#cell;
        if (cell.closed) {
            const kind = handle.constructor.name;
            throw new InvalidHandleError(`${operation}: ${name} is a ${kind} that was freed`, {
                operation,
            });
        }
        return cell;
    }

    /** The address of an object that must not be freed. @internal */
    static pointer(handle: Handle, operation: string): bigint {
        return Handle.cell(handle, operation, "it").pointer;
    }
}

/** `using x = …` frees, where the language has it. */
export interface Handle {
    [Symbol.dispose](): void;
}

if (Symbol.dispose !== undefined) {
    Object.defineProperty(Handle.prototype, Symbol.dispose, {
        value(this: Handle): void {
            this.free();
        },
        writable: true,
        configurable: true,
    });
}
