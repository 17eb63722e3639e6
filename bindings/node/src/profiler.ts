/** The profiler: where the time of calls goes, on all threads. @module */

import { types } from "node:util";
import { Checked } from "./arguments.js";
import { check, dtypeOf } from "./error.js";
import { ProfileKind, ProfileSort, type DType } from "./generated/enums.js";
import { InvalidArgumentError } from "./generated/errors.js";
import * as raw from "./generated/raw.js";
import { Cell, Handle } from "./handle.js";
import { textOf } from "./tensor.js";

/** What a record is of. */
export type ProfileKindName = keyof typeof ProfileKind;

/** What events and totals have in common; times are in nanoseconds. */
interface ProfileRecord {
    name: string;
    /** The call that it is inside of; empty when there is none. */
    within: string;
    kind: ProfileKindName;
    /** Without what is recorded inside of it. */
    selfNs: number;
    /** In kernels. */
    kernelNs: number;
    selfKernelNs: number;
    /** How much memory it has made. */
    bytes: number;
    selfBytes: number;
}

/** A call, a step of a backward pass, a kernel, … */
export interface ProfileEvent extends ProfileRecord {
    thread: number;
    depth: number;
    startNs: number;
    durationNs: number;
    /** The shapes and dtypes of the tensors it was given, where they were recorded. */
    shapes: { shape: number[]; dtype: DType | null }[];
}

/** All events of a name together. */
export interface ProfileTotal extends ProfileRecord {
    calls: number;
    totalNs: number;
    longestNs: number;
    /** The number of one of them. */
    event: number;
}

/** The recording as a whole. */
export interface ProfileSummary {
    wallNs: number;
    kernelNs: number;
    checksNs: number;
    outsideNs: number;
    calls: number;
    otherCalls: number;
    otherLibraryNs: number;
    workerNs: number;
    /** Events beyond those that were to be kept. */
    dropped: number;
}

/** Options of `table`. */
export interface ProfileTableOptions {
    /** The order of the rows. */
    sort?: keyof typeof ProfileSort;
    /** Whether other shapes have rows of their own. */
    byShapes?: boolean;
    /** Whether each kernel has a row below its operation; not with `byShapes`. */
    kernels?: boolean;
    /** Whether there is a column of bytes. */
    bytes?: boolean;
    /** The most rows, less those of kernels; 0 for all. */
    rowLimit?: number;
}

const kinds = new Map(
    Object.entries(ProfileKind).map(([name, code]) => [code as number, name as ProfileKindName]),
);

/** A structure that C has filled, with JavaScript's names; counts are numbers. */
function fieldsOf(size: number, members: readonly string[], ask: (given: object) => void): any {
    const given: Record<string, unknown> = { struct_size: size };
    for (const member of members) {
        given[member] = member === "name" || member === "within" ? null : 0;
    }
    ask(given);
    return Object.fromEntries(
        members
            .filter((member) => member !== "reserved")
            .map((member) => {
                const value = given[member];
                const name = member.replace(/_([a-z])/g, (_, next: string) => next.toUpperCase());
                if (member === "kind") {
                    return [name, kinds.get(value as number)];
                }
                return [name, typeof value === "bigint" ? Number(value) : (value ?? "")];
            }),
    );
}

const COMMON = ["self_ns", "kernel_ns", "self_kernel_ns", "bytes", "self_bytes"];
const EVENT = ["thread", "depth", "start_ns", "duration_ns", "num_shapes", ...COMMON];
const TOTAL = ["reserved", "calls", "total_ns", "longest_ns", "event", ...COMMON];
const NAMED = ["name", "within", "kind"];
const SUMMARY = [
    "wall_ns",
    "kernel_ns",
    "checks_ns",
    "outside_ns",
    "calls",
    "other_calls",
    "other_library_ns",
    "worker_ns",
    "dropped",
];

/** What the profiler has recorded. */
export class Profile extends Handle {
    /** The owner of a handle that C gave. @internal */
    static adopt(pointer: bigint): Profile {
        return new Profile(new Cell(pointer, 4096, raw.candle_profile_free));
    }

    /** The events in the order in which they began. */
    events(): ProfileEvent[] {
        const profile = Handle.pointer(this, "events");
        return Array.from({ length: raw.candle_profile_num_events(profile) }, (_, at) => {
            const size = raw.sizes.CandleProfileEvent;
            const { numShapes, ...event } = fieldsOf(size, [...NAMED, ...EVENT], (given) =>
                check((error) => raw.candle_profile_event(profile, at, given, error)),
            );
            event.shapes = Array.from({ length: numShapes }, (_, number) => {
                const none = new BigInt64Array(1);
                const rank = raw.candle_profile_event_shape(profile, at, number, none, 0);
                const shape = new BigInt64Array(rank);
                raw.candle_profile_event_shape(profile, at, number, shape, rank);
                const dtype = raw.candle_profile_event_dtype(profile, at, number);
                return { shape: Array.from(shape, Number), dtype: dtype ? dtypeOf(dtype) : null };
            });
            return event as ProfileEvent;
        });
    }

