//! Attention without the matrix of its weights.

use super::copy::{cast, contiguous, fill, from_vec};
use super::dispatch::CpuElement;
use super::locked::{Locked, lock};
use super::sample::Draws;
use super::{host, select};
use crate::value::Value;
use crate::{DType, Device, Error, Result, shape};
use candle_ffi_kernels::Strided;
use candle_ffi_kernels::attention::{self as kernels, Inputs, Lanes, Options, RowStrides, Sizes};

/// What an attention does besides the products and the softmax.
#[derive(Clone)]
pub(crate) struct AttentionOptions {
    pub(crate) scale: f64,
    pub(crate) causal: bool,
    /// Of bools (true takes part) or of numbers that are added; its shape broadcasts.
    pub(crate) mask: Option<Value>,
    /// The draws of the weights that are dropped, and their probability.
    pub(crate) dropout: Option<(Draws, f64)>,
}

/// `softmax(scale · q kᵀ + mask) v` for `[batch, heads, queries, width]`, `[batch, kv_heads, keys, width]` and
/// `[batch, kv_heads, keys, value_width]`; and for each query what the gradient needs, the maximum of its scores and the
/// logarithm of the sum of the exponentials of their distances from it.
pub(crate) fn attention(inputs: [&Value; 3], options: &AttentionOptions) -> Result<[Value; 2]> {
    if !host::on_cpu(&inputs) {
        on_cuda!(attention(inputs, options));
        let options = options.on_host()?;
        return host::round_trip("attention", inputs, |[q, k, v]| attention([&q, &k, &v], &options));
    }
    let (dtype, wide) = (inputs[0].dtype, inputs[0].dtype.wide());
    let sizes = sizes(inputs);
    check(sizes, wide)?;
    let order = order(inputs[0]);
    let [query, key, value] = prepared(inputs, wide)?;
    let mask = options.additive(wide, sizes)?;
    let locked = lock([&query, &key, &value, mask.as_ref().unwrap_or(&query)]);
    let out_dims = [sizes.batch, sizes.heads, sizes.queries, sizes.value_width];
    let [out, statistics] = match wide {
        DType::Float64 => forward::<f64>(&locked, wide, sizes, options, mask.is_some(), order, out_dims),
        _ => forward::<f32>(&locked, wide, sizes, options, mask.is_some(), order, out_dims),
    }?;
    Ok([cast(&out, dtype)?, statistics])
}

/// The gradients of query, key and value; `out` and `statistics` are what [`attention`] gave.
pub(crate) fn attention_grad(
    grad: &Value,
    out: &Value,
    statistics: &Value,
    inputs: [&Value; 3],
    options: &AttentionOptions,
) -> Result<[Value; 3]> {
    let [query, key, value] = inputs;
    if !host::on_cpu(&[grad, out, statistics, query, key, value]) {
        on_cuda!(attention_grad(grad, out, statistics, inputs, options));
        let options = options.on_host()?;
        return host::round_trip(
            "attention_grad",
            [grad, out, statistics, query, key, value],
            |[grad, out, statistics, q, k, v]| attention_grad(&grad, &out, &statistics, [&q, &k, &v], &options),
        );
    }
    let (dtype, wide) = (query.dtype, query.dtype.wide());
    let sizes = sizes(inputs);
    check(sizes, wide)?;
    let orders = inputs.map(order);
    let [query, key, value] = prepared(inputs, wide)?;
    let [grad, out] = [rows(grad, wide)?, rows(out, wide)?];
    let mask = options.additive(wide, sizes)?;
    let locked = lock([&query, &key, &value, mask.as_ref().unwrap_or(&query), &grad, &out, statistics]);
    let dims = inputs.map(Value::dims);
    let gradients = match wide {
        DType::Float64 => backward::<f64>(&locked, wide, sizes, options, mask.is_some(), orders, dims),
        _ => backward::<f32>(&locked, wide, sizes, options, mask.is_some(), orders, dims),
    }?;
    let [dq, dk, dv] = gradients;
    Ok([cast(&dq, dtype)?, cast(&dk, dtype)?, cast(&dv, dtype)?])
}

fn forward<T: CpuElement + Lanes>(
    locked: &Locked<'_, 4>,
    dtype: DType,
    sizes: Sizes,
    options: &AttentionOptions,
    masked: bool,
    order: Order,
    out_dims: [usize; 4],
) -> Result<[Value; 2]> {
    let inputs = Inputs { query: locked.strided::<T>(0)?, key: locked.strided(1)?, value: locked.strided(2)? };
    let options = options.for_kernel(if masked { Some(locked.strided::<T>(3)?) } else { None });
    let (out, statistics) = kernels::forward(inputs, sizes, options, row_strides(order, &out_dims));
    Ok([
        laid_out(out, dtype, order, &out_dims)?,
        from_vec(statistics, &[out_dims[0], out_dims[1], out_dims[2], 2], dtype),
    ])
}

