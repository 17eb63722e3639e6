//! Attention of several heads, with its projections.

use super::common::{number, sizes};
use super::index::zeros_for;
use super::{
    add, cat, dropout, expand, linear, masked_fill, matmul, mean, mul, narrow, permute, reshape,
    scaled_dot_product_attention, softmax, squeeze, transpose, unsqueeze, zeros_like,
};
use crate::results::AttentionAndWeights;
use crate::{DType, Error, Generator, Result, Tensor};

/// Attention of several heads: projections of query, key and value, attention in each head, a projection back.
///
/// Shapes `[L, N, E]`, `[S, N, Ek]`, `[S, N, Ev]` → `[L, N, E]`, or without `N`; with `batch_first`, `N` comes
/// first. `in_proj_weight` `[3E, E]` holds the three projections; with `use_separate_proj_weight` the other
/// three weights do. `in_proj_bias` is `[3E]`. Masks are true where a key is *not* taken, or are added:
/// `key_padding_mask` `[N, S]`, `attn_mask` `[L, S]` or `[N·num_heads, L, S]`. With `is_causal`, the mask that is
/// given must be the causal one, and need not be read. `bias_k` and `bias_v` `[1, 1, E]` are one more key and
/// value, as are zeros with `add_zero_attn`; `static_k` and `static_v` `[N·num_heads, S, E / num_heads]` stand
/// for projected ones. Dropout acts on the weights in training. With `need_weights` the weights come too,
/// `[N, L, S]`, or `[N, num_heads, L, S]` unless they are averaged; else they have no elements. Differentiable.
/// Source: Vaswani and others, 2017.
///
/// # Defaults
/// training = True, key_padding_mask = None, need_weights = True, attn_mask = None,
/// use_separate_proj_weight = False, q_proj_weight = None, k_proj_weight = None, v_proj_weight = None,
/// static_k = None, static_v = None, average_attn_weights = True, is_causal = False, batch_first = False,
/// generator = None
///
/// # Errors
/// `Shape` when shapes do not fit, `InvalidArgument` when `num_heads` does not divide `E`, a weight is missing, or
/// `is_causal` comes without a mask; `DType` for masks that are neither bool nor floating.
///
/// # PyTorch
/// `torch.nn.functional.multi_head_attention_forward`
#[expect(clippy::too_many_arguments, reason = "PyTorch's arguments")]
pub fn multi_head_attention_forward(
    query: &Tensor,
    key: &Tensor,
    value: &Tensor,
    embed_dim_to_check: i64,
    num_heads: i64,
    in_proj_weight: Option<&Tensor>,
    in_proj_bias: Option<&Tensor>,
    bias_k: Option<&Tensor>,
    bias_v: Option<&Tensor>,
    add_zero_attn: bool,
    dropout_p: f64,
    out_proj_weight: &Tensor,
    out_proj_bias: Option<&Tensor>,
    training: bool,
    key_padding_mask: Option<&Tensor>,
    need_weights: bool,
    attn_mask: Option<&Tensor>,
    use_separate_proj_weight: bool,
    q_proj_weight: Option<&Tensor>,
    k_proj_weight: Option<&Tensor>,
    v_proj_weight: Option<&Tensor>,
    static_k: Option<&Tensor>,
    static_v: Option<&Tensor>,
    average_attn_weights: bool,
    is_causal: bool,
    batch_first: bool,
    generator: Option<&Generator>,
) -> Result<AttentionAndWeights> {
    let given = [query, key, value];
    let batched = check_ranks(given, key_padding_mask, attn_mask)?;
    if !batched {
        let one = |tensor: &Tensor| unsqueeze(tensor, 1);
        // One tensor for all stays one, which saves projections.
        let query_ = one(query)?;
        let key_ = if same(key, query) { query_.clone() } else { one(key)? };
        let value_ = if same(value, key) { key_.clone() } else { one(value)? };
        let padding = key_padding_mask.map(|mask| unsqueeze(mask, 0)).transpose()?;
        let result = multi_head_attention_forward(
            &query_,
            &key_,
            &value_,
            embed_dim_to_check,
            num_heads,
            in_proj_weight,
            in_proj_bias,
            bias_k,
            bias_v,
            add_zero_attn,
            dropout_p,
            out_proj_weight,
            out_proj_bias,
            training,
            padding.as_ref(),
            need_weights,
            attn_mask,
            use_separate_proj_weight,
            q_proj_weight,
            k_proj_weight,
            v_proj_weight,
            static_k,
            static_v,
            average_attn_weights,
            is_causal,
            false,
            generator,
        )?;
        let weights = if need_weights { squeeze(&result.weights, Some(&[0]))? } else { result.weights };
        return Ok(AttentionAndWeights { output: squeeze(&result.output, Some(&[1]))?, weights });
    }
    let heads = Heads::new(given, embed_dim_to_check, num_heads, batch_first, use_separate_proj_weight)?;
    if is_causal && attn_mask.is_none() {
        return Err(Error::argument("is_causal says what attn_mask is, and there is none"));
    }
    let projected = if use_separate_proj_weight {
        let weights = [q_proj_weight, k_proj_weight, v_proj_weight];
        let [Some(q), Some(k), Some(v)] = weights else {
            return Err(Error::argument(
                "use_separate_proj_weight needs q_proj_weight, k_proj_weight and v_proj_weight",
            ));
        };
        heads.separate(given, [q.clone(), k.clone(), v.clone()], in_proj_bias)?
    } else {
        let weight = in_proj_weight
            .ok_or_else(|| Error::argument("in_proj_weight is missing, and use_separate_proj_weight is not set"))?;
        heads.packed(given, weight, in_proj_bias)?
    };
    // From here on with masks that are added or of bools that are true where a key takes part.
    let causal = is_causal && key_padding_mask.is_none() && !need_weights;
    let mut masks = Masks::new(if causal { None } else { attn_mask }, key_padding_mask, &heads)?;
    let [q, mut k, mut v] = projected;
    match (bias_k, bias_v) {
        (None, None) => {}
        (Some(bias_k), Some(bias_v)) => {
            if static_k.is_some() || static_v.is_some() {
                return Err(Error::argument("bias_k and bias_v are not added to static_k and static_v"));
            }
            (k, v) = (heads.with_bias(&k, bias_k)?, heads.with_bias(&v, bias_v)?);
            masks.widen()?;
        }
        _ => return Err(Error::argument("bias_k and bias_v are given together")),
    }
    let q = heads.split(&q)?;
    let mut k = static_k.map_or_else(|| heads.split(&k), |given| heads.own("static_k", given))?;
    let mut v = static_v.map_or_else(|| heads.split(&v), |given| heads.own("static_v", given))?;
    if add_zero_attn {
        (k, v) = (with_zeros(&k)?, with_zeros(&v)?);
        masks.widen()?;
    }
    let mask = masks.together(&heads, k.shape()[2], q.dtype())?;
    let p = if training { dropout_p } else { 0.0 };
    if !need_weights {
        let attended = scaled_dot_product_attention(&q, &k, &v, mask.as_ref(), p, causal, None, false, generator)?;
        let output = heads.join(&attended, out_proj_weight, out_proj_bias)?;
        return Ok(AttentionAndWeights { output, weights: zeros_for(query, &[0])? });
    }
    let scaled = mul(&q, &number(1.0 / (heads.width as f64).sqrt()))?;
    let mut scores = matmul(&scaled, &transpose(&k, -2, -1)?)?;
    if let Some(mask) = mask {
        scores = if mask.dtype() == DType::Bool {
            masked_fill(&scores, &super::logical_not(&mask)?, &number(f64::NEG_INFINITY))?
        } else {
            add(&scores, &mask)?
        };
    }
    let weights = dropout(&softmax(&scores, -1, None)?, p, true, generator)?;
    let output = heads.join(&matmul(&weights, &v)?, out_proj_weight, out_proj_bias)?;
    let weights = if average_attn_weights { mean(&weights, Some(&[1]), false, None)? } else { weights };
    Ok(AttentionAndWeights { output, weights })
}

