/** CUDA graphs. @module */

import { types } from "node:util";
import { Checked } from "./arguments.js";
import { synchronous } from "./autograd.js";
import { check } from "./error.js";
import { Cell, Handle } from "./handle.js";
import * as raw from "./generated/raw.js";

/**
 * Work of a CUDA device that was captured, to be done again by one launch: on the tensors that it was
 * captured with, with what is in them then. It keeps the memory that it uses.
 * PyTorch: `torch.cuda.CUDAGraph`
 */
export class Graph extends Handle {
    /** An empty graph. */
    constructor() {
        const out = new BigUint64Array(1);
        check((error) => raw.candle_graph_new(out, error));
        super(new Cell(out[0] ?? 0n, 64, raw.candle_graph_free));
    }

    /**
     * Runs `work`, which is not asynchronous, and captures what it gives the device to do: that is not
     * done now. Where it throws, or does what a graph cannot, the graph is empty. With `sharing`, a
     * graph that was captured before, memory of that one is used where it is free: the two are
     * replayed in the order in which they were captured.
     */
    capture(device: string, work: () => unknown, sharing: Graph | null = null): this {
        synchronous("capture", work, "");
        const [kind, index] = new Checked("capture").device(device, "device");
        const pointer = Handle.pointer(this, "capture");
        const shared = sharing === null ? null : Handle.pointer(sharing, "capture");
        check((error) => raw.candle_graph_begin(pointer, kind, index, shared, error));
        let done = false;
        try {
            if (types.isPromise(work())) {
                throw new TypeError("capture takes a function that is done when it returns");
            }
            done = true;
        } finally {
            if (!done) {
                this.reset();
            }
        }
        check((error) => raw.candle_graph_end(Handle.pointer(this, "capture"), error));
        return this;
    }

    /** Does all that was captured once more; nothing waits for it. */
    replay(): void {
        const pointer = Handle.pointer(this, "replay");
        check((error) => raw.candle_graph_replay(pointer, error));
    }

    /** Makes the graph empty, so that it can be captured again. */
    reset(): void {
        const pointer = Handle.pointer(this, "reset");
        check((error) => raw.candle_graph_reset(pointer, error));
    }
}

/** Whether this thread captures a graph on a device. */
export function isCapturing(device: string): boolean {
    const [kind, index] = new Checked("isCapturing").device(device, "device");
    return raw.candle_device_is_capturing(kind, index) !== 0;
}
