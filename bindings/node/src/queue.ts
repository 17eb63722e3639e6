/** Calls on other threads, a bounded number of them at once. @module */

import type { Native } from "./library.js";

/** How many may be under way: each has a stack of its own, and more would be refused. */
const MOST = 64;

let running = 0;
const waiting: (() => void)[] = [];

/** Has a function called on another thread, and tells what it returns. */
export async function schedule(
    native: Native<(...given: any[]) => number>,
    given: readonly unknown[],
): Promise<number> {
    if (running >= MOST) {
        await new Promise<void>((begin) => waiting.push(begin));
    } else {
        running += 1;
    }
    try {
        return await new Promise<number>((resolve, reject) => {
            native.async(...given, (error: Error | null, status: number) => {
                if (error) {
                    reject(error);
                } else {
                    resolve(status);
                }
            });
        });
    } finally {
        // The place goes to the next one that waits.
        const next = waiting.shift();
        if (next === undefined) {
            running -= 1;
        } else {
            next();
        }
    }
}
