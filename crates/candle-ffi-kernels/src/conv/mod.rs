//! Convolutions of one to three dimensions, transposed ones, and the gradients of both.
//!
//! | function | result |
//! |---|---|
//! | [`conv`] | the small side: a convolution, and the input's gradient of a transposed one |
//! | [`conv_transpose`] | the large side: a transposed convolution, and the input's gradient of a convolution |
//! | [`conv_weight_grad`] | the weight's gradient of both |

mod correlate;
mod geometry;
mod pack;
mod source;
mod spread;
mod tile;
mod weight;

pub use geometry::Geometry;

use crate::profile;
use correlate::correlate;
use geometry::{Plan, volume};
use pack::Channels;

use crate::scratch::Plain;
use crate::simd::Lanes;

/// A type that convolutions are computed in: `f32` and `f64`.
#[expect(private_bounds, reason = "how memory is reused is of no concern outside")]
pub trait Conv: Lanes + Plain {}
impl Conv for f32 {}
impl Conv for f64 {}

/// The small side `[batch, small_channels, …]` of the large one `[batch, large_channels, …]`, with a weight of
/// `[small_channels, large_channels / groups, kernel…]` and a bias for each channel of the result.
pub fn conv<T: Conv>(geometry: &Geometry, large: &[T], weight: &[T], bias: Option<&[T]>) -> Vec<T> {
    let _span = profile::kernel("conv");
    assert_eq!((large.len(), weight.len()), (geometry.large_len(), geometry.weight_len()), "lengths disagree");
    assert!(bias.is_none_or(|bias| bias.len() == geometry.small_channels), "the bias has another length");
    let (from, to) = (geometry.large_per_group(), geometry.small_per_group());
    let taps = volume(geometry.kernel);
    let channels = Channels { from, to, target: geometry.small, weight: [taps, from * taps] };
    correlate(geometry, Plan::down, channels, large, weight, bias)
}

/// The large side of the small one: the transpose of [`conv`].
pub fn conv_transpose<T: Conv>(geometry: &Geometry, small: &[T], weight: &[T], bias: Option<&[T]>) -> Vec<T> {
    let _span = profile::kernel("conv_transpose");
    assert_eq!((small.len(), weight.len()), (geometry.small_len(), geometry.weight_len()), "lengths disagree");
    assert!(bias.is_none_or(|bias| bias.len() == geometry.large_channels), "the bias has another length");
    let (from, to) = (geometry.small_per_group(), geometry.large_per_group());
    let taps = volume(geometry.kernel);
    let channels = Channels { from, to, target: geometry.large, weight: [to * taps, taps] };
    correlate(geometry, Plan::up, channels, small, weight, bias)
}

/// The gradient of the weight: of [`conv`] with `small` as the gradient of its result, of [`conv_transpose`] with
/// `large` as that.
pub fn conv_weight_grad<T: Conv>(geometry: &Geometry, large: &[T], small: &[T]) -> Vec<T> {
    let _span = profile::kernel("conv_weight_grad");
    assert_eq!((large.len(), small.len()), (geometry.large_len(), geometry.small_len()), "lengths disagree");
    weight::weight_grad(geometry, large, small)
}

#[cfg(test)]
mod tests;