/// Whether two are one tensor.
fn same(a: &Tensor, b: &Tensor) -> bool {
    std::ptr::eq(a.inner(), b.inner())
}

/// Whether the inputs have a batch dimension.
fn check_ranks(inputs: [&Tensor; 3], padding: Option<&Tensor>, mask: Option<&Tensor>) -> Result<bool> {
    let [query, key, value] = inputs.map(Tensor::shape);
    let rank = query.len();
    if !(2..=3).contains(&rank) || key.len() != rank || value.len() != rank {
        return Err(Error::shape(
            format!(
                "query {:?}, key {:?} and value {:?} must all have two dimensions, or three with a batch",
                &query[..],
                &key[..],
                &value[..]
            ),
            &[&query, &key, &value],
        ));
    }
    if let Some(padding) = padding.filter(|padding| padding.rank() != rank - 1) {
        let message = format!("key_padding_mask must have {} dimensions, and has shape {:?}", rank - 1, padding.dims());
        return Err(Error::shape(message, &[&padding.dims()]));
    }
    if let Some(mask) = mask.filter(|mask| !(2..=3).contains(&mask.rank())) {
        let message = format!("attn_mask must have two or three dimensions, and has shape {:?}", mask.dims());
        return Err(Error::shape(message, &[&mask.dims()]));
    }
    Ok(rank == 3)
}

