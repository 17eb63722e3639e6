/** Mixed precision, precision of products, cuDNN, and operations without a kernel. @module */

import { Checked } from "./arguments.js";
import { withinScope } from "./autograd.js";
import { addFallback } from "./callbacks.js";
import { check, dtypeOf } from "./error.js";
import {
    codes,
    type CudnnSwitch,
    type DeviceKind,
    type DType,
    type FallbackPolicy,
} from "./generated/enums.js";
import * as raw from "./generated/raw.js";
import { now } from "./run.js";
import type { Tensor } from "./tensor.js";

/**
 * Calls a function with matrix products and convolutions in half precision, and what needs range in
 * `float32`, for tensors on devices of a kind; gives what it returns. PyTorch: `torch.autocast`
 *
 * `lower` is `"float16"` or `"bfloat16"`; null switches casting off, inside of another function's
 * casts. Calls on other threads cannot be cast, and throw an `UnsupportedError` there.
 */
export function autocast<T>(kind: DeviceKind, lower: DType | null, body: () => T): T {
    const checked = new Checked("autocast");
    const code = checked.choice(codes.DeviceKind, kind, "kind");
    const dtype = checked.optionalDtype(lower, "lower");
    return withinScope(
        "autocast",
        (error) => raw.candle_autocast_push(code, dtype, error),
        raw.candle_autocast_pop,
        body,
    );
}

/** The lower dtype that tensors on devices of a kind are cast to; null where they are not. */
export function autocastDtype(kind: DeviceKind): DType | null {
    const code = new Checked("autocastDtype").choice(codes.DeviceKind, kind, "kind");
    const dtype = raw.candle_autocast_dtype(code);
    return dtype === 0 ? null : dtypeOf(dtype);
}

/**
 * Whether casts of weights are kept until the outermost {@link autocast} ends, as they are at first,
 * and not made anew for each use. PyTorch: `torch.is_autocast_cache_enabled`
 */
export function isAutocastCacheEnabled(): boolean {
    return raw.candle_autocast_cache(-1) !== 0;
}

/**
 * Sets it, and gives what held; without it what has been kept is dropped.
 *
 * PyTorch: `torch.set_autocast_cache_enabled`
 */
export function setAutocastCacheEnabled(enabled: boolean): boolean {
    const flag = new Checked("setAutocastCacheEnabled").bool(enabled, "enabled");
    return raw.candle_autocast_cache(flag) !== 0;
}

/**
 * Multiplies gradients by `inverseScale`, and gives a number on their device that is 0 where all of
 * them are finite, else NaN. Throws `DTypeError` for gradients in `float16`.
 *
 * PyTorch: `torch.amp.GradScaler.unscale_`
 */
export function unscaleGrads_(params: readonly Tensor[], inverseScale: number): Tensor {
    return now.tensor("unscaleGrads_", raw.candle_unscale_grads, (call) => [
        ...call.params(params),
        call.double(inverseScale, "inverseScale"),
    ]);
}

/**
 * Whether products of a dtype may be less exact on a GPU: those of `float32` in TF32, those of
 * `float16` summed in half precision, wholly or the parts of a long sum, those of `bfloat16` the
 * parts of a long sum.
 */
export function reducedPrecision(dtype: DType): boolean {
    return raw.candle_reduced_precision(new Checked("reducedPrecision").dtype(dtype, "dtype")) !== 0;
}

/**
 * Sets it for the whole process; at first no product may. Without CUDA it changes nothing. Throws
 * `DTypeError` for other dtypes than those three.
 *
 * PyTorch: `torch.backends.cuda.matmul.allow_tf32`
 */
export function setReducedPrecision(dtype: DType, allowed: boolean): void {
    const checked = new Checked("setReducedPrecision");
    const [code, flag] = [checked.dtype(dtype, "dtype"), checked.bool(allowed, "allowed")];
    check((error) => raw.candle_set_reduced_precision(code, flag, error));
}

