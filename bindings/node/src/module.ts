/** Modules: layers, and models made of them. @module */

import { Call, kinds } from "./call.js";
import { isGradEnabled } from "./autograd.js";
import { check } from "./error.js";
import type { DType } from "./generated/enums.js";
import * as raw from "./generated/raw.js";
import { Cell, Handle } from "./handle.js";
import { later, now } from "./run.js";
import { textOf, type Tensor } from "./tensor.js";
import { mapOf, TensorMap, type Tensors } from "./tensor_map.js";

/** On another thread all is recorded; what was not to be has no history here. */
function withMode(result: Promise<Tensor>): Promise<Tensor> {
    return isGradEnabled() ? result : result.then(forgotten);
}

function forgotten(result: Tensor): Tensor {
    const bare = result.detach();
    result.free();
    return bare;
}

/** A layer, or a model made of layers. */
export class Module extends Handle {
    /** The owner of a handle that C gave. @internal */
    static adopt(pointer: bigint): Module {
        return new Module(new Cell(pointer, 1024, raw.candle_module_free));
    }

    #pointer(operation: string): bigint {
        return Handle.pointer(this, operation);
    }

    /** PyTorch's name of its class, such as "Linear". */
    get name(): string {
        return raw.candle_module_name(this.#pointer("name"));
    }

    /** A second object on the same module, that is freed by itself. */
    share(): Module {
        const module = this.#pointer("share");
        const out = new BigUint64Array(1);
        check((error) => raw.candle_module_share(module, out, error));
        return Module.adopt(out[0] ?? 0n);
    }

    /** What it makes of an input. */
    forward(input: Tensor): Tensor {
        return now.tensor("forward", raw.candle_module_forward, (call) => [
            call.module(this, "the module"),
            call.changed(input, "input"),
        ]);
    }

    /** `forward` on another thread. */
    forwardAsync(input: Tensor): Promise<Tensor> {
        return withMode(
            later.tensor("forward", raw.candle_module_forward, (call) => [
                call.module(this, "the module"),
                call.tensor(input, "input"),
            ]),
        );
    }

    /** What it makes of several inputs; null is one that is not given. */
    forwardMany(inputs: readonly (Tensor | null)[]): Tensor[] {
        return now.tensors("forwardMany", raw.candle_module_forward_many, (call) => [
            call.module(this, "the module"),
            ...call.optionalTensors(inputs, "inputs"),
        ]);
    }

    /** `forwardMany` on another thread. */
    async forwardManyAsync(inputs: readonly (Tensor | null)[]): Promise<Tensor[]> {
        const recorded = isGradEnabled();
        const give = (call: Call) => [
            call.module(this, "the module"),
            ...call.optionalTensors(inputs, "inputs"),
        ];
        const native = raw.candle_module_forward_many;
        const results = await later.tensors("forwardMany", native, give);
        return recorded ? results : results.map(forgotten);
    }

    /** Says whether it is trained or used, which matters to dropout and batch normalisation. */
    train(mode = true): this {
        now.nothing("train", raw.candle_module_set_training, (call) => [
            call.module(this, "the module"),
            call.bool(mode, "mode"),
        ]);
        return this;
    }

    /** Prepares for use. */
    eval(): this {
        return this.train(false);
    }

    /** Clears the gradients of all parameters. */
    zeroGrad(): void {
        const module = this.#pointer("zeroGrad");
        check((error) => raw.candle_module_zero_grad(module, error));
    }

    /** Moves parameters and buffers to a device, and floating ones to a dtype, in place. */
    to(options: { device?: string; dtype?: DType | null }): this {
        const { device = "cpu", dtype = null } = options;
        now.nothing("to", raw.candle_module_to, (call) => {
            call.options(options, "device", "dtype");
            const place = call.device(device, "device");
            return [call.module(this, "the module"), ...place, call.optionalDtype(dtype, "dtype")];
        });
        return this;
    }

    /** All parameters. */
    parameters(): Tensor[] {
        return now.tensors("parameters", raw.candle_module_parameters, (call) => [
            call.module(this, "the module"),
        ]);
    }

    /** The names of the parameters. */
    parameterNames(): string[] {
        const module = this.#pointer("parameterNames");
        return Array.from({ length: raw.candle_module_num_parameters(module) }, (_, at) =>
            textOf((text, room) => raw.candle_module_parameter_name(module, at, text, room)),
        );
    }

    /** All parameters with their names. */
    namedParameters(): [string, Tensor][] {
        return this.parameterNames().map((name) => [name, this.getParameter(name)]);
    }

    /** The parameter of a name. */
    getParameter(name: string): Tensor {
        return now.tensor("getParameter", raw.candle_module_get_parameter, (call) => [
            call.module(this, "the module"),
            call.text(name, "name"),
        ]);
    }

    /** Puts a tensor in the place of the parameter of a name. */
    setParameter(name: string, tensor: Tensor): void {
        now.nothing("setParameter", raw.candle_module_set_parameter, (call) => [
            call.module(this, "the module"),
            call.text(name, "name"),
            call.changed(tensor, "tensor"),
        ]);
    }

    /** The names of the buffers. */
    bufferNames(): string[] {
        const module = this.#pointer("bufferNames");
        return Array.from({ length: raw.candle_module_num_buffers(module) }, (_, at) =>
            textOf((text, room) => raw.candle_module_buffer_name(module, at, text, room)),
        );
    }

    /** All buffers with their names. */
    namedBuffers(): [string, Tensor][] {
        return this.bufferNames().map((name) => [name, this.getBuffer(name)]);
    }

    /** The buffer of a name. */
    getBuffer(name: string): Tensor {
        return now.tensor("getBuffer", raw.candle_module_get_buffer, (call) => [
            call.module(this, "the module"),
            call.text(name, "name"),
        ]);
    }

    /** Parameters and buffers by name. */
    stateDict(): TensorMap {
        const module = this.#pointer("stateDict");
        const out = new BigUint64Array(1);
        check((error) => raw.candle_module_state_dict(module, out, error));
        return TensorMap.adopt(out[0] ?? 0n);
    }

    /** Takes values from a state; `strict` asks for the same names. Throws `StateDictError`. */
    loadStateDict(state: Tensors, options: { strict?: boolean } = {}): void {
        const { strict = true } = options;
        const map = mapOf(state);
        now.nothing("loadStateDict", raw.candle_module_load_state_dict, (call) => {
            call.options(options, "strict");
            const given = call.handle(map, "state");
            return [call.module(this, "the module"), given, call.bool(strict, "strict")];
        });
    }

    /** Writes the state into a safetensors file. */
    save(path: string): void {
        now.nothing("save", raw.candle_module_save, (call) => [
            call.module(this, "the module"),
            call.text(path, "path"),
        ]);
    }

    /** Takes values from a safetensors file. */
    load(path: string, options: { strict?: boolean } = {}): void {
        const { strict = true } = options;
        now.nothing("load", raw.candle_module_load, (call) => {
            call.options(options, "strict");
            const text = call.text(path, "path");
            return [call.module(this, "the module"), text, call.bool(strict, "strict")];
        });
    }

    /** Adds a layer to a `sequential` or a `moduleList`, or with a name to a `moduleDict`. */
    add(module: Module, name?: string): this {
        const kind = this.name;
        if (kind === "ModuleDict") {
            now.nothing("add", raw.candle_module_dict_insert, (call) => [
                call.module(this, "the module"),
                call.text(name ?? "", "name"),
                call.module(module, "the layer"),
            ]);
            return this;
        }
        const push =
            kind === "ModuleList" ? raw.candle_module_list_push : raw.candle_sequential_push;
        now.nothing("add", push, (call: Call) => [
            call.module(this, "the module"),
            call.module(module, "the layer"),
        ]);
        return this;
    }
}

kinds.Module = Module;
