//! What operations on spatial dimensions share: options for each dimension, and inputs with and without a batch.

use super::{squeeze, unsqueeze};
use crate::{Error, Result, Tensor};

/// No option is larger, so that sums and products of two of them and of sizes do not overflow.
const LARGEST: i64 = i32::MAX as i64;

/// An option called `name` for each of `N` dimensions; one entry means the same for all. Negative ones are refused.
pub(super) fn per_dim<const N: usize>(name: &str, given: &[i64]) -> Result<[usize; N]> {
    at_least(0, name, given)
}

/// The same for an option that must be 1 or more.
pub(super) fn positive_per_dim<const N: usize>(name: &str, given: &[i64]) -> Result<[usize; N]> {
    at_least(1, name, given)
}

fn at_least<const N: usize>(least: i64, name: &str, given: &[i64]) -> Result<[usize; N]> {
    let full: [i64; N] = match *given {
        [one] => [one; N],
        _ => given.try_into().map_err(|_| {
            Error::argument(format!("{name} takes one number or {N}, one for each spatial dimension, and is {given:?}"))
        })?,
    };
    if full.iter().any(|&value| value < least || value > LARGEST) {
        return Err(Error::argument(format!("{name} must be from {least} to {LARGEST}, and is {given:?}")));
    }
    Ok(full.map(|value| value as usize))
}

/// The input with a batch dimension before its channels and `spatial` dimensions, and whether it was added here.
pub(super) fn batched(input: &Tensor, spatial: usize) -> Result<(Tensor, bool)> {
    match input.rank() {
        rank if rank == spatial + 2 => Ok((input.clone(), false)),
        rank if rank == spatial + 1 => Ok((unsqueeze(input, 0)?, true)),
        _ => Err(wrong_rank(input, spatial)),
    }
}

/// The error for an input that has not `spatial` dimensions after its channels and perhaps a batch.
pub(super) fn wrong_rank(input: &Tensor, spatial: usize) -> Error {
    let sizes = ["D", "H", "W"][3 - spatial..].join(", ");
    let sizes = if spatial == 1 { "L" } else { &sizes };
    Error::shape(
        format!("the input must be [N, C, {sizes}] or [C, {sizes}], and its shape is {:?}", input.dims()),
        &[&input.dims()],
    )
}

/// The result for an input that [`batched`] may have given its batch dimension.
pub(super) fn unbatched(result: Tensor, added: bool) -> Result<Tensor> {
    if added { squeeze(&result, Some(&[0])) } else { Ok(result) }
}
