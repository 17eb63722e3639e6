/** Tensors as text. @module */

/** Above this many elements the middle of each dimension is left out. */
export const MOST = 1000;
/** How many entries stay at both ends. */
export const EDGE = 3;

function element(value: unknown): string {
    if (typeof value !== "number" || Number.isInteger(value)) {
        return String(value);
    }
    const short = Math.abs(value) >= 1e-3 && Math.abs(value) < 1e5;
    return short ? String(Number(value.toFixed(4))) : value.toExponential(4);
}

function rows(values: unknown, depth: number, summarized: boolean): string {
    if (!Array.isArray(values)) {
        return element(values);
    }
    const leaves = summarized && values.length > 2 * EDGE;
    const shown = leaves ? [...values.slice(0, EDGE), ...values.slice(-EDGE)] : values;
    const parts = shown.map((value) => rows(value, depth + 1, summarized));
    if (leaves) {
        parts.splice(EDGE, 0, "...");
    }
    const nested = Array.isArray(values[0]);
    return `[${parts.join(nested ? `,\n${" ".repeat(depth + 1)}` : ", ")}]`;
}

/** Nested elements and what else there is to tell, as PyTorch prints a tensor. */
export function printed(values: unknown, elements: number, notes: readonly string[]): string {
    const before = "tensor(";
    return `${before}${[rows(values, before.length, elements > MOST), ...notes].join(", ")})`;
}
