//! Bags of rows of a table.

use super::common::{number, same_device};
use super::embedding::{embedding, padding_row, table_sizes};
use super::index::{in_dimension, indices, zeros_for};
use super::{div, gather, index_add, index_select, masked_fill, mul, reshape, unsqueeze};
use crate::{BagMode, DType, Device, Error, ErrorCode, Result, Tensor, compute, shape};

/// Sums, means or maxima of rows of a table, by bags of numbers.
///
/// `input` is of any integer dtype: `[b, n]` is `b` bags of `n` numbers; of a vector, bag `i` begins at
/// `offsets[i]` and ends where the next one begins, or at the end (with `include_last_offset` the last offset
/// is the end of the last bag). `weight` `[n, d]` gives `[b, d]`; an empty bag gives zeros. The number
/// `padding_idx` is left out. `per_sample_weights` has the shape of `input` and multiplies the rows of a sum.
/// Differentiable with respect to `weight` and `per_sample_weights`; with `scale_grad_by_freq` the gradient of
/// a row is divided by how often its number appears.
///
/// # Defaults
/// offsets = None, scale_grad_by_freq = False, mode = mean, per_sample_weights = None,
/// include_last_offset = False, padding_idx = None
///
/// # Errors
/// `Index` for a number that is negative or too large, `Shape` when the shapes do not fit, `InvalidArgument`
/// for offsets that do not ascend from 0 to at most the length of `input`, and for `per_sample_weights` in
/// another mode than sum.
///
/// # PyTorch
/// `torch.nn.functional.embedding_bag`
///
/// # Examples
/// ```python
/// >>> weight = cf.tensor([[1.0, 2.0], [3.0, 4.0]])
/// >>> cf.embedding_bag(cf.tensor([0, 1, 1]), weight, cf.tensor([0, 1]), mode="sum")
/// tensor([[1., 2.],
///         [6., 8.]])
/// ```
#[expect(clippy::too_many_arguments, reason = "PyTorch's arguments")]
pub fn embedding_bag(
    input: &Tensor,
    weight: &Tensor,
    offsets: Option<&Tensor>,
    scale_grad_by_freq: bool,
    mode: BagMode,
    per_sample_weights: Option<&Tensor>,
    include_last_offset: bool,
    padding_idx: Option<i64>,
) -> Result<Tensor> {
    let inputs: Vec<&Tensor> = [Some(weight), Some(input), offsets, per_sample_weights].into_iter().flatten().collect();
    same_device(&inputs)?;
    let [rows, width] = table_sizes(weight)?;
    check_options(input, weight, scale_grad_by_freq, mode, per_sample_weights)?;
    let padding = padding_idx.map(|index| padding_row(index, rows as i64)).transpose()?;
    let index = host_integers(input)?;
    let bags = Bags::new(&index, input, offsets, include_last_offset, padding)?;
    let device = weight.device();
    let on_device = |data: Vec<i64>| -> Result<Tensor> {
        let count = data.len();
        Ok(Tensor::from_value(compute::from_vec(data, &[count], DType::Int64).send_to(device)?))
    };
    let numbers = on_device(bags.kept.iter().map(|&at| index[at]).collect())?;
    let mut picked = embedding(&numbers, weight, None, scale_grad_by_freq).map_err(|error| in_dimension(error, 0))?;
    if let Some(own) = per_sample_weights {
        let positions = on_device(bags.kept.iter().map(|&at| at as i64).collect())?;
        picked = mul(&picked, &unsqueeze(&index_select(&reshape(own, &[-1])?, 0, &positions)?, 1)?)?;
    }
    let count = bags.ends.len();
    let zeros = zeros_for(weight, &[count, width])?;
    if picked.num_elements() == 0 {
        // Also what nothing is taken from has a gradient: zeros.
        return index_add(&zeros, 0, &on_device(bags.owners())?, &picked);
    }
    if mode == BagMode::Max {
        let positions = Tensor::from_value(compute::bag_argmax(&picked.value(), &bags.ends)?);
        let largest = gather(&picked, 0, &positions)?;
        let empty = bags.sizes().map(|size| u8::from(size == 0)).collect::<Vec<_>>();
        let empty = compute::from_vec(empty, &[count, 1], DType::Bool).send_to(device)?;
        return masked_fill(&largest, &Tensor::from_value(empty), &number(0.0));
    }
    let sums = index_add(&zeros, 0, &on_device(bags.owners())?, &picked)?;
    if mode == BagMode::Sum {
        return Ok(sums);
    }
    let sizes: Vec<f64> = bags.sizes().map(|size| size.max(1) as f64).collect();
    let sizes = compute::cast(&compute::from_vec(sizes, &[count, 1], DType::Float64), weight.dtype())?;
    div(&sums, &Tensor::from_value(sizes.send_to(device)?))
}

