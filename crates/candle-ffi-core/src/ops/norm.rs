//! Normalisation of rows: of the last dimensions of a tensor.

use super::common::{number, same_device};
use super::{add, mean, mul, reshape, rsqrt, square, sub, sum, to_dtype, var};
use crate::autograd::{self, Saved};
use crate::compute::{self, Center, RowNorm};
use crate::value::Value;
use crate::{DType, Error, Result, Tensor, autocast, shape};

/// Layer normalisation over the last dimensions: `(x - mean) / sqrt(var + eps) · weight + bias`.
///
/// `normalized_shape` are the sizes of the last dimensions of `input` and the shape of `weight` and
/// `bias`. Keeps the shape. Differentiable. Source: Ba, Kiros and Hinton, 2016.
///
/// # Defaults
/// weight = None, bias = None, eps = 1e-5
///
/// # Errors
/// `Shape` when the shapes do not fit, `DType` when the dtypes differ or are not floating.
///
/// # PyTorch
/// `torch.nn.functional.layer_norm`
///
/// # Examples
/// ```python
/// >>> cf.layer_norm(cf.tensor([[1.0, 3.0]]), [2])
/// tensor([[-1.0000,  1.0000]])
/// ```
pub fn layer_norm(
    input: &Tensor,
    normalized_shape: &[i64],
    weight: Option<&Tensor>,
    bias: Option<&Tensor>,
    eps: f64,
) -> Result<Tensor> {
    if let Some(cast) = autocast::enter(autocast::FLOAT32_ON_GPU, &[input]) {
        return layer_norm(
            &cast.of(input)?,
            normalized_shape,
            cast.optional(weight)?.as_ref(),
            cast.optional(bias)?.as_ref(),
            eps,
        );
    }
    norm("layer_norm", Center::Mean, input, normalized_shape, weight, bias, eps)
}

/// Root mean square normalisation over the last dimensions: `x / sqrt(mean(x²) + eps) · weight`.
///
/// `normalized_shape` are the sizes of the last dimensions of `input` and the shape of `weight`. Without
/// `eps` it is the distance from 1 to the next number of the dtype that is computed in. The weight may have another
/// dtype; the result has that of the input. Keeps the shape. Differentiable. Source: Zhang and Sennrich, 2019.
///
/// # Defaults
/// weight = None, eps = None
///
/// # Errors
/// `Shape` when the shapes do not fit, `DType` when the input is not floating.
///
/// # PyTorch
/// `torch.nn.functional.rms_norm`
///
/// # Examples
/// ```python
/// >>> cf.rms_norm(cf.tensor([[1.0, 7.0]]), [2])
/// tensor([[0.2000, 1.4000]])
/// ```
pub fn rms_norm(input: &Tensor, normalized_shape: &[i64], weight: Option<&Tensor>, eps: Option<f64>) -> Result<Tensor> {
    if let Some(cast) = autocast::enter(autocast::FLOAT32_ON_GPU, &[input]) {
        return rms_norm(&cast.of(input)?, normalized_shape, cast.optional(weight)?.as_ref(), eps);
    }
    // Half precision is computed in float32.
    let smallest = if input.dtype() == DType::Float64 { f64::EPSILON } else { f64::from(f32::EPSILON) };
    let eps = eps.unwrap_or(smallest);
    if let Some(weight) = weight.filter(|weight| weight.dtype() != input.dtype() && input.dtype().is_float()) {
        // Rounded once, at the end.
        let wide = input.dtype().wide();
        let (x, weight) = (to_dtype(input, wide)?, to_dtype(weight, wide)?);
        let result = norm("rms_norm", Center::Zero, &x, normalized_shape, Some(&weight), None, eps)?;
        return to_dtype(&result, input.dtype());
    }
    norm("rms_norm", Center::Zero, input, normalized_shape, weight, None, eps)
}

fn norm(
    name: &'static str,
    center: Center,
    input: &Tensor,
    normalized_shape: &[i64],
    weight: Option<&Tensor>,
    bias: Option<&Tensor>,
    eps: f64,
) -> Result<Tensor> {
    let norm = Norm::new(center, input, normalized_shape, weight, bias, eps)?;
    let values = (weight.map(Tensor::value), bias.map(Tensor::value));
    let RowNorm { output, mean, rstd } =
        compute::row_norm(&input.value(), norm.size, center, values.0.as_ref(), values.1.as_ref(), eps)?;
    let inputs: Vec<&Tensor> = [Some(input), weight, bias].into_iter().flatten().collect();
    Tensor::record_many(name, output, &inputs, || {
        let (saved, weight, has_bias) = (Saved::new(input), weight.map(Saved::new), bias.is_some());
        move |grad, _| {
            let x = saved.get()?;
            let weight = weight.as_ref().map(Saved::get).transpose()?;
            let [dx, dweight, dbias] = if autograd::is_enabled() {
                norm.composed_grad(x, weight, grad)?
            } else {
                norm.fused_grad(x, weight, grad, &mean, &rstd)?
            };
            let wanted = [Some(dx), weight.map(|_| dweight), has_bias.then_some(dbias)];
            Ok(wanted.into_iter().flatten().map(Some).collect())
        }
    })
}

