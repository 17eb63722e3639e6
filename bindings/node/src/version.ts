/** What the library is, and its settings. @module */

import { Checked } from "./arguments.js";
import { check, dtypeOf } from "./error.js";
import { HandleKind, type DType } from "./generated/enums.js";
import * as raw from "./generated/raw.js";

/** The version of the library. */
export function version(): string {
    return raw.candle_ffi_version();
}

/** The version of its interface. */
export function abiVersion(): number {
    return raw.candle_ffi_abi_version();
}

/** What it was built of and for. */
export function buildInfo(): string {
    return raw.candle_ffi_build_info();
}

/** How many handles of a kind there are in the process. */
export function liveHandles(kind: keyof typeof HandleKind = "all"): number {
    return raw.candle_ffi_live_handles(new Checked("liveHandles").choice(HandleKind, kind, "kind"));
}

/** How thoroughly handles are checked: 0, 1 or 2, see `CANDLE_FFI_CHECKS`. */
export function checks(): number {
    return raw.candle_ffi_checks();
}

/** Sets how thoroughly handles are checked; before the first of them is made. */
export function setChecks(level: number): void {
    const wanted = new Checked("setChecks").size(level, "level");
    check((error) => raw.candle_ffi_set_checks(wanted, error));
}

/** How many pointers were passed that were no live handles of their type; 0 with checks off. */
export function misuses(): number {
    return raw.candle_ffi_misuses();
}

/** How many threads operations use. */
export function getNumThreads(): number {
    return raw.candle_get_num_threads();
}

/** Sets how many threads operations use. */
export function setNumThreads(count: number): void {
    const threads = new Checked("setNumThreads").size(count, "count");
    check((error) => raw.candle_set_num_threads(threads, error));
}

/** The dtype of floats that are made without one. */
export function getDefaultDtype(): DType {
    return dtypeOf(raw.candle_default_dtype());
}

/** Sets the dtype of floats that are made without one. */
export function setDefaultDtype(dtype: DType): void {
    const code = new Checked("setDefaultDtype").dtype(dtype, "dtype");
    check((error) => raw.candle_set_default_dtype(code, error));
}

/** What there is to know of a dtype. */
export function dtypeInfo(dtype: DType): { name: DType; size: number; isFloat: boolean } {
    const code = new Checked("dtypeInfo").dtype(dtype, "dtype");
    return {
        name: raw.candle_dtype_name(code) as DType,
        size: raw.candle_dtype_size(code),
        isFloat: raw.candle_dtype_is_float(code) !== 0,
    };
}

/** The dtype of a name, PyTorch's or one of its aliases. */
export function dtypeFromName(name: string): DType {
    const text = new Checked("dtypeFromName").text(name, "name");
    const out = new Int32Array(1);
    check((error) => raw.candle_dtype_from_name(text, out, error));
    return dtypeOf(out[0] ?? 0);
}

/** The dtype in which two meet. PyTorch: `torch.promote_types` */
export function promoteTypes(a: DType, b: DType): DType {
    const checked = new Checked("promoteTypes");
    return dtypeOf(raw.candle_dtype_promote(checked.dtype(a, "a"), checked.dtype(b, "b")));
}

/**
 * Has all later calls done by another library of this interface, such as the one with CUDA; before
 * anything else is called. Without a path it is the one in the folder `cuda` beside this one.
 */
export function loadBackend(path?: string): void {
    const text = path === undefined ? null : new Checked("loadBackend").text(path, "path");
    check((error) => raw.candle_backend_load(text as string, error));
}
