//! Matrix products in the forms of linear algebra libraries.

use super::common::{number, sizes};
use super::{add, matmul, mul, zeros};
use crate::{Error, Result, Tensor, autocast};

/// Matrix products of two batches of matrices.
///
/// Shapes `[b, m, k] × [b, k, n] → [b, m, n]`, without broadcasting. Differentiable.
///
/// # Errors
/// `Shape` when the shapes do not fit.
///
/// # PyTorch
/// `torch.bmm`
///
/// # Examples
/// ```python
/// >>> cf.bmm(cf.ones([2, 1, 3]), cf.ones([2, 3, 1])).shape
/// (2, 1, 1)
/// ```
pub fn bmm(input: &Tensor, mat2: &Tensor) -> Result<Tensor> {
    if let Some(cast) = autocast::enter(autocast::LOWER, &[input]) {
        return bmm(&cast.of(input)?, &cast.of(mat2)?);
    }
    let (left, right) = (input.shape(), mat2.shape());
    if left.len() != 3 || right.len() != 3 || left[0] != right[0] {
        return Err(Error::shape(
            format!(
                "bmm needs two batches of matrices of one size, [b, m, k] and [b, k, n], and got {:?} and {:?}",
                left.as_slice(),
                right.as_slice()
            ),
            &[&left, &right],
        ));
    }
    matmul(input, mat2)
}

/// Product of two matrices times `alpha`, plus `beta` times another: `beta · input + alpha · mat1 mat2`.
///
/// `input` broadcasts to the product's shape; with `beta` 0 it does not count, not even where it is NaN.
/// Differentiable.
///
/// # Defaults
/// beta = 1.0, alpha = 1.0
///
/// # Errors
/// `Shape` when the shapes do not fit.
///
/// # PyTorch
/// `torch.addmm`
///
/// # Examples
/// ```python
/// >>> cf.addmm(cf.tensor([1.0]), cf.tensor([[2.0]]), cf.tensor([[3.0]]))
/// tensor([[7.]])
/// ```
pub fn addmm(input: &Tensor, mat1: &Tensor, mat2: &Tensor, beta: f64, alpha: f64) -> Result<Tensor> {
    if let Some(cast) = autocast::enter(autocast::LOWER, &[input]) {
        return addmm(&cast.of(input)?, &cast.of(mat1)?, &cast.of(mat2)?, beta, alpha);
    }
    let (left, right) = (mat1.shape(), mat2.shape());
    if left.len() != 2 || right.len() != 2 {
        return Err(Error::shape(
            format!("addmm needs two matrices, and got {:?} and {:?}", left.as_slice(), right.as_slice()),
            &[&left, &right],
        ));
    }
    let mut product = matmul(mat1, mat2)?;
    let result = product.shape();
    let whole = crate::shape::broadcast(&input.shape(), &result)?;
    if whole != result {
        return Err(Error::shape(
            format!("input of shape {:?} does not broadcast to the product's {:?}", input.dims(), result.as_slice()),
            &[&input.dims(), &result],
        ));
    }
    if alpha != 1.0 {
        product = mul(&product, &number(alpha))?;
    }
    if beta == 0.0 {
        return Tensor::record("addmm", product.value(), [input, &product], || {
            let dims = input.shape();
            move |grad, _| Ok([Some(zeros(&sizes(&dims), grad.dtype(), grad.device())?), Some(grad.clone())])
        });
    }
    let added = if beta == 1.0 { input.clone() } else { mul(input, &number(beta))? };
    add(&added, &product)
}