/// The sizes of a normalisation.
struct Norm {
    center: Center,
    normalized: Vec<i64>,
    /// How many elements share a mean.
    size: usize,
    eps: f64,
    rank: usize,
}

impl Norm {
    fn new(
        center: Center,
        input: &Tensor,
        normalized: &[i64],
        weight: Option<&Tensor>,
        bias: Option<&Tensor>,
        eps: f64,
    ) -> Result<Self> {
        let (dims, expected) = (input.shape(), shape::from_sizes(normalized)?);
        if expected.is_empty() || !dims.ends_with(&expected) {
            return Err(Error::shape(
                format!("the last dimensions of {:?} are not the normalized shape {normalized:?}", &dims[..]),
                &[&dims, &expected],
            ));
        }
        for (name, tensor) in [("weight", weight), ("bias", bias)] {
            let Some(tensor) = tensor else { continue };
            if tensor.shape() != expected {
                return Err(Error::shape(
                    format!("the {name} of shape {:?} must have the normalized shape {normalized:?}", tensor.dims()),
                    &[&tensor.dims(), &expected],
                ));
            }
            if tensor.dtype() != input.dtype() {
                return Err(Error::dtype(
                    format!("the {name} of {} must have the dtype of the input, {}", tensor.dtype(), input.dtype()),
                    &[tensor.dtype(), input.dtype()],
                ));
            }
            same_device(&[input, tensor])?;
        }
        Ok(Self { center, normalized: normalized.to_vec(), size: expected.iter().product(), eps, rank: dims.len() })
    }

    fn fused_grad(
        &self,
        x: &Tensor,
        weight: Option<&Tensor>,
        grad: &Tensor,
        mean: &Value,
        rstd: &Value,
    ) -> Result<[Tensor; 3]> {
        let weight = weight.map(Tensor::value);
        let [dx, dweight, dbias] =
            compute::row_norm_grad(&grad.value(), &x.value(), mean, rstd, self.size, self.center, weight.as_ref())?;
        let shaped = |value: Value| value.with_dims(&shape::from_sizes(&self.normalized)?);
        Ok([Tensor::from_value(dx), Tensor::from_value(shaped(dweight)?), Tensor::from_value(shaped(dbias)?)])
    }

    fn composed_grad(&self, x: &Tensor, weight: Option<&Tensor>, grad: &Tensor) -> Result<[Tensor; 3]> {
        let leading = self.rank - self.normalized.len();
        let own: Vec<i64> = (leading..self.rank).map(|dim| dim as i64).collect();
        let [dx, along] = composed_grad(x, weight, grad, &own, self.center, self.eps)?;
        let rows: usize = x.shape()[..leading].iter().product();
        let by_rows = |tensor: &Tensor| -> Result<Tensor> {
            let flat = reshape(tensor, &[vec![rows as i64], self.normalized.clone()].concat())?;
            sum(&flat, Some(&[0]), false, None)
        };
        Ok([dx, by_rows(&along)?, by_rows(grad)?])
    }
}

/// The gradient of `x` in `(x - center) / sqrt(mean square + eps) · weight` by recorded operations, and the products of
/// `grad` with the normal elements. The elements along the dimensions `over` share a center; `weight` broadcasts.
pub(super) fn composed_grad(
    x: &Tensor,
    weight: Option<&Tensor>,
    grad: &Tensor,
    over: &[i64],
    center: Center,
    eps: f64,
) -> Result<[Tensor; 2]> {
    let over_own = |tensor: &Tensor| mean(tensor, Some(over), true, None);
    let (centered, spread) = match center {
        Center::Mean => (sub(x, &over_own(x)?)?, var(x, Some(over), 0.0, true)?),
        Center::Zero => (x.clone(), over_own(&square(x)?)?),
    };
    let rstd = rsqrt(&add(&spread, &number(eps))?)?;
    let normal = mul(&centered, &rstd)?;
    let scaled = weight.map_or_else(|| Ok(grad.clone()), |weight| mul(grad, weight))?;
    let along = mul(&normal, &over_own(&mul(&scaled, &normal)?)?)?;
    let level = match center {
        Center::Mean => sub(&scaled, &over_own(&scaled)?)?,
        Center::Zero => scaled,
    };
    Ok([mul(&rstd, &sub(&level, &along)?)?, mul(grad, &normal)?])
}
