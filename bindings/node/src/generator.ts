/** Random numbers. @module */

import { Call, kinds } from "./call.js";
import { check } from "./error.js";
import { Cell, Handle } from "./handle.js";
import * as raw from "./generated/raw.js";
import { InvalidArgumentError } from "./generated/errors.js";
import type { Int } from "./types.js";

function seedOf(seed: Int, operation: string, name = "seed"): Int {
    if (typeof seed === "bigint" ? seed >= 2n ** 64n : !Number.isSafeInteger(seed)) {
        throw new Call(operation).wrong(`the ${name}`, "a whole number", seed);
    }
    if (seed < 0) {
        throw new InvalidArgumentError(`${operation}: the ${name} must not be negative`, {
            operation,
        });
    }
    return seed;
}

/** Where a generator stands. */
export interface GeneratorState {
    /** Its seed. */
    seed: bigint;
    /** How many numbers were drawn since. */
    offset: bigint;
}

/** A source of random numbers with a seed of its own. PyTorch: `torch.Generator` */
export class Generator extends Handle {
    /** A generator at the start of the sequence of a seed. */
    constructor(seed: Int = 0) {
        const out = new BigUint64Array(1);
        check((error) => raw.candle_generator_new(seedOf(seed, "Generator"), out, error));
        super(new Cell(out[0] ?? 0n, 64, raw.candle_generator_free));
    }

    /** Starts the sequence of another seed. */
    manualSeed(seed: Int): this {
        const pointer = Handle.pointer(this, "manualSeed");
        check((error) =>
            raw.candle_generator_manual_seed(pointer, seedOf(seed, "manualSeed"), error),
        );
        return this;
    }

    /** The seed. */
    initialSeed(): bigint {
        return BigInt(raw.candle_generator_seed(Handle.pointer(this, "initialSeed")));
    }

    /** Where it stands. */
    getState(): GeneratorState {
        const pointer = Handle.pointer(this, "getState");
        const seed = new BigUint64Array(1);
        const offset = new BigUint64Array(1);
        check((error) => raw.candle_generator_get_state(pointer, seed, offset, error));
        return { seed: seed[0] ?? 0n, offset: offset[0] ?? 0n };
    }

    /** Continues where a saved state stood. */
    setState(state: GeneratorState): void {
        const pointer = Handle.pointer(this, "setState");
        const seed = seedOf(state.seed, "setState", "seed");
        const offset = seedOf(state.offset, "setState", "offset");
        check((error) => raw.candle_generator_set_state(pointer, seed, offset, error));
    }
}

kinds.Generator = Generator;

/** Starts the sequence of a seed in the default generator. PyTorch: `torch.manual_seed` */
export function manualSeed(seed: Int): void {
    check((error) => raw.candle_generator_manual_seed(null, seedOf(seed, "manualSeed"), error));
}
