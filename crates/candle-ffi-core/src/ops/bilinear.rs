//! Bilinear maps.

use super::common::{same_device, sizes};
use super::{add, matmul, permute, reshape, squeeze, unsqueeze};
use crate::{Error, Result, Tensor, autocast};

/// Bilinear map of two last dimensions: `input1ᵀ × weight[o] × input2 + bias[o]`.
///
/// Shapes `[…, in1]`, `[…, in2]`, `[out, in1, in2]`, `[out]` → `[…, out]`. Differentiable.
///
/// # Defaults
/// bias = None
///
/// # Errors
/// `Shape` when the sizes do not fit, `DType` when the dtypes differ or are bool.
///
/// # PyTorch
/// `torch.nn.functional.bilinear`
///
/// # Examples
/// ```python
/// >>> cf.bilinear(cf.tensor([[1.0, 2.0]]), cf.tensor([[3.0]]), cf.tensor([[[1.0], [10.0]]]))
/// tensor([[63.]])
/// ```
pub fn bilinear(input1: &Tensor, input2: &Tensor, weight: &Tensor, bias: Option<&Tensor>) -> Result<Tensor> {
    if let Some(cast) = autocast::enter(autocast::WIDEST, &[input1, input2, weight]) {
        return bilinear(&cast.of(input1)?, &cast.of(input2)?, &cast.of(weight)?, cast.optional(bias)?.as_ref());
    }
    let inputs: Vec<&Tensor> = [Some(input1), Some(input2), Some(weight), bias].into_iter().flatten().collect();
    same_device(&inputs)?;
    let (first, second, table) = (input1.shape(), input2.shape(), weight.shape());
    let fits = match (first.split_last(), second.split_last(), table.as_slice()) {
        (Some((left, lead)), Some((right, other)), [_, one, two]) => lead == other && left == one && right == two,
        _ => false,
    };
    if !fits || bias.is_some_and(|bias| bias.shape().as_slice() != &table[..1]) {
        let bias = bias.map_or_else(String::new, |bias| format!(" and bias {:?}", bias.dims()));
        return Err(Error::shape(
            format!(
                "input1 {:?}, input2 {:?}, weight {:?}{bias} do not fit: they must be […, in1], […, in2], \
                 [out, in1, in2] and [out]",
                &first[..],
                &second[..],
                &table[..]
            ),
            &[&first, &second, &table],
        ));
    }
    let [out, one, two] = [table[0], table[1], table[2]];
    let rows: usize = first[..first.len() - 1].iter().product();
    // [rows, in1] × [in1, out · in2], and then one small product a row.
    let left = reshape(input1, &sizes(&[rows, one]))?;
    let maps = matmul(&left, &reshape(&permute(weight, &[1, 0, 2])?, &sizes(&[one, out * two]))?)?;
    let right = unsqueeze(&reshape(input2, &sizes(&[rows, two]))?, 2)?;
    let result = squeeze(&matmul(&reshape(&maps, &sizes(&[rows, out, two]))?, &right)?, Some(&[2]))?;
    let mut dims = sizes(&first[..first.len() - 1]);
    dims.push(out as i64);
    let result = reshape(&result, &dims)?;
    bias.map_or(Ok(result.clone()), |bias| add(&result, bias))
}