/// Sizes of the heads, and the way there and back.
struct Heads {
    batch: usize,
    count: usize,
    width: usize,
    queries: usize,
    keys: usize,
    batch_first: bool,
}

impl Heads {
    fn new(inputs: [&Tensor; 3], embed_dim: i64, heads: i64, batch_first: bool, separate: bool) -> Result<Self> {
        let [query, key, value] = inputs.map(Tensor::shape);
        let (length, batch) = if batch_first { (1, 0) } else { (0, 1) };
        let wrong = |message: String| Err(Error::shape(message, &[&query, &key, &value]));
        if query[2] as i64 != embed_dim {
            return wrong(format!("the last size of query {:?} must be embed_dim, {embed_dim}", &query[..]));
        }
        if heads < 1 || embed_dim % heads != 0 {
            return Err(Error::argument(format!("num_heads {heads} must divide embed_dim {embed_dim}")));
        }
        let differ = if separate { key[..2] != value[..2] } else { key != value };
        if differ || key[batch] != query[batch] {
            return wrong(format!("query {:?}, key {:?} and value {:?} do not fit", &query[..], &key[..], &value[..]));
        }
        Ok(Self {
            batch: query[batch],
            count: heads as usize,
            width: query[2] / heads as usize,
            queries: query[length],
            keys: key[length],
            batch_first,
        })
    }

    fn embedding(&self) -> usize {
        self.count * self.width
    }

    /// Projections by one weight; equal inputs share a product.
    fn packed(&self, inputs: [&Tensor; 3], weight: &Tensor, bias: Option<&Tensor>) -> Result<[Tensor; 3]> {
        let size = self.embedding() as i64;
        let [query, key, value] = inputs;
        let fits = weight.shape().as_slice() == [3 * size as usize, size as usize];
        if !fits || bias.is_some_and(|bias| bias.shape().as_slice() != [3 * size as usize]) {
            let message = format!("in_proj_weight must be [{}, {size}] and is {:?}", 3 * size, weight.dims());
            return Err(Error::shape(message, &[&weight.dims()]));
        }
        let part = |tensor: &Tensor, first: i64, count: i64| narrow(tensor, 0, first * size, count * size);
        let bias_part = |first: i64, count: i64| bias.map(|bias| part(bias, first, count)).transpose();
        if same(query, key) && same(key, value) {
            let [q, k, v] = unpack::<3>(&linear(query, weight, bias)?)?;
            return Ok([q, k, v]);
        }
        if same(key, value) {
            let q = linear(query, &part(weight, 0, 1)?, bias_part(0, 1)?.as_ref())?;
            let [k, v] = unpack::<2>(&linear(key, &part(weight, 1, 2)?, bias_part(1, 2)?.as_ref())?)?;
            return Ok([q, k, v]);
        }
        self.separate(inputs, [part(weight, 0, 1)?, part(weight, 1, 1)?, part(weight, 2, 1)?], bias)
    }

