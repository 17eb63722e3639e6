//! Convolutions by cuDNN, where it is installed.
//!
//! The library needs nothing of cuDNN to be linked or to run: `libcudnn.so.9` is looked for when a convolution is first
//! computed, and without it the kernels of [`crate::conv`] compute all of them. They also compute what cuDNN refuses.
//!
//! [`library`] loads it, [`descriptor`] tells it what a problem is, [`plan`] has it choose how to solve one, and
//! [`state`] keeps the plans of a device. What can be switched is in [`options`].

mod descriptor;
mod library;
mod options;
mod plan;
mod problem;
mod state;

pub use options::{Switch, is_on, turn};

use crate::array::{address, device};
use crate::binary::binary_into;
use crate::copy::copied;
use candle_core::{Result, Tensor, bail};
use candle_ffi_kernels::binary::Binary;
use candle_ffi_kernels::conv::Geometry;
use problem::Problem;
pub(crate) use problem::Product;

/// cuDNN's kernels read 16 bytes at a time.
const ALIGNMENT: u64 = 16;

/// The version of cuDNN as it counts, 92801 for 9.28.1, or why there is none that can be used.
pub fn version() -> std::result::Result<usize, String> {
    let library = library::library()?;
    match state::failure() {
        Some(failure) => Err(failure),
        None => Ok(library.version),
    }
}

/// Whether cuDNN is there and switched on.
pub(crate) fn is_wanted() -> bool {
    is_on(Switch::Enabled) && library::library().is_ok()
}

/// Has cuDNN write the result of a convolution's product to `out`, with `bias` added to each channel. False where it is
/// not there, switched off, or refuses the problem: then `out` is still to be written.
///
/// `inputs` are the other two of large side, small side and weight, in this order, but the weight first for
/// [`Product::Large`]; all are contiguous and not empty.
pub(crate) fn conv(
    product: Product,
    geometry: &Geometry,
    inputs: [&Tensor; 2],
    bias: Option<&Tensor>,
    out: &Tensor,
) -> Result<bool> {
    if !is_on(Switch::Enabled) {
        return Ok(false);
    }
    let Ok(library) = library::library() else { return Ok(false) };
    let Some(problem) = Problem::of(product, geometry, out.dtype()) else { return Ok(false) };
    let inputs = [aligned(inputs[0])?, aligned(inputs[1])?];
    let places = [address(&inputs[0])?, address(&inputs[1])?, address(out)?];
    // SAFETY: the tensors are contiguous, of the dtype, and of the geometry's sizes; `out` is the caller's alone.
    if !unsafe { state::run(library, device(out)?, &problem, places) }? {
        return Ok(false);
    }
    if let Some(bias) = bias {
        let mut dims = vec![1; out.rank() - 1];
        dims[0] = bias.elem_count();
        if !binary_into(Binary::Add, out, &bias.reshape(dims)?)? {
            bail!("a bias that cannot be added to {:?}", out.shape());
        }
    }
    Ok(true)
}

/// The tensor, or a copy where it begins in the middle of what cuDNN reads at a time.
fn aligned(tensor: &Tensor) -> Result<Tensor> {
    if address(tensor)?.is_multiple_of(ALIGNMENT) { Ok(tensor.clone()) } else { copied(tensor) }
}
