//! Attention.

use super::common::{number, same_device, sizes, sum_to};
use super::{
    add, amax, detach, eq, expand, masked_fill, matmul, mul, reshape, softmax, sub, sum, to_dtype, transpose, unsqueeze,
};
use crate::autograd::{self, Saved};
use crate::compute::{self, AttentionOptions};
use crate::random::or_default;
use crate::shape::Dims;
use crate::value::Value;
use crate::{DType, Device, Error, Generator, Result, Tensor, autocast, shape};

/// Attention: `softmax(scale · query × keyᵀ + attn_mask) × value`, over the last two dimensions.
///
/// Shapes `[…, L, E]`, `[…, S, E]`, `[…, S, Ev]` → `[…, L, Ev]`; leading dimensions broadcast. The mask
/// broadcasts to `[…, L, S]`: one of bools is true where a key takes part, one of numbers is added. With
/// `is_causal` query `i` takes keys up to `i`. A query that takes no key gets zeros. `scale` is `1 / √E`
/// where it is not given. `dropout_p` is the probability that a weight is dropped. With `enable_gqa` key
/// and value have fewer heads (the dimension before `L`), each shared by as many neighbours in `query`.
/// Differentiable with respect to query, key, value and a mask of numbers. Source: Vaswani and others, 2017;
/// blocks as in Dao and others, 2022.
///
/// # Defaults
/// attn_mask = None, dropout_p = 0.0, is_causal = False, scale = None, enable_gqa = False, generator = None
///
/// # Errors
/// `Shape` when the shapes do not fit, `DType` when the dtypes differ or are not floating, and for a mask that
/// is neither of bools nor of floats; `InvalidArgument` for a mask together with `is_causal`, and for a
/// `dropout_p` that is not within `[0, 1]`.
///
/// # PyTorch
/// `torch.nn.functional.scaled_dot_product_attention`
///
/// # Examples
/// ```python
/// >>> q, k = cf.tensor([[1.0, 0.0]]), cf.tensor([[1.0, 0.0], [0.0, 1.0]])
/// >>> cf.scaled_dot_product_attention(q, k, cf.tensor([[1.0], [0.0]]), scale=1.0)
/// tensor([[0.7311]])
/// ```
#[expect(clippy::too_many_arguments, reason = "PyTorch's arguments")]
pub fn scaled_dot_product_attention(
    query: &Tensor,
    key: &Tensor,
    value: &Tensor,
    attn_mask: Option<&Tensor>,
    dropout_p: f64,
    is_causal: bool,
    scale: Option<f64>,
    enable_gqa: bool,
    generator: Option<&Generator>,
) -> Result<Tensor> {
    if let Some(cast) = autocast::enter(autocast::LOWER, &[query]) {
        return scaled_dot_product_attention(
            &cast.of(query)?,
            &cast.of(key)?,
            &cast.of(value)?,
            cast.optional(attn_mask)?.as_ref(),
            dropout_p,
            is_causal,
            scale,
            enable_gqa,
            generator,
        );
    }
    check_kinds(query, key, value, attn_mask)?;
    if is_causal && attn_mask.is_some() {
        return Err(Error::argument("a mask and is_causal are not given together; add the causal part to the mask"));
    }
    if !(0.0..=1.0).contains(&dropout_p) {
        let message = format!("dropout_p is a probability and must be within 0 to 1, and is {dropout_p}");
        return Err(Error::argument(message));
    }
    let plan = Plan::new(query, key, value, enable_gqa)?;
    let query = plan.four(query, plan.heads)?;
    let [key, value] = [plan.shared(key, enable_gqa)?, plan.shared(value, enable_gqa)?];
    let (q, k) = (query.shape(), key.shape());
    let scores = [q[0], q[1], q[2], k[2]];
    let mask = attn_mask.map(|mask| plan.mask(mask, q[2], k[2])).transpose()?;
    let dropout = if dropout_p > 0.0 {
        // A generator gives a number to each weight, also where none of them is kept in memory.
        Some((or_default(generator).draw_on(shape::num_elements(&scores)?, query.device())?, dropout_p))
    } else {
        None
    };
    let options = AttentionOptions {
        scale: scale.unwrap_or_else(|| 1.0 / (q[3] as f64).sqrt()),
        causal: is_causal,
        mask: mask.as_ref().map(Tensor::value),
        dropout,
    };
    let result = attention(&query, &key, &value, mask.as_ref(), options)?;
    let mut dims = sizes(&plan.batch);
    dims.extend([q[2] as i64, value.shape()[3] as i64]);
    if dims.len() == 4 { Ok(result) } else { reshape(&result, &dims) }
}

