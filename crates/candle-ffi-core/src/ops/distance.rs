//! Similarities and distances of vectors.

use super::common::{number, to_float};
use super::loss_common::{paired, raised_to};
use super::{add, div, index_select, mul, norm, sub, sum, unsqueeze};
use crate::{DType, Error, Result, Tensor, autocast, compute, shape};

/// Cosine of the angle between vectors along a dimension: `x1 · x2 / (max(|x1|, eps) · max(|x2|, eps))`.
///
/// Shapes broadcast and dtypes promote; the dimension is dropped. Differentiable.
///
/// # Defaults
/// dim = 1, eps = 1e-8
///
/// # Errors
/// `Shape` when the shapes do not broadcast, `Index` for a dimension out of range.
///
/// # PyTorch
/// `torch.nn.functional.cosine_similarity`
///
/// # Examples
/// ```python
/// >>> cf.nn.functional.cosine_similarity(cf.tensor([[1.0, 0.0]]), cf.tensor([[1.0, 1.0]]))
/// tensor([0.7071])
/// ```
pub fn cosine_similarity(x1: &Tensor, x2: &Tensor, dim: i64, eps: f64) -> Result<Tensor> {
    if let Some(cast) = autocast::enter(autocast::FLOAT32_ON_GPU, &[x1]) {
        return cosine_similarity(&cast.of(x1)?, &cast.of(x2)?, dim, eps);
    }
    let (x1, x2) = paired(x1, x2)?;
    let dim = shape::dim(dim, x1.rank())? as i64;
    let unit = |x: &Tensor| div(x, &raised_to(&norm(x, 2.0, Some(&[dim]), true)?, eps)?);
    sum(&mul(&unit(&x1)?, &unit(&x2)?)?, Some(&[dim]), false, None)
}

/// Distance of vectors along the last dimension: `|x1 - x2 + eps|`, with the norm of order `p`.
///
/// Shapes broadcast and dtypes promote; the dimension is dropped unless `keepdim`. Differentiable.
///
/// # Defaults
/// p = 2.0, eps = 1e-6, keepdim = False
///
/// # Errors
/// `Shape` when the shapes do not broadcast.
///
/// # PyTorch
/// `torch.nn.functional.pairwise_distance`
///
/// # Examples
/// ```python
/// >>> cf.nn.functional.pairwise_distance(cf.tensor([[0.0, 0.0]]), cf.tensor([[3.0, 4.0]]))
/// tensor([5.0000])
/// ```
pub fn pairwise_distance(x1: &Tensor, x2: &Tensor, p: f64, eps: f64, keepdim: bool) -> Result<Tensor> {
    let (x1, x2) = paired(x1, x2)?;
    norm(&add(&sub(&x1, &x2)?, &number(eps))?, p, Some(&[-1]), keepdim)
}

/// Distances between all pairs of rows of one matrix, each pair once.
///
/// Shape `[n, m] → [n (n - 1) / 2]`: row 0 with rows 1, 2, …, then row 1 with rows 2, 3, …. `p` is the order of the
/// norm. Differentiable.
///
/// # Defaults
/// p = 2.0
///
/// # Errors
/// `Shape` unless the input has two dimensions, `InvalidArgument` for a negative `p`.
///
/// # PyTorch
/// `torch.nn.functional.pdist`
///
/// # Examples
/// ```python
/// >>> cf.nn.functional.pdist(cf.tensor([[0.0, 0.0], [3.0, 4.0], [3.0, 0.0]]))
/// tensor([5., 3., 4.])
/// ```
pub fn pdist(input: &Tensor, p: f64) -> Result<Tensor> {
    check_order(p)?;
    let dims = input.shape();
    let [count, _] = dims[..] else {
        return Err(Error::shape(format!("pdist needs a matrix, and got the shape {:?}", &dims[..]), &[&dims]));
    };
    let pairs = count.saturating_sub(1).checked_mul(count).map_or(usize::MAX, |product| product / 2);
    // The two vectors of row numbers take memory even where the rows are empty.
    shape::check_allocation(&[pairs, dims[1].max(2)], DType::Float64)?;
    let (mut first, mut second) = (Vec::with_capacity(pairs), Vec::with_capacity(pairs));
    for row in 0..count as i64 {
        first.extend((row + 1..count as i64).map(|_| row));
        second.extend(row + 1..count as i64);
    }
    let pick = |rows: Vec<i64>| -> Result<Tensor> {
        let index = compute::from_vec(rows, &[pairs], DType::Int64).send_to(input.device())?;
        index_select(input, 0, &Tensor::from_value(index))
    };
    norm(&to_float(&sub(&pick(first)?, &pick(second)?)?)?, p, Some(&[-1]), false)
}

/// Distances between all rows of one matrix and all of another.
///
/// Shapes `[…, n, m] × […, k, m] → […, n, k]`; leading dimensions broadcast. `p` is the order of the norm.
/// Differentiable.
///
/// # Defaults
/// p = 2.0
///
/// # Errors
/// `Shape` when the shapes do not fit, `InvalidArgument` for a negative `p`.
///
/// # PyTorch
/// `torch.cdist`
///
/// # Examples
/// ```python
/// >>> cf.cdist(cf.tensor([[0.0, 0.0]]), cf.tensor([[3.0, 4.0], [0.0, 2.0]]))
/// tensor([[5., 2.]])
/// ```
pub fn cdist(x1: &Tensor, x2: &Tensor, p: f64) -> Result<Tensor> {
    if let Some(cast) = autocast::enter(autocast::FLOAT32, &[x1]) {
        return cdist(&cast.of(x1)?, &cast.of(x2)?, p);
    }
    check_order(p)?;
    let (left, right) = (x1.shape(), x2.shape());
    if left.len() < 2 || right.len() < 2 || left.last() != right.last() {
        return Err(Error::shape(
            format!(
                "cdist needs matrices of rows of one length, and got the shapes {:?} and {:?}",
                &left[..],
                &right[..]
            ),
            &[&left, &right],
        ));
    }
    let (x1, x2) = super::common::promoted(&to_float(x1)?, &to_float(x2)?)?;
    norm(&sub(&unsqueeze(&x1, -2)?, &unsqueeze(&x2, -3)?)?, p, Some(&[-1]), false)
}

fn check_order(p: f64) -> Result<()> {
    // Also when it is NaN.
    if p >= 0.0 { Ok(()) } else { Err(Error::argument(format!("p must not be negative, and is {p}"))) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::zeros;
    use crate::{Device, ErrorCode, Tensor};

    #[test]
    fn shapes_are_checked() {
        let of = |shape: &[i64]| -> Tensor { zeros(shape, DType::Float32, Device::CPU).unwrap() };
        assert_eq!(pdist(&of(&[3]), 2.0).unwrap_err().code(), ErrorCode::Shape);
        assert_eq!(cdist(&of(&[2, 3]), &of(&[2, 4]), 2.0).unwrap_err().shapes(), [vec![2, 3], vec![2, 4]]);
        assert_eq!(cdist(&of(&[2, 3]), &of(&[2, 3]), -1.0).unwrap_err().code(), ErrorCode::InvalidArgument);
        assert_eq!(pdist(&of(&[1, 3]), 2.0).unwrap().dims(), [0]);
    }
}