    /** The totals of events of one name, and of one name and the same shapes. */
    totals(options: { byShapes?: boolean } = {}): ProfileTotal[] {
        const profile = Handle.pointer(this, "totals");
        const checked = new Checked("totals");
        checked.options(options, "byShapes");
        const byShapes = checked.bool(options.byShapes ?? false, "byShapes");
        const count = raw.candle_profile_num_totals(profile, byShapes);
        return Array.from({ length: count }, (_, at) =>
            fieldsOf(raw.sizes.CandleProfileTotal, [...NAMED, ...TOTAL], (given) =>
                check((error) => raw.candle_profile_total(profile, byShapes, at, given, error)),
            ),
        );
    }

    /** The recording as a whole. */
    summary(): ProfileSummary {
        const profile = Handle.pointer(this, "summary");
        return fieldsOf(raw.sizes.CandleProfileSummary, SUMMARY, (given) =>
            check((error) => raw.candle_profile_summary(profile, given, error)),
        );
    }

    /** The names of the threads; empty for one without. */
    threadNames(): string[] {
        const profile = Handle.pointer(this, "threadNames");
        return Array.from({ length: raw.candle_profile_num_threads(profile) }, (_, number) =>
            textOf((name, room) => raw.candle_profile_thread_name(profile, number, name, room)),
        );
    }

    /** A table of the totals, with the summary below. */
    table(options: ProfileTableOptions = {}): string {
        const profile = Handle.pointer(this, "table");
        const { sort = "self_time", byShapes = false, kernels = true } = options;
        const { bytes = true, rowLimit = 0 } = options;
        const checked = new Checked("table");
        checked.options(options, "sort", "byShapes", "kernels", "bytes", "rowLimit");
        const given = {
            struct_size: raw.sizes.CandleProfileTableOptions,
            sort: checked.choice(ProfileSort, sort, "sort"),
            by_shapes: checked.bool(byShapes, "byShapes"),
            kernels: checked.bool(kernels, "kernels"),
            bytes: checked.bool(bytes, "bytes"),
            row_limit: checked.size(rowLimit, "rowLimit"),
        };
        return textOf((text, room) => {
            const length = new BigUint64Array(1);
            check((error) => raw.candle_profile_table(profile, given, text, room, length, error));
            return Number(length[0]);
        });
    }

    /** Writes the events as a file that `chrome://tracing` and Perfetto show. */
    writeTrace(path: string): void {
        const profile = Handle.pointer(this, "writeTrace");
        const text = new Checked("writeTrace").text(path, "path");
        check((error) => raw.candle_profile_write_trace(profile, text, error));
    }
}

/** Options of `Profiler`. */
export interface ProfilerOptions {
    /** The most events that are kept, of about 150 bytes each; sums go on beyond it. */
    maxEvents?: number;
    /** Whether the shapes and dtypes of tensors are kept. */
    recordShapes?: boolean;
}

/** A recording: there is one at a time, for all threads. PyTorch: `torch.profiler.profile` */
export class Profiler {
    #session: number;

    /** Starts recording. Throws `BusyError` while a recording is under way. */
    constructor(options: ProfilerOptions = {}) {
        const checked = new Checked("Profiler");
        const { maxEvents = 2 ** 20, recordShapes = false } = options;
        checked.options(options, "maxEvents", "recordShapes");
        const given = {
            struct_size: raw.sizes.CandleProfilerOptions,
            max_events: checked.size(maxEvents, "maxEvents"),
            record_shapes: checked.bool(recordShapes, "recordShapes"),
            reserved: 0,
        };
        check((error) => raw.candle_profiler_start(given, error));
        this.#session = Number(raw.candle_profiler_session());
    }

    /** Whether it is recording still. */
    get isRecording(): boolean {
        return this.#session !== 0 && this.#session === Number(raw.candle_profiler_session());
    }

    /** Stops recording and gives what was recorded. */
    stop(): Profile {
        if (!this.isRecording) {
            throw new InvalidArgumentError("the profiler is not recording any more");
        }
        this.#session = 0;
        const out = new BigUint64Array(1);
        check((error) => raw.candle_profiler_stop(out, error));
        return Profile.adopt(out[0] ?? 0n);
    }
}

/**
 * Calls a function, and shows its calls in a profile inside a range of a name.
 * PyTorch: `torch.profiler.record_function`
 */
export function recordFunction<T>(name: string, body: () => T): T {
    const checked = new Checked("recordFunction");
    const text = checked.text(name, "name");
    if (typeof body !== "function" || types.isAsyncFunction(body)) {
        throw checked.wrong("its argument", "a function that is not async", body);
    }
    check((error) => raw.candle_profiler_push_range(text, error));
    const session = raw.candle_profiler_session();
    try {
        return body();
    } finally {
        // A range of a recording that is over has ended with it.
        if (session !== 0 && session === raw.candle_profiler_session()) {
            raw.candle_profiler_pop_range();
        }
    }
}