/**
 * In which ways they may be, added up; 0 for none. 1 is TF32, sums of `float16` in `float16`, or the
 * parts of a long sum of `bfloat16`; 2 is the parts of a long sum of `float16`.
 */
export function reducedPrecisionWays(dtype: DType): number {
    return raw.candle_reduced_precision(new Checked("reducedPrecisionWays").dtype(dtype, "dtype"));
}

/**
 * Sets them for the whole process. Throws `InvalidArgumentError` for a way that the dtype has not.
 *
 * PyTorch: `torch.backends.cuda.matmul.allow_fp16_reduced_precision_reduction` and its neighbours
 */
export function setReducedPrecisionWays(dtype: DType, ways: number): void {
    const checked = new Checked("setReducedPrecisionWays");
    const [code, wanted] = [checked.dtype(dtype, "dtype"), Number(checked.int(ways, "ways"))];
    // What is no int32 is no way either.
    const way = wanted === (wanted | 0) ? wanted : -1;
    check((error) => raw.candle_set_reduced_precision(code, way, error));
}

/** Whether a switch of cuDNN is on. */
export function cudnnSwitch(which: CudnnSwitch): boolean {
    const code = new Checked("cudnnSwitch").choice(codes.CudnnSwitch, which, "which");
    return raw.candle_cudnn_switch(code) !== 0;
}

/**
 * Turns one on or off, for the whole process. Without CUDA it changes nothing.
 *
 * PyTorch: `torch.backends.cudnn.benchmark` and its neighbours
 */
export function setCudnnSwitch(which: CudnnSwitch, on: boolean): void {
    const checked = new Checked("setCudnnSwitch");
    const code = checked.choice(codes.CudnnSwitch, which, "which");
    const flag = checked.bool(on, "on");
    check((error) => raw.candle_set_cudnn_switch(code, flag, error));
}

/**
 * The version of cuDNN, 92801 for 9.28.1. Throws `UnsupportedError`, which says why, where there is
 * none that can be used.
 *
 * PyTorch: `torch.backends.cudnn.version`
 */
export function cudnnVersion(): number {
    const version = new Int32Array(1);
    check((error) => raw.candle_cudnn_version(version, error));
    return version[0] ?? 0;
}

const policies = Object.keys(codes.FallbackPolicy) as FallbackPolicy[];

/**
 * What is done about an operation for which a device has no kernel. At first it is what the
 * environment variable `CANDLE_FFI_DEVICE_FALLBACK` says, or `"warn"`.
 */
export function fallbackPolicy(): FallbackPolicy {
    const code = raw.candle_fallback_policy();
    return policies.find((policy) => codes.FallbackPolicy[policy] === code) ?? "warn";
}

/** Sets it for the whole process. */
export function setFallbackPolicy(policy: FallbackPolicy): void {
    const checked = new Checked("setFallbackPolicy");
    const code = checked.choice(codes.FallbackPolicy, policy, "policy");
    check((error) => raw.candle_set_fallback_policy(code, error));
}

/** How many operations the host has computed for a device in this process. */
export function fallbackCount(): number {
    return Number(raw.candle_fallback_count());
}

/** An operation that the host computes for a device, which has no kernel for it. */
export interface Fallback {
    /** What has no kernel. */
    operation: string;
    /** For which dtype. */
    dtype: DType;
    /** Where. */
    device: string;
}

/**
 * Has a function told of such operations under the policy `"warn"`, once for each operation, dtype
 * and device; null for nobody. What was told before is told anew. What the function throws comes
 * out of the operation. There is one function for the process, not one for each worker.
 */
export function setFallbackCallback(callback: ((fallback: Fallback) => void) | null): void {
    if (callback !== null && typeof callback !== "function") {
        throw new Checked("setFallbackCallback").wrong("callback", "a function or null", callback);
    }
    addFallback(callback);
}
