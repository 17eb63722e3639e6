/** Types that functions take. @module */

import type { Tensor } from "./tensor.js";

/** An integer: a whole number, or a `bigint` where it may be large. */
export type Int = number | bigint;
/** Integers; one alone stands for a list of one. */
export type Ints = Int | readonly Int[];
/** Numbers; one alone stands for a list of one. */
export type Doubles = number | readonly number[];
/** A tensor, or a number that takes the dtype of what it meets. */
export type TensorLike = Tensor | number | bigint | boolean;