    fn separate(&self, inputs: [&Tensor; 3], weights: [Tensor; 3], bias: Option<&Tensor>) -> Result<[Tensor; 3]> {
        let size = self.embedding() as i64;
        let project = |at: usize| -> Result<Tensor> {
            let bias = bias.map(|bias| narrow(bias, 0, at as i64 * size, size)).transpose()?;
            linear(inputs[at], &weights[at], bias.as_ref())
        };
        let projected = [project(0)?, project(1)?, project(2)?];
        if let Some(wrong) = projected.iter().find(|tensor| tensor.shape()[2] as i64 != size) {
            let message = format!("projections must have {size} features, and one gives {:?}", wrong.dims());
            return Err(Error::shape(message, &[&wrong.dims()]));
        }
        Ok(projected)
    }

    /// One more key or value for each batch.
    fn with_bias(&self, projected: &Tensor, bias: &Tensor) -> Result<Tensor> {
        let [batch, size] = [self.batch, self.embedding()].map(|size| size as i64);
        let dims = if self.batch_first { [batch, 1, size] } else { [1, batch, size] };
        cat(&[projected, &expand(bias, &dims)?], i64::from(self.batch_first))
    }

    /// `[batch, heads, length, width]`, a view.
    fn split(&self, projected: &Tensor) -> Result<Tensor> {
        let dims = projected.shape();
        let parts = reshape(projected, &sizes(&[dims[0], dims[1], self.count, self.width]))?;
        permute(&parts, if self.batch_first { &[0, 2, 1, 3] } else { &[1, 2, 0, 3] })
    }

    /// Keys or values that were given per head.
    fn own(&self, name: &str, given: &Tensor) -> Result<Tensor> {
        let dims = given.shape();
        match dims.as_slice() {
            &[all, length, width] if all == self.batch * self.count && width == self.width => {
                reshape(given, &sizes(&[self.batch, self.count, length, width]))
            }
            _ => Err(Error::shape(
                format!("{name} must be [{}, S, {}], and is {:?}", self.batch * self.count, self.width, &dims[..]),
                &[&dims],
            )),
        }
    }

    /// The heads side by side again, and the last projection.
    fn join(&self, attended: &Tensor, weight: &Tensor, bias: Option<&Tensor>) -> Result<Tensor> {
        let rows = permute(attended, if self.batch_first { &[0, 2, 1, 3] } else { &[2, 0, 1, 3] })?;
        let [outer, inner] = if self.batch_first { [self.batch, self.queries] } else { [self.queries, self.batch] };
        linear(&reshape(&rows, &sizes(&[outer, inner, self.embedding()]))?, weight, bias)
    }
}

/// Equal parts of the last dimension, with one gradient for all of them. They are views whose storage nobody
/// else sees.
fn unpack<const N: usize>(packed: &Tensor) -> Result<[Tensor; N]> {
    let (value, last) = (packed.value(), packed.rank() - 1);
    let size = packed.shape()[last] / N;
    let mut parts = Vec::with_capacity(N);
    for at in 0..N {
        parts.push(crate::value::Value::new(value.array.narrow(last, at * size, size)?, value.dtype));
    }
    let parts: [_; N] = parts.try_into().map_err(|_| Error::internal("parts of a projection"))?;
    Tensor::record_outputs("unpack", parts, &[packed], || {
        let mut dims = packed.dims();
        dims[last] = size;
        move |grads, _| {
            let model = grads.iter().flatten().next().ok_or_else(|| Error::internal("a rule without gradients"))?;
            let none = || zeros_for(model, &dims);
            let parts: Vec<Tensor> =
                grads.iter().map(|grad| grad.clone().map_or_else(none, Ok)).collect::<Result<_>>()?;
            let parts: Vec<&Tensor> = parts.iter().collect();
            Ok(smallvec::smallvec![Some(cat(&parts, last as i64)?)])
        }
    })
}