/// Attention of four dimensions, where `options` has the value of the mask.
fn attention(
    query: &Tensor,
    key: &Tensor,
    value: &Tensor,
    mask: Option<&Tensor>,
    options: AttentionOptions,
) -> Result<Tensor> {
    let values = [query.value(), key.value(), value.value()];
    let [out, statistics] = compute::attention(values.each_ref(), &options)?;
    let name = "scaled_dot_product_attention";
    if let Some(mask) = mask.filter(|mask| mask.dtype().is_float()) {
        return Tensor::record_with_output(name, out, [query, key, value, mask], || {
            let saved = Kept::new(query, key, value, Some(mask), statistics, options);
            move |grad, context| {
                if autograd::is_enabled() || context.needs(3) {
                    let ([dq, dk, dv], dmask) = saved.composed_grad(grad)?;
                    return Ok([Some(dq), Some(dk), Some(dv), dmask]);
                }
                let [dq, dk, dv] = saved.fused_grad(grad, &context.output()?)?;
                Ok([Some(dq), Some(dk), Some(dv), None])
            }
        });
    }
    Tensor::record_with_output(name, out, [query, key, value], || {
        let saved = Kept::new(query, key, value, mask, statistics, options);
        move |grad, context| {
            let [dq, dk, dv] = if autograd::is_enabled() {
                saved.composed_grad(grad)?.0
            } else {
                saved.fused_grad(grad, &context.output()?)?
            };
            Ok([Some(dq), Some(dk), Some(dv)])
        }
    })
}

/// What the gradient needs.
struct Kept {
    inputs: [Saved; 3],
    mask: Option<Saved>,
    statistics: Value,
    options: AttentionOptions,
}

impl Kept {
    fn new(
        query: &Tensor,
        key: &Tensor,
        value: &Tensor,
        mask: Option<&Tensor>,
        statistics: Value,
        options: AttentionOptions,
    ) -> Self {
        let inputs = [query, key, value].map(Saved::new);
        Self { inputs, mask: mask.map(Saved::new), statistics, options }
    }

    fn inputs(&self) -> Result<[&Tensor; 3]> {
        let [query, key, value] = &self.inputs;
        Ok([query.get()?, key.get()?, value.get()?])
    }

    fn fused_grad(&self, grad: &Tensor, out: &Tensor) -> Result<[Tensor; 3]> {
        let values = self.inputs()?.map(Tensor::value);
        // Fails when the mask, whose value the options have, was changed in place.
        self.mask.as_ref().map(Saved::get).transpose()?;
        let gradients =
            compute::attention_grad(&grad.value(), &out.value(), &self.statistics, values.each_ref(), &self.options)?;
        Ok(gradients.map(Tensor::from_value))
    }

    /// The gradients of query, key and value, and of a mask of numbers, from recorded operations on the matrix of
    /// all weights.
    fn composed_grad(&self, grad: &Tensor) -> Result<([Tensor; 3], Option<Tensor>)> {
        let [query, key, value] = self.inputs()?;
        let mask = self.mask.as_ref().map(Saved::get).transpose()?;
        let own = query.dtype();
        let wide = own.wide();
        let heads = query.shape()[1];
        let widened = |tensor: &Tensor| to_dtype(tensor, wide);
        let shared = |tensor: &Tensor| repeat_heads(&widened(tensor)?, heads);
        let (q, k, v, grad) = (widened(query)?, shared(key)?, shared(value)?, widened(grad)?);
        let scale = number(self.options.scale);
        let weights = self.weights(&q, &k, mask)?;
        let kept = self.kept(&weights.shape(), wide, query.device())?;
        let keep = |tensor: Tensor| kept.as_ref().map_or(Ok(tensor.clone()), |kept| mul(&tensor, kept));
        let turned = |tensor: &Tensor| transpose(tensor, -2, -1);
        let dv = matmul(&turned(&keep(weights.clone())?)?, &grad)?;
        let slopes = keep(matmul(&grad, &turned(&v)?)?)?;
        let along = sum(&mul(&slopes, &weights)?, Some(&[-1]), true, None)?;
        let slopes = mul(&weights, &sub(&slopes, &along)?)?;
        let dq = mul(&matmul(&slopes, &k)?, &scale)?;
        let dk = mul(&matmul(&turned(&slopes)?, &q)?, &scale)?;
        let narrowed = |tensor: &Tensor, model: &Tensor| to_dtype(&sum_heads(tensor, model.shape()[1])?, own);
        let dmask = match mask {
            Some(mask) if mask.dtype().is_float() => Some(to_dtype(&sum_to(&slopes, &mask.shape())?, mask.dtype())?),
            _ => None,
        };
        Ok(([narrowed(&dq, query)?, narrowed(&dk, key)?, narrowed(&dv, value)?], dmask))
    }

