//! Rectangular parts of a value: seen as views, and written.

use super::copy::{copy, fill};
use super::host;
use super::inplace::copy_into;
use crate::shape::Dims;
use crate::value::Value;
use crate::{Error, ErrorCode, Result};
use smallvec::SmallVec;

/// Which entries along one dimension.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Range {
    pub(crate) start: usize,
    pub(crate) count: usize,
    /// Distance between entries, at least 1.
    pub(crate) step: usize,
}

/// A part of a value of some shape, and how its dimensions are arranged.
#[derive(Clone, Debug)]
pub(crate) struct Region {
    /// The sizes of the whole.
    pub(crate) whole: Dims,
    /// For each dimension of the whole, which entries.
    pub(crate) ranges: SmallVec<[Range; 6]>,
    /// Dimensions of the whole, ascending, of one entry each, that the part does not have.
    pub(crate) removed: Dims,
    /// Dimensions of the part, ascending, of size 1, that the whole does not have.
    pub(crate) added: Dims,
}

impl Range {
    pub(crate) fn all(size: usize) -> Self {
        Self { start: 0, count: size, step: 1 }
    }

    fn of(self, array: &candle_core::Tensor, dim: usize) -> Result<candle_core::Tensor> {
        let Self { start, count, step } = self;
        if count == 0 {
            return Ok(array.narrow(dim, 0, 0)?);
        }
        if step == 1 || count == 1 {
            return Ok(array.narrow(dim, start, count)?);
        }
        let span = array.narrow(dim, start, (count - 1) * step + 1)?;
        let windows = span.unfold(dim, 1, step)?;
        let windows = windows.squeeze(windows.rank() - 1)?;
        // Candle counts the windows in single precision: rounded up they are cut, rounded down some
        // are missing, which takes more than 2^24 entries.
        if windows.dims()[dim] < count {
            let message = format!(
                "a step of {step} through {} entries of one dimension is more than the backend can count; \
                 use index_select with the positions",
                array.dims()[dim]
            );
            return Err(Error::new(ErrorCode::Unsupported, message));
        }
        Ok(windows.narrow(dim, 0, count)?)
    }
}

impl Region {
    /// The whole, to be narrowed along some dimensions.
    pub(crate) fn of_whole(whole: &[usize]) -> Self {
        Self {
            whole: Dims::from_slice(whole),
            ranges: whole.iter().map(|&size| Range::all(size)).collect(),
            removed: Dims::new(),
            added: Dims::new(),
        }
    }

    /// The sizes of the part.
    pub(crate) fn dims(&self) -> Dims {
        let kept = self.ranges.iter().enumerate().filter(|(dim, _)| !self.removed.contains(dim));
        let mut dims: Dims = kept.map(|(_, range)| range.count).collect();
        for &at in &self.added {
            dims.insert(at, 1);
        }
        dims
    }

    /// The part of `value`, which shares its memory.
    pub(crate) fn view(&self, value: &Value) -> Result<Value> {
        let mut array = value.array.clone();
        for (dim, range) in self.ranges.iter().enumerate() {
            if *range != Range::all(self.whole[dim]) {
                array = range.of(&array, dim)?;
            }
        }
        for &dim in self.removed.iter().rev() {
            array = array.squeeze(dim)?;
        }
        for &at in &self.added {
            array = array.unsqueeze(at)?;
        }
        Ok(Value::new(array, value.dtype))
    }

    /// Zeros of the whole's shape with `part`, which broadcasts, in its place.
    pub(crate) fn place(&self, part: &Value) -> Result<Value> {
        if !writes_views(part) {
            return host::round_trip_one("slice_grad", [part], |[part]| self.place(&part));
        }
        let result = fill(0.0, &self.whole, part.dtype, part.device())?;
        copy_into(&self.view(&result)?, part)?;
        Ok(result)
    }

    /// A copy of `whole` with `part`, which broadcasts, in its place.
    pub(crate) fn replace(&self, whole: &Value, part: &Value) -> Result<Value> {
        if !writes_views(whole) || whole.device() != part.device() {
            return host::round_trip_one("slice_scatter", [whole, part], |[whole, part]| self.replace(&whole, &part));
        }
        let result = copy(whole)?;
        copy_into(&self.view(&result)?, part)?;
        Ok(result)
    }

    /// Writes `part`, which broadcasts, into its place in `whole`.
    pub(crate) fn write(&self, whole: &Value, part: &Value) -> Result<()> {
        let view = self.view(whole)?;
        if writes_views(whole) || view.is_contiguous() {
            return copy_into(&view, part);
        }
        copy_into(whole, &self.replace(whole, part)?)
    }
}

/// Whether the device of a value can write into any view.
fn writes_views(value: &Value) -> bool {
    value.is_cpu() || cfg!(feature = "cuda") && value.array.device().is_cuda()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DType;
    use crate::compute::from_vec;

    fn numbers(value: &Value) -> Vec<f32> {
        value.array.flatten_all().unwrap().to_vec1().unwrap()
    }

    #[test]
    fn a_stepped_part_is_a_view_and_can_be_written() {
        let whole = from_vec((0..12).map(|i| i as f32).collect(), &[3, 4], DType::Float32);
        let mut region = Region::of_whole(&[3, 4]);
        region.ranges[0] = Range { start: 2, count: 1, step: 1 };
        region.ranges[1] = Range { start: 1, count: 2, step: 2 };
        region.removed.push(0);
        region.added.push(1);
        assert_eq!(region.dims().as_slice(), [2, 1]);
        let part = region.view(&whole).unwrap();
        assert_eq!((part.dims(), numbers(&part)), (&[2, 1][..], vec![9.0, 11.0]));
        region.write(&whole, &from_vec(vec![-1.0f32], &[1], DType::Float32)).unwrap();
        assert_eq!(numbers(&part), [-1.0, -1.0]);
        assert_eq!(numbers(&whole)[8..], [8.0, -1.0, 10.0, -1.0]);
        let placed = region.place(&from_vec(vec![5.0f32, 6.0], &[2, 1], DType::Float32)).unwrap();
        assert_eq!(numbers(&placed)[8..], [0.0, 5.0, 0.0, 6.0]);
    }

    #[test]
    fn a_step_through_more_entries_than_single_precision_counts_is_right_or_refused() {
        let whole = from_vec(vec![0u8; (1 << 24) + 9], &[(1 << 24) + 9], DType::UInt8);
        let mut exact = 0;
        for extra in 1..9 {
            let count = ((1usize << 24) + extra).div_ceil(2);
            let mut region = Region::of_whole(whole.dims());
            region.ranges[0] = Range { start: 0, count, step: 2 };
            match region.view(&whole) {
                Ok(view) => {
                    assert_eq!(view.dims(), [count]);
                    exact += 1;
                }
                Err(error) => assert_eq!(error.code(), ErrorCode::Unsupported),
            }
        }
        assert!(exact > 0);
    }
}
