/** Layers; each function makes one. @module */

import * as raw from "./generated/raw.js";
import type { Module } from "./module.js";
import { make } from "./run.js";

export * from "./generated/layers.js";

/** Layers one after the other. PyTorch: `torch.nn.Sequential` */
export function sequential(...layers: Module[]): Module {
    const model = make.module("sequential", raw.candle_sequential_new, () => []);
    layers.forEach((layer) => model.add(layer));
    return model;
}

/** Layers by number, to be saved and trained together. PyTorch: `torch.nn.ModuleList` */
export function moduleList(...layers: Module[]): Module {
    const list = make.module("moduleList", raw.candle_module_list_new, () => []);
    layers.forEach((layer) => list.add(layer));
    return list;
}

/** Layers by name, to be saved and trained together. PyTorch: `torch.nn.ModuleDict` */
export function moduleDict(layers: Readonly<Record<string, Module>> = {}): Module {
    const dict = make.module("moduleDict", raw.candle_module_dict_new, () => []);
    Object.entries(layers).forEach(([name, layer]) => dict.add(layer, name));
    return dict;
}

/** A `simpleNn` from a file that it was saved to. */
export function simpleNnLoad(path: string): Module {
    return make.module("simpleNnLoad", raw.candle_simple_nn_load, (call) => [
        call.text(path, "path"),
    ]);
}