/// A key or value of zeros after the others of each head.
fn with_zeros(heads: &Tensor) -> Result<Tensor> {
    let mut dims = heads.shape();
    dims[2] = 1;
    cat(&[heads, &zeros_for(heads, &dims)?], 2)
}

/// The two masks, in the meaning of their givers: of bools, true where a key is not taken.
struct Masks {
    /// `[1, L, S]` or `[N, heads, L, S]`.
    own: Option<Tensor>,
    /// `[N, S]`.
    padding: Option<Tensor>,
}

impl Masks {
    fn new(mask: Option<&Tensor>, padding: Option<&Tensor>, heads: &Heads) -> Result<Self> {
        for (name, mask) in [("attn_mask", mask), ("key_padding_mask", padding)] {
            if let Some(mask) = mask.filter(|mask| mask.dtype() != DType::Bool && !mask.dtype().is_float()) {
                let message = format!("{name} must be bool or floating, and is {}", mask.dtype());
                return Err(Error::dtype(message, &[mask.dtype()]));
            }
        }
        let Heads { batch, count, queries, keys, .. } = *heads;
        let own = match mask {
            None => None,
            Some(mask) => {
                let dims = mask.shape();
                let expected: &[usize] =
                    if dims.len() == 2 { &[queries, keys] } else { &[batch * count, queries, keys] };
                if dims.as_slice() != expected {
                    let message = format!("attn_mask must be {expected:?}, and is {:?}", &dims[..]);
                    return Err(Error::shape(message, &[&dims]));
                }
                let four = if dims.len() == 2 { [1, 1, queries, keys] } else { [batch, count, queries, keys] };
                Some(reshape(mask, &sizes(&four))?)
            }
        };
        if let Some(padding) = padding.filter(|padding| padding.shape().as_slice() != [batch, keys]) {
            let message = format!("key_padding_mask must be {:?}, and is {:?}", [batch, keys], padding.dims());
            return Err(Error::shape(message, &[&padding.dims()]));
        }
        Ok(Self { own, padding: padding.cloned() })
    }

    /// One more key, which all take.
    fn widen(&mut self) -> Result<()> {
        for mask in [&mut self.own, &mut self.padding].into_iter().flatten() {
            let mut dims = mask.shape();
            if let Some(last) = dims.last_mut() {
                *last = 1;
            }
            *mask = cat(&[mask, &zeros_for(mask, &dims)?], -1)?;
        }
        Ok(())
    }

    /// One mask for the scores: of bools, true where a key takes part.
    fn together(self, heads: &Heads, keys: usize, dtype: DType) -> Result<Option<Tensor>> {
        let padding = match self.padding {
            None => None,
            Some(mask) if mask.shape()[1] == keys => Some(reshape(&mask, &sizes(&[heads.batch, 1, 1, keys]))?),
            Some(mask) => {
                let message = format!("key_padding_mask {:?} does not fit {keys} keys", mask.dims());
                return Err(Error::shape(message, &[&mask.dims()]));
            }
        };
        match (self.own, padding) {
            (None, None) => Ok(None),
            (Some(mask), None) | (None, Some(mask)) => Ok(Some(meaning(&mask, dtype)?)),
            (Some(own), Some(padding)) if own.dtype() == DType::Bool && padding.dtype() == DType::Bool => {
                Ok(Some(super::logical_not(&super::logical_or(&own, &padding)?)?))
            }
            (Some(own), Some(padding)) => Ok(Some(add(&added(&own, dtype)?, &added(&padding, dtype)?)?)),
        }
    }
}

/// A mask as attention understands it.
fn meaning(mask: &Tensor, dtype: DType) -> Result<Tensor> {
    if mask.dtype() == DType::Bool { super::logical_not(mask) } else { super::to_dtype(mask, dtype) }
}

/// A mask as numbers that are added.
fn added(mask: &Tensor, dtype: DType) -> Result<Tensor> {
    if mask.dtype() != DType::Bool {
        return super::to_dtype(mask, dtype);
    }
    masked_fill(&zeros_like(mask, Some(dtype))?, mask, &number(f64::NEG_INFINITY))
}
