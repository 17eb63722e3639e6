/** What users give, checked and made ready for C. @module */

import { InvalidArgumentError, InvalidUtf8Error } from "./generated/errors.js";
import { codes, type DType } from "./generated/enums.js";
import { check } from "./error.js";
import * as raw from "./generated/raw.js";
import type { Doubles, Int, Ints } from "./types.js";

/** A value as an error shows it. */
export function shown(value: unknown): string {
    if (typeof value === "string") {
        return JSON.stringify(value);
    }
    if (value === null || (typeof value !== "object" && typeof value !== "function")) {
        return typeof value === "bigint" ? `${value}n` : String(value);
    }
    const name = (value as { constructor?: { name?: string } }).constructor?.name ?? "Object";
    return `${/^[AEIOU]/.test(name) ? "an" : "a"} ${name}`;
}

const LEAST = -(2n ** 63n);
const MOST = 2n ** 63n - 1n;

/** What checks values that belong to an operation, which errors name. */
export class Checked {
    constructor(readonly operation: string) {}

    /** The error of a value of another type. */
    wrong(name: string, expected: string, value: unknown): TypeError {
        return new TypeError(`${this.operation}: ${name} must be ${expected}, not ${shown(value)}`);
    }

    /** Refuses options that there are not. */
    options(options: object, ...names: string[]): void {
        if (typeof options !== "object" || options === null) {
            throw this.wrong("the options", "an object", options);
        }
        for (const name in options) {
            if (!names.includes(name)) {
                throw new TypeError(
                    `${this.operation} has no option ${JSON.stringify(name)}; ` +
                        `there are ${names.join(", ")}`,
                );
            }
        }
    }

    double(value: number, name: string): number {
        if (typeof value !== "number") {
            throw this.wrong(name, "a number", value);
        }
        return value;
    }

    int(value: Int, name: string): Int {
        const fits =
            typeof value === "bigint"
                ? value >= LEAST && value <= MOST
                : Number.isSafeInteger(value);
        if (!fits) {
            throw this.wrong(name, "a whole number", value);
        }
        return value;
    }

    size(value: number, name: string): number {
        if (!Number.isSafeInteger(value) || value < 0) {
            throw this.wrong(name, "a whole number that is not negative", value);
        }
        return value;
    }

    bool(value: boolean, name: string): number {
        if (typeof value !== "boolean") {
            throw this.wrong(name, "true or false", value);
        }
        return value ? 1 : 0;
    }

    optionalDouble(value: number | null, name: string): [number] | null {
        return value === null ? null : [this.double(value, name)];
    }

    optionalInt(value: Int | null, name: string): [Int] | null {
        return value === null ? null : [this.int(value, name)];
    }

    optionalBool(value: boolean | null, name: string): Int32Array | null {
        return value === null ? null : Int32Array.of(this.bool(value, name));
    }

    ints(value: Ints, name: string): [readonly Int[], number] {
        if (typeof value === "number" || typeof value === "bigint") {
            return [[this.int(value, name)], 1];
        }
        if (!Array.isArray(value)) {
            throw this.wrong(name, "a whole number or an array of them", value);
        }
        return [value.map((item: Int, at) => this.int(item, `${name}[${at}]`)), value.length];
    }

    optionalInts(value: Ints | null, name: string): [readonly Int[] | null, number] {
        return value === null ? [null, 0] : this.ints(value, name);
    }

    doubles(value: Doubles, name: string): [readonly number[], number] {
        if (typeof value === "number") {
            return [[value], 1];
        }
        if (!Array.isArray(value)) {
            throw this.wrong(name, "a number or an array of numbers", value);
        }
        return [value.map((item: number, at) => this.double(item, `${name}[${at}]`)), value.length];
    }

    optionalDoubles(value: Doubles | null, name: string): [readonly number[] | null, number] {
        return value === null ? [null, 0] : this.doubles(value, name);
    }

    padding(value: Ints | "same" | "valid", name: string): [readonly Int[], number] {
        if (value === "same" || value === "valid") {
            return [[value === "same" ? -1 : -2], 1];
        }
        if (typeof value === "string") {
            throw this.wrong(name, 'sizes, "same" or "valid"', value);
        }
        const [sizes, count] = this.ints(value, name);
        if (sizes.some((size) => size < 0)) {
            throw new InvalidArgumentError(`${this.operation}: ${name} must not be negative`, {
                operation: this.operation,
            });
        }
        return [sizes, count];
    }

    choice<Word extends string>(
        known: Readonly<Record<Word, number>>,
        value: Word,
        name: string,
    ): number {
        if (typeof value === "string" && Object.hasOwn(known, value)) {
            return known[value];
        }
        const words = Object.keys(known).map((word) => JSON.stringify(word));
        throw new InvalidArgumentError(
            `${this.operation}: ${name} must be one of ${words.join(", ")}, not ${shown(value)}`,
            { operation: this.operation },
        );
    }

    dtype(value: DType, name: string): number {
        return this.choice(codes.DType, value, name);
    }

    optionalDtype(value: DType | null, name: string): number {
        return value === null ? 0 : this.dtype(value, name);
    }

    /** Kind and index of a device: "cpu", "cuda:1". */
    device(value: string, name: string): [number, number] {
        if (value === "cpu") {
            return [codes.DeviceKind.cpu, 0];
        }
        const kind = new Int32Array(1);
        const index = new Int32Array(1);
        const text = this.text(value, name);
        check((error) => raw.candle_device_from_name(text, kind, index, error));
        return [kind[0] ?? 0, index[0] ?? 0];
    }

    /** A text that C can have. */
    text(value: string, name: string): string {
        if (typeof value !== "string") {
            throw this.wrong(name, "a string", value);
        }
        const details = { operation: this.operation };
        if (value.includes("\0")) {
            throw new InvalidArgumentError(`${this.operation}: ${name} has a NUL in it`, details);
        }
        // Half of a pair, which has no UTF-8.
        if (/\p{Surrogate}/u.test(value)) {
            throw new InvalidUtf8Error(
                `${this.operation}: ${name} is no text that UTF-8 has`,
                details,
            );
        }
        return value;
    }
}