    /// The weights before any is dropped; zeros for a query that takes no key.
    fn weights(&self, query: &Tensor, key: &Tensor, mask: Option<&Tensor>) -> Result<Tensor> {
        let dtype = query.dtype();
        let mut scores = mul(&matmul(query, &transpose(key, -2, -1)?)?, &number(self.options.scale))?;
        if let Some(mask) = mask {
            let mask = if mask.dtype().is_float() {
                to_dtype(mask, dtype)?
            } else {
                Tensor::from_value(compute::additive_mask(&mask.value(), dtype)?)
            };
            scores = add(&scores, &mask)?;
        }
        let shut = number(f64::NEG_INFINITY);
        if self.options.causal {
            let dims = scores.shape();
            let (rows, columns) = (dims[2], dims[3]);
            let above = compute::from_fn(&[rows, columns], DType::Bool, |at| u8::from(at % columns > at / columns))?;
            scores = masked_fill(&scores, &Tensor::from_value(above.send_to(query.device())?), &shut)?;
        }
        if scores.num_elements() == 0 {
            return Ok(scores);
        }
        let none = eq(&amax(&detach(&scores)?, Some(&[-1]), true)?, &shut)?;
        let zero = number(0.0);
        masked_fill(&softmax(&masked_fill(&scores, &none, &zero)?, -1, None)?, &none, &zero)
    }

    /// What the weights are multiplied with when some are dropped.
    fn kept(&self, dims: &[usize], dtype: DType, device: Device) -> Result<Option<Tensor>> {
        let Some((draws, p)) = self.options.dropout.clone() else { return Ok(None) };
        let scale = if p < 1.0 { 1.0 / (1.0 - p) } else { 0.0 };
        Ok(Some(Tensor::from_value(compute::noise(draws, dims, dtype, device, 1.0 - p, (scale, 0.0))?)))
    }
}

/// Each head as often as makes `heads` of them.
fn repeat_heads(tensor: &Tensor, heads: usize) -> Result<Tensor> {
    let dims = tensor.shape();
    if dims[1] == heads {
        return Ok(tensor.clone());
    }
    let [batch, own, length, width] = [dims[0], dims[1], dims[2], dims[3]].map(|size| size as i64);
    let repeated = expand(&unsqueeze(tensor, 2)?, &[batch, own, heads as i64 / own, length, width])?;
    reshape(&repeated, &[batch, heads as i64, length, width])
}

/// The sum over the heads that one of `heads` was repeated to.
fn sum_heads(tensor: &Tensor, heads: usize) -> Result<Tensor> {
    let dims = tensor.shape();
    if dims[1] == heads {
        return Ok(tensor.clone());
    }
    let [batch, repeated, length, width] = [dims[0], dims[1], dims[2], dims[3]].map(|size| size as i64);
    let groups = reshape(tensor, &[batch, heads as i64, repeated / heads as i64, length, width])?;
    sum(&groups, Some(&[2]), false, None)
}

/// How inputs of any rank become four dimensions.
struct Plan {
    /// The leading dimensions of the result.
    batch: Dims,
    /// The last of them, and as many heads as key and value have.
    heads: usize,
    kv_heads: usize,
}