fn check_options(
    input: &Tensor,
    weight: &Tensor,
    scale_grad_by_freq: bool,
    mode: BagMode,
    per_sample_weights: Option<&Tensor>,
) -> Result<()> {
    if mode == BagMode::Max && scale_grad_by_freq {
        return Err(Error::argument("the mode max does not support scale_grad_by_freq"));
    }
    let Some(own) = per_sample_weights else { return Ok(()) };
    if own.shape() != input.shape() {
        return Err(Error::shape(
            format!("per_sample_weights {:?} must have the shape of the input, {:?}", own.dims(), input.dims()),
            &[&own.dims(), &input.dims()],
        ));
    }
    if mode != BagMode::Sum {
        return Err(Error::new(ErrorCode::Unsupported, "per_sample_weights are for the mode sum only"));
    }
    if own.dtype() != weight.dtype() {
        let message =
            format!("per_sample_weights must have the dtype of weight, {}, and are {}", weight.dtype(), own.dtype());
        return Err(Error::dtype(message, &[own.dtype(), weight.dtype()]));
    }
    Ok(())
}

/// The integers of a tensor.
fn host_integers(tensor: &Tensor) -> Result<Vec<i64>> {
    let flat = reshape(&super::detach(&indices(tensor)?)?, &[-1])?;
    Ok(compute::contiguous(&flat.value().to_device(Device::CPU)?)?.array.to_vec1::<i64>()?)
}

/// Which numbers are in which bag.
struct Bags {
    /// Positions in the input of those that are not padding.
    kept: Vec<usize>,
    /// For each bag, where among them it ends.
    ends: Vec<usize>,
}

impl Bags {
    fn new(
        index: &[i64],
        input: &Tensor,
        offsets: Option<&Tensor>,
        include_last_offset: bool,
        padding: Option<i64>,
    ) -> Result<Self> {
        let dims = input.shape();
        // Where each bag ends in the input; before the first one nothing is taken.
        let stops: Vec<usize> = match (dims.as_slice(), offsets) {
            (&[bags, size], None) => {
                // What is noted of each bag takes memory even where the bags are empty.
                shape::check_allocation(&[bags, 3], DType::Int64)?;
                (1..=bags).map(|bag| bag * size).collect()
            }
            (&[length], Some(offsets)) => stops(&host_integers(offsets)?, offsets, length, include_last_offset)?,
            (&[_], None) => return Err(Error::shape("an input of one dimension needs offsets", &[&dims])),
            (&[_, _], Some(_)) => {
                return Err(Error::shape("an input of two dimensions is bags of one size, without offsets", &[&dims]));
            }
            _ => {
                let message = format!("input must have one or two dimensions, and has shape {:?}", &dims[..]);
                return Err(Error::shape(message, &[&dims]));
            }
        };
        let (mut kept, mut ends, mut start) = (Vec::new(), Vec::with_capacity(stops.len()), 0);
        for stop in stops {
            kept.extend((start..stop).filter(|&at| Some(index[at]) != padding));
            ends.push(kept.len());
            start = stop;
        }
        Ok(Self { kept, ends })
    }

    fn sizes(&self) -> impl Iterator<Item = usize> {
        self.ends.iter().enumerate().map(|(bag, end)| end - if bag == 0 { 0 } else { self.ends[bag - 1] })
    }

    /// The bag of each number that is kept.
    fn owners(&self) -> Vec<i64> {
        self.sizes().zip(0i64..).flat_map(|(size, bag)| std::iter::repeat_n(bag, size)).collect()
    }
}

/// Where each bag ends, from where each begins.
fn stops(offsets: &[i64], given: &Tensor, length: usize, include_last: bool) -> Result<Vec<usize>> {
    if given.rank() != 1 {
        let message = format!("offsets must be a vector, and has shape {:?}", given.dims());
        return Err(Error::shape(message, &[&given.dims()]));
    }
    if include_last && offsets.is_empty() {
        return Err(Error::argument("offsets must have at least one entry with include_last_offset"));
    }
    let ascends = offsets.windows(2).all(|pair| pair[0] <= pair[1]);
    let bounds =
        offsets.first().is_none_or(|&first| first == 0) && offsets.last().is_none_or(|&last| last <= length as i64);
    if !ascends || !bounds {
        let message = format!("offsets must ascend from 0 to at most {length}, the length of the input");
        return Err(Error::argument(message));
    }
    let mut stops: Vec<usize> = offsets.iter().skip(1).map(|&offset| offset as usize).collect();
    if !include_last && !offsets.is_empty() {
        stops.push(length);
    }
    Ok(stops)
}
