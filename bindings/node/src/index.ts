/** Tensors, gradients, layers, optimizers and files with PyTorch's names. @module */

export type { BackwardOptions, GradOptions } from "./autograd.js";
export { enableGrad, grad, isGradEnabled, noGrad, setGradEnabled, tidy } from "./autograd.js";
export { fromData, fromRows, tensor } from "./creation.js";
export type { TensorOptions } from "./creation.js";
export type { Nested, TypedArray } from "./data.js";
export * from "./device.js";
export { CandleError } from "./error.js";
export type { ErrorDetails } from "./error.js";
export type * from "./generated/enums.js";
export * from "./generated/errors.js";
export * from "./generated/ops.js";
export { Generator, manualSeed } from "./generator.js";
export type { GeneratorState } from "./generator.js";
export { Graph, isCapturing } from "./graph.js";
export { Slice, slice } from "./indexing.js";
export type { IndexItem } from "./indexing.js";
export { collectGarbage } from "./memory.js";
export { Module } from "./module.js";
export * as nn from "./nn.js";
export * as optim from "./generated/optimizers.js";
export { clipGradNorm_, clipGradValue_, getTotalNorm, Optimizer } from "./optimizer.js";
export type { NormOptions } from "./optimizer.js";
export * from "./precision.js";
export { Tensor } from "./tensor.js";
export { TensorMap } from "./tensor_map.js";
export type { Tensors } from "./tensor_map.js";
export type { Doubles, Int, Ints, TensorLike } from "./types.js";
export * from "./version.js";
export { Profile, Profiler, recordFunction } from "./profiler.js";
export type {
    ProfileEvent,
    ProfileKindName,
    ProfileSummary,
    ProfileTableOptions,
    ProfileTotal,
    ProfilerOptions,
} from "./profiler.js";