fn backward<T: CpuElement + Lanes>(
    locked: &Locked<'_, 7>,
    dtype: DType,
    sizes: Sizes,
    options: &AttentionOptions,
    masked: bool,
    orders: [Order; 3],
    dims: [&[usize]; 3],
) -> Result<[Value; 3]> {
    let inputs = Inputs { query: locked.strided::<T>(0)?, key: locked.strided(1)?, value: locked.strided(2)? };
    let options = options.for_kernel(if masked { Some(locked.strided::<T>(3)?) } else { None });
    let rows = [0, 1, 2].map(|at| row_strides(orders[at], dims[at]));
    let gradients =
        kernels::backward(locked.strided(4)?, locked.strided(5)?, locked.slice(6)?, inputs, sizes, options, rows);
    let [dq, dk, dv] = gradients;
    Ok([
        laid_out(dq, dtype, orders[0], dims[0])?,
        laid_out(dk, dtype, orders[1], dims[1])?,
        laid_out(dv, dtype, orders[2], dims[2])?,
    ])
}

impl AttentionOptions {
    fn on_host(&self) -> Result<Self> {
        let mask = self.mask.as_ref().map(|mask| mask.to_device(Device::CPU)).transpose()?;
        Ok(Self { mask, ..self.clone() })
    }

    /// The mask as what is added to the scores, seen in their shape.
    fn additive(&self, dtype: DType, sizes: Sizes) -> Result<Option<Value>> {
        let Some(mask) = &self.mask else { return Ok(None) };
        let dims = [sizes.batch, sizes.heads, sizes.queries, sizes.keys];
        Ok(Some(additive_mask(mask, dtype)?.broadcast_to(&dims)?))
    }

    fn for_kernel<'a, T: Lanes>(&self, mask: Option<Strided<'a, T>>) -> Options<'a, T> {
        let dropout = self.dropout.as_ref();
        let dropout = dropout.map(|(draws, p)| kernels::Dropout { seed: draws.seed, offset: draws.offset, p: *p });
        Options { scale: T::from_f64(self.scale), causal: self.causal, mask, dropout }
    }
}

/// The numbers that a mask adds to scores: of one of bools, minus infinity where it is false.
pub(crate) fn additive_mask(mask: &Value, dtype: DType) -> Result<Value> {
    if mask.dtype != DType::Bool {
        return cast(mask, dtype);
    }
    let number = |number: f64| fill(number, &[], dtype, mask.device());
    select(mask, &number(0.0)?, &number(f64::NEG_INFINITY)?)
}

/// The order in memory of the first three dimensions, outermost first.
type Order = [usize; 3];

/// Results are laid out as the input that they belong to, so that a transposed view stays the cheap one that it was.
fn order(value: &Value) -> Order {
    let strides = value.array.layout().stride();
    let mut order = [0, 1, 2];
    order.sort_by_key(|&dim| std::cmp::Reverse(strides[dim]));
    order
}

fn row_strides(order: Order, dims: &[usize]) -> RowStrides {
    let mut strides = [0; 3];
    let mut step = dims[3];
    for dim in order.into_iter().rev() {
        strides[dim] = step;
        step *= dims[dim];
    }
    strides
}

/// The value of a vector with these row strides.
fn laid_out<T: CpuElement>(data: Vec<T>, dtype: DType, order: Order, dims: &[usize]) -> Result<Value> {
    let in_memory = [dims[order[0]], dims[order[1]], dims[order[2]], dims[3]];
    let value = from_vec(data, &in_memory, dtype);
    if order == [0, 1, 2] {
        return Ok(value);
    }
    let mut back = [0, 1, 2, 3];
    for (place, dim) in order.into_iter().enumerate() {
        back[dim] = place;
    }
    value.permute(&back)
}

fn sizes([query, key, value]: [&Value; 3]) -> Sizes {
    let [q, k] = [query.dims(), key.dims()];
    Sizes {
        batch: q[0],
        heads: q[1],
        kv_heads: k[1],
        queries: q[2],
        keys: k[2],
        width: q[3],
        value_width: value.dims()[3],
    }
}

fn check(sizes: Sizes, dtype: DType) -> Result<()> {
    let Sizes { batch, heads, kv_heads, queries, keys, width, value_width } = sizes;
    // The statistics of a query are two numbers.
    for dims in [[heads, queries, value_width], [heads, queries, width], [kv_heads, keys, width], [heads, queries, 2]] {
        shape::check_allocation(&[batch, dims[0], dims[1], dims[2]], dtype)?;
    }
    if kv_heads == 0 && heads > 0 {
        return Err(Error::internal("heads without keys"));
    }
    Ok(())
}

/// The inputs with contiguous rows, in the dtype that is computed in.
fn prepared([query, key, value]: [&Value; 3], dtype: DType) -> Result<[Value; 3]> {
    Ok([rows(query, dtype)?, rows(key, dtype)?, rows(value, dtype)?])
}

fn rows(value: &Value, dtype: DType) -> Result<Value> {
    let value = cast(value, dtype)?;
    if value.dims()[3] < 2 || value.array.layout().stride()[3] == 1 { Ok(value) } else { contiguous(&value) }
}