impl Plan {
    fn new(query: &Tensor, key: &Tensor, value: &Tensor, gqa: bool) -> Result<Self> {
        let all = [query.shape(), key.shape(), value.shape()];
        let [q, k, v] = &all;
        let wrong = |message: &str| {
            let shapes = format!("query {:?}, key {:?} and value {:?}", &q[..], &k[..], &v[..]);
            Error::shape(format!("{shapes} {message}"), &[q, k, v])
        };
        let least = if gqa { 3 } else { 2 };
        if all.iter().any(|dims| dims.len() < least) {
            return Err(wrong(if gqa {
                "must have at least three dimensions for enable_gqa"
            } else {
                "must have at least two dimensions"
            }));
        }
        let tail = |dims: &Dims| [dims[dims.len() - 2], dims[dims.len() - 1]];
        if tail(q)[1] != tail(k)[1] {
            return Err(wrong("do not fit: the last sizes of query and key differ"));
        }
        if tail(k)[0] != tail(v)[0] {
            return Err(wrong("do not fit: key and value differ in length"));
        }
        let lead = |dims: &Dims| Dims::from_slice(&dims[..dims.len() - least]);
        let together = |a: &[usize], b: &[usize]| {
            shape::broadcast(a, b).map_err(|_| wrong("do not fit: their leading dimensions do not broadcast"))
        };
        let mut batch = together(&together(&lead(q), &lead(k))?, &lead(v))?;
        let head = |dims: &Dims| dims[dims.len() - 3];
        let mut kv_heads = 1;
        if gqa {
            let heads = head(q);
            if [head(k), head(v)].iter().any(|&own| own == 0 || !heads.is_multiple_of(own)) {
                return Err(wrong("do not fit: the heads of key and value must divide those of query"));
            }
            kv_heads = if head(k) == head(v) { head(k) } else { heads };
            batch.push(heads);
        }
        let heads = batch.last().copied().unwrap_or(1);
        Ok(Self { batch, heads, kv_heads: if gqa { kv_heads } else { heads } })
    }

    /// An input of so many heads as `[batch, heads, length, width]`.
    fn four(&self, input: &Tensor, heads: usize) -> Result<Tensor> {
        let dims = input.shape();
        let tail = &dims[dims.len() - 2..];
        let mut input = input.clone();
        let mut full = self.batch.clone();
        if let Some(last) = full.last_mut() {
            *last = heads;
        }
        full.extend_from_slice(tail);
        if full != dims {
            input = expand(&input, &sizes(&full))?;
        }
        while input.rank() < 4 {
            input = unsqueeze(&input, 0)?;
        }
        if input.rank() == 4 {
            return Ok(input);
        }
        let outer: usize = self.batch[..self.batch.len() - 1].iter().product();
        reshape(&input, &sizes(&[outer, heads, tail[0], tail[1]]))
    }

    /// Keys or values, with as many heads as the kernel is to share.
    fn shared(&self, input: &Tensor, gqa: bool) -> Result<Tensor> {
        if !gqa {
            return self.four(input, self.heads);
        }
        let dims = input.shape();
        let four = self.four(input, dims[dims.len() - 3])?;
        if self.kv_heads == self.heads { repeat_heads(&four, self.heads) } else { Ok(four) }
    }

    /// A mask that broadcasts to `[batch, heads, queries, keys]`.
    fn mask(&self, mask: &Tensor, queries: usize, keys: usize) -> Result<Tensor> {
        let mut full = self.batch.clone();
        full.extend_from_slice(&[queries, keys]);
        let own = mask.shape();
        if !shape::broadcast(&own, &full).is_ok_and(|both| both == full) {
            let message =
                format!("attn_mask of shape {:?} does not broadcast to the scores, {:?}", &own[..], &full[..]);
            return Err(Error::shape(message, &[&own, &full]));
        }
        if full.len() <= 4 {
            return Ok(mask.clone());
        }
        let outer: usize = self.batch[..self.batch.len() - 1].iter().product();
        reshape(&expand(mask, &sizes(&full))?, &sizes(&[outer, self.heads, queries, keys]))
    }
}

fn check_kinds(query: &Tensor, key: &Tensor, value: &Tensor, mask: Option<&Tensor>) -> Result<()> {
    let dtypes = [query.dtype(), key.dtype(), value.dtype()];
    let [own, ..] = dtypes;
    if dtypes.iter().any(|&dtype| dtype != own) || !own.is_float() || own == DType::Float8E4M3 {
        let [query, key, value] = dtypes;
        return Err(Error::dtype(
            format!("query, key and value must have one floating dtype, and have {query}, {key} and {value}"),
            &dtypes,
        ));
    }
    if let Some(mask) = mask.filter(|mask| ![DType::Bool, DType::Float32, own].contains(&mask.dtype())) {
        return Err(Error::dtype(
            format!("attn_mask must be bool, float32 or {own} like the query, and is {}", mask.dtype()),
            &[mask.dtype(), own],
        ));
    }
    let inputs: Vec<&Tensor> = [Some(query), Some(key), Some(value), mask].into_iter().flatten().collect();
    same_device(&inputs)
}
