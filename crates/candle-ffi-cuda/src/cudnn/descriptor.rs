//! cuDNN's descriptions of tensors, filters and convolutions.

use super::library::{Description, Library, Status};
use super::problem::{DataType, Math, Problem, Product};
use std::ffi::c_int;
use std::ptr::null_mut;

/// `CUDNN_TENSOR_NCHW`, of filters: channels first.
const CHANNELS_FIRST: c_int = 0;
/// `CUDNN_CROSS_CORRELATION`: the kernel is not turned round.
const CROSS_CORRELATION: c_int = 1;

/// A description, which goes with this.
struct Owned {
    description: Description,
    destroy: unsafe extern "C" fn(Description) -> Status,
}

impl Owned {
    fn new(
        create: unsafe extern "C" fn(*mut Description) -> Status,
        destroy: unsafe extern "C" fn(Description) -> Status,
    ) -> Result<Self, Status> {
        let mut description = null_mut();
        // SAFETY: it writes one pointer.
        done(unsafe { create(&raw mut description) })?;
        Ok(Self { description, destroy })
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        // SAFETY: it was created, and nobody uses it any more. Nothing can be done where it fails.
        let _ = unsafe { (self.destroy)(self.description) };
    }
}

/// What cuDNN is told of a problem.
pub(super) struct Descriptors {
    /// Those that are read, then the one that is written.
    sides: [Owned; 3],
    convolution: Owned,
    /// What the description of the convolution says now.
    math: Math,
}

/// A status as a result.
pub(super) fn done(status: Status) -> Result<(), Status> {
    if status == Status::SUCCESS { Ok(()) } else { Err(status) }
}

impl Descriptors {
    pub(super) fn new(library: &Library, problem: &Problem) -> Result<Self, Status> {
        let large = tensor(library, problem, &problem.large)?;
        let small = tensor(library, problem, &problem.small)?;
        let weight = filter(library, problem)?;
        let sides = match problem.product {
            Product::Small => [large, weight, small],
            Product::Large => [weight, small, large],
            Product::Weight => [large, small, weight],
        };
        let convolution = Owned::new(library.create_convolution, library.destroy_convolution)?;
        let first = 3 - problem.spatial;
        let options = [&problem.padding, &problem.stride, &problem.dilation].map(|option| option[first..].as_ptr());
        let DataType(computed) = problem.data.computed();
        // SAFETY: a description that is ours, and arrays of so many numbers.
        unsafe {
            done((library.set_convolution)(
                convolution.description,
                problem.spatial as c_int,
                options[0],
                options[1],
                options[2],
                CROSS_CORRELATION,
                computed,
            ))?;
            done((library.set_groups)(convolution.description, problem.groups))?;
            done((library.set_math)(convolution.description, problem.math.0))?;
        }
        Ok(Self { sides, convolution, math: problem.math })
    }

    /// The two that are read, the convolution, and the one that is written.
    pub(super) fn all(&self) -> [Description; 4] {
        let [first, second, third] = &self.sides;
        [first.description, second.description, self.convolution.description, third.description]
    }

    /// Says how factors may be rounded, which belongs to an algorithm.
    pub(super) fn set_math(&mut self, library: &Library, math: Math) -> Result<(), Status> {
        if self.math != math {
            // SAFETY: a description that is ours.
            done(unsafe { (library.set_math)(self.convolution.description, math.0) })?;
            self.math = math;
        }
        Ok(())
    }
}

/// Batch and channels, and the dimensions that count.
fn dims(sizes: &[c_int; 5], spatial: usize) -> Vec<c_int> {
    [&sizes[..2], &sizes[5 - spatial..]].concat()
}

fn tensor(library: &Library, problem: &Problem, sizes: &[c_int; 5]) -> Result<Owned, Status> {
    let owned = Owned::new(library.create_tensor, library.destroy_tensor)?;
    let dims = dims(sizes, problem.spatial);
    let mut strides = vec![1; dims.len()];
    for d in (1..dims.len()).rev() {
        // The product of all sizes is an int.
        strides[d - 1] = strides[d] * dims[d];
    }
    let DataType(data) = problem.data;
    // SAFETY: a description that is ours, and two arrays of so many numbers.
    done(unsafe {
        (library.set_tensor)(owned.description, data, dims.len() as c_int, dims.as_ptr(), strides.as_ptr())
    })?;
    Ok(owned)
}

fn filter(library: &Library, problem: &Problem) -> Result<Owned, Status> {
    let owned = Owned::new(library.create_filter, library.destroy_filter)?;
    let dims = dims(&problem.weight, problem.spatial);
    let DataType(data) = problem.data;
    // SAFETY: a description that is ours, and an array of so many numbers.
    done(unsafe { (library.set_filter)(owned.description, data, CHANNELS_FIRST, dims.len() as c_int, dims.as_ptr()) })?;
    Ok(owned)
}

#[cfg(test)]
mod tests {
    use super::super::library::library;
    use super::*;
    use candle_core::DType;
    use candle_ffi_kernels::conv::Geometry;

    /// With a cuDNN in the loader's path, also a real one: descriptions need no device.
    #[test]
    fn cudnn_takes_what_it_is_told() {
        let Ok(library) = library() else { return };
        let flat = Geometry {
            batch: 2,
            groups: 2,
            large_channels: 4,
            small_channels: 6,
            large: [1, 9, 8],
            small: [1, 4, 8],
            kernel: [1, 3, 3],
            stride: [1, 2, 1],
            padding: [0, 1, 2],
            dilation: [1, 2, 2],
        };
        let large = [5, 9, 8];
        let deep = Geometry { large, small: [4, 4, 8], kernel: [2, 3, 3], ..flat };
        for geometry in [flat, deep] {
            for dtype in [DType::F16, DType::BF16, DType::F32, DType::F64] {
                for product in [Product::Small, Product::Large, Product::Weight] {
                    let problem = Problem::of(product, &geometry, dtype).unwrap();
                    let mut made = Descriptors::new(library, &problem).unwrap();
                    made.set_math(library, Math::FMA).unwrap();
                    assert!(made.all().iter().all(|description| !description.is_null()));
                }
            }
        }
        let problem = Problem::of(Product::Small, &flat, DType::F32).unwrap();
        let refused = Descriptors::new(library, &Problem { stride: [1, 0, 1], ..problem });
        assert!(refused.is_err_and(Status::is_refusal));
    }
}
