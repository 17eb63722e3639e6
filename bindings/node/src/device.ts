/** Devices: which there are, what they are, what they are doing. @module */

import { Checked } from "./arguments.js";
import { check } from "./error.js";
import { codes, type DeviceKind } from "./generated/enums.js";
import * as raw from "./generated/raw.js";
import type { Int } from "./types.js";

/** How many devices of a kind there are. */
export function deviceCount(kind: DeviceKind): number {
    const code = new Checked("deviceCount").choice(codes.DeviceKind, kind, "kind");
    return raw.candle_device_count(code);
}

/** Whether this library can use devices of a kind. */
export function isDeviceAvailable(kind: DeviceKind): boolean {
    const code = new Checked("isDeviceAvailable").choice(codes.DeviceKind, kind, "kind");
    return raw.candle_device_is_available(code) !== 0;
}

/** Throws `DeviceError` unless a device is there: "cuda:1". */
export function checkDevice(device: string): void {
    const [kind, index] = new Checked("checkDevice").device(device, "device");
    check((error) => raw.candle_device_check(kind, index, error));
}

/** What a device is; what does not apply to it is 0 or empty. */
export interface DeviceInfo {
    /** Its name, such as "NVIDIA A100-SXM4-80GB". */
    name: string;
    /** What tells a GPU from all others, as `nvidia-smi -L` prints it. */
    uuid: string;
    /** What a GPU of CUDA can do: 8 and 0 for 8.0. */
    computeCapability: [number, number];
    /** How many multiprocessors a GPU has; for the CPU, how many threads it runs at once. */
    multiprocessorCount: number;
    /** How many threads of a GPU go in step. */
    warpSize: number;
    /** The newest version of CUDA that the driver knows: 13000 for 13.0. */
    driverVersion: number;
    /** The version of CUDA that the library is built with. */
    runtimeVersion: number;
    /** The bytes of its memory. */
    totalMemory: number;
}

/** What a device is. */
export function deviceInfo(device: string): DeviceInfo {
    const [kind, index] = new Checked("deviceInfo").device(device, "device");
    const info = {
        struct_size: raw.sizes.CandleDeviceInfo,
        name: null as string | null,
        uuid: null as string | null,
        compute_capability_major: 0,
        compute_capability_minor: 0,
        multiprocessor_count: 0,
        warp_size: 0,
        driver_version: 0,
        runtime_version: 0,
        total_memory: 0,
    };
    check((error) => raw.candle_device_info(kind, index, info, error));
    return {
        name: info.name ?? "",
        uuid: info.uuid ?? "",
        computeCapability: [info.compute_capability_major, info.compute_capability_minor],
        multiprocessorCount: info.multiprocessor_count,
        warpSize: info.warp_size,
        driverVersion: info.driver_version,
        runtimeVersion: info.runtime_version,
        totalMemory: Number(info.total_memory),
    };
}

/** What is known of the memory of a device, in bytes. Of the CPU that is what is free, and all. */
export interface DeviceMemory {
    /** What no program uses. */
    free: number;
    /** All there is. */
    total: number;
    /** What tensors of this program hold. */
    allocated: number;
    /** The most that they held since the start or `resetPeakMemory`. */
    peakAllocated: number;
    /** What this program has taken: what tensors hold, and what is kept for the next ones. */
    reserved: number;
    /** The most that this was. */
    peakReserved: number;
}

/** What is known of the memory of a device. */
export function deviceMemory(device: string): DeviceMemory {
    const [kind, index] = new Checked("deviceMemory").device(device, "device");
    const memory = {
        struct_size: raw.sizes.CandleDeviceMemory,
        free_bytes: 0,
        total_bytes: 0,
        allocated_bytes: 0,
        peak_allocated_bytes: 0,
        reserved_bytes: 0,
        peak_reserved_bytes: 0,
    };
    check((error) => raw.candle_device_memory(kind, index, memory, error));
    return {
        free: Number(memory.free_bytes),
        total: Number(memory.total_bytes),
        allocated: Number(memory.allocated_bytes),
        peakAllocated: Number(memory.peak_allocated_bytes),
        reserved: Number(memory.reserved_bytes),
        peakReserved: Number(memory.peak_reserved_bytes),
    };
}

/** Lets the peaks of `deviceMemory` begin again at what is in use now. */
export function resetPeakMemory(device: string): void {
    const [kind, index] = new Checked("resetPeakMemory").device(device, "device");
    check((error) => raw.candle_device_reset_peak_memory(kind, index, error));
}

/** Gives back to the system what is kept on a device for later tensors. */
export function emptyCache(device: string): void {
    const [kind, index] = new Checked("emptyCache").device(device, "device");
    check((error) => raw.candle_device_empty_cache(kind, index, error));
}

/** Waits for all that a device has been given to do. */
export function synchronize(device: string): void {
    const [kind, index] = new Checked("synchronize").device(device, "device");
    check((error) => raw.candle_device_synchronize(kind, index, error));
}

/** The `CUstream` on which a CUDA device works, as a number. */
export function deviceStream(device: string): bigint {
    const [kind, index] = new Checked("deviceStream").device(device, "device");
    const out = new BigUint64Array(1);
    check((error) => raw.candle_device_stream(kind, index, out, error));
    return out[0] ?? 0n;
}

/** Lets what comes next on another stream wait for what has been started on a device. */
export function letStreamWait(device: string, stream: Int): void {
    const checked = new Checked("letStreamWait");
    const [kind, index] = checked.device(device, "device");
    const number = checked.int(stream, "stream");
    check((error) => raw.candle_device_let_stream_wait(kind, index, number, error));
}

/** Lets what comes next on a device wait for what has been started on another stream. */
export function waitForStream(device: string, stream: Int): void {
    const checked = new Checked("waitForStream");
    const [kind, index] = checked.device(device, "device");
    const number = checked.int(stream, "stream");
    check((error) => raw.candle_device_wait_for_stream(kind, index, number, error));
}
