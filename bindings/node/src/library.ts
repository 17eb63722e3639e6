/** The library: finding it, and declaring what is in it. @module */

import koffi from "koffi";
import { ABI_VERSION } from "./generated/enums.js";

/** A function of C, which can also be called on another thread. */
export type Native<F extends (...given: never[]) => unknown> = F & {
    async(...given: [...Parameters<F>, (error: Error | null, result: ReturnType<F>) => void]): void;
};

/** Names the system's loader may know it by. */
function names(): string[] {
    const asked = process.env["CANDLE_FFI_LIBRARY"];
    if (asked !== undefined && asked !== "") {
        return [asked];
    }
    switch (process.platform) {
        case "win32":
            return ["candle_ffi.dll"];
        case "darwin":
            return [
                "libcandle_ffi.0.dylib",
                "/usr/local/lib/libcandle_ffi.0.dylib",
                "/opt/homebrew/lib/libcandle_ffi.0.dylib",
            ];
        default:
            return ["libcandle_ffi.so.0", "/usr/local/lib/libcandle_ffi.so.0"];
    }
}

function load(): ReturnType<typeof koffi.load> {
    const tried: string[] = [];
    for (const name of names()) {
        try {
            return koffi.load(name);
        } catch (error) {
            tried.push(`  ${name}: ${error instanceof Error ? error.message : String(error)}`);
        }
    }
    throw new Error(
        "the library of candle_ffi cannot be loaded; install it, or name its file in the " +
            `environment variable CANDLE_FFI_LIBRARY. Tried:\n${tried.join("\n")}`,
    );
}

const library = load();

function version(): number {
    try {
        return library.func("int32_t candle_ffi_abi_version()")() as number;
    } catch {
        throw new Error("the file that was loaded is no library of candle_ffi");
    }
}

if (version() < ABI_VERSION) {
    throw new Error(
        `the library of candle_ffi is too old: its interface is version ${version()}, ` +
            `and this package needs version ${ABI_VERSION}`,
    );
}

/** Declares a structure and tells its size. */
export function size(name: string, members: Record<string, string>): number {
    return koffi.sizeof(koffi.struct(name, members));
}

/** Declares a function: what it returns and its name, and the types that it takes. */
export function declare<F extends (...given: never[]) => unknown>(
    head: string,
    kinds: readonly string[],
): Native<F> {
    return library.func(`${head}(${kinds.join(", ")})`) as unknown as Native<F>;
}

/** Gives a function of JavaScript an address, for as long as the program runs. */
export function register(prototype: string, callback: (...given: never[]) => unknown): bigint {
    return koffi.register(callback, koffi.pointer(koffi.proto(prototype)));
}

/** Writes an address to where C says. */
export function write(where: bigint, address: bigint): void {
    koffi.encode(where, "void *", address);
}

/** Writes a number to where C says. */
export function writeDouble(where: bigint, value: number): void {
    koffi.encode(where, "double", value);
}

/** The text of an address. */
export function readText(where: bigint): string {
    return koffi.decode(where, "char", -1) as string;
}
