//! Attention of several heads.

use super::init::{constant, normal, uniform};
use super::{Factory, Linear, Module, Parameter, SharedModule};
use crate::autograd::GradMode;
use crate::ops::common::number;
use crate::results::AttentionAndWeights;
use crate::{Error, Generator, Result, Tensor, ops};
use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Attention of several heads. `torch.nn.MultiheadAttention`.
pub struct MultiheadAttention {
    embed_dim: i64,
    num_heads: i64,
    dropout: f64,
    add_zero_attn: bool,
    batch_first: bool,
    /// `in_proj_weight`, or the three of query, key and value.
    projections: Vec<(&'static str, Parameter)>,
    in_proj_bias: Option<Parameter>,
    /// `bias_k` and `bias_v`, `[1, 1, embed_dim]`.
    biases: Option<[Parameter; 2]>,
    out_proj: Arc<Linear>,
    training: AtomicBool,
    generator: Option<Generator>,
}

/// What attention is paid to, besides the query.
#[derive(Clone, Copy, Default)]
pub(super) struct Attended<'a> {
    pub(super) key_padding_mask: Option<&'a Tensor>,
    pub(super) attn_mask: Option<&'a Tensor>,
}

impl MultiheadAttention {
    /// Attention of `num_heads` heads, with projections of query, key and value, and one of the result.
    ///
    /// The inputs are query, key, value, key_padding_mask and attn_mask, of which the masks may be missing; the
    /// results are the output and the weights, averaged over the heads. Of one input it is the attention to
    /// itself. Projections start uniform as Xavier's, their biases as zeros. `kdim` and `vdim` are the features
    /// of key and value where they are not `embed_dim`.
    ///
    /// # Defaults
    /// dropout = 0.0, bias = True, add_bias_kv = False, add_zero_attn = False, kdim = None, vdim = None,
    /// batch_first = False
    ///
    /// # Errors
    /// `InvalidArgument` unless both sizes are positive and `num_heads` divides `embed_dim`, and when `dropout` is
    /// not between 0 and 1.
    ///
    /// # PyTorch
    /// `torch.nn.MultiheadAttention`
    #[expect(clippy::too_many_arguments, reason = "PyTorch's arguments")]
    pub fn new(
        embed_dim: i64,
        num_heads: i64,
        dropout: f64,
        bias: bool,
        add_bias_kv: bool,
        add_zero_attn: bool,
        kdim: Option<i64>,
        vdim: Option<i64>,
        batch_first: bool,
        factory: &Factory,
    ) -> Result<Self> {
        if embed_dim <= 0 || num_heads <= 0 || embed_dim % num_heads != 0 {
            return Err(Error::argument(format!(
                "embed_dim and num_heads must be positive, and embed_dim divisible by num_heads; \
                 they are {embed_dim} and {num_heads}"
            )));
        }
        if !(0.0..=1.0).contains(&dropout) {
            return Err(Error::argument(format!("the dropout probability must be between 0 and 1, and is {dropout}")));
        }
        let (kdim, vdim) = (kdim.unwrap_or(embed_dim), vdim.unwrap_or(embed_dim));
        // As PyTorch: the values of the last projection are drawn before those of the others.
        let out_proj = Arc::new(Linear::new(embed_dim, embed_dim, bias, factory)?);
        let xavier = |name: &'static str, out: i64, features: i64| -> Result<(&'static str, Parameter)> {
            let bound = (6.0 / (out as f64 + features as f64)).sqrt();
            Ok((name, Parameter::new(uniform(&[out, features], bound, factory)?)?))
        };
        let projections: Vec<(&'static str, Parameter)> = if kdim == embed_dim && vdim == embed_dim {
            let packed = embed_dim.checked_mul(3).ok_or_else(|| Error::argument("embed_dim is too large"))?;
            vec![xavier("in_proj_weight", packed, embed_dim)?]
        } else {
            vec![
                xavier("q_proj_weight", embed_dim, embed_dim)?,
                xavier("k_proj_weight", embed_dim, kdim)?,
                xavier("v_proj_weight", embed_dim, vdim)?,
            ]
        };
        let _mode = GradMode::new(false);
        let in_proj_bias = if bias {
            out_proj
                .parameters()
                .iter()
                .filter(|(name, _)| name == "bias")
                .try_for_each(|(_, bias)| ops::zero_(&bias.get()))?;
            Some(Parameter::new(constant(&[3 * embed_dim], 0.0, factory)?)?)
        } else {
            None
        };
        let xavier_normal = || {
            let values = normal(&[1, 1, embed_dim], factory)?;
            ops::mul_(&values, &number((2.0 / (2.0 * embed_dim as f64)).sqrt()))?;
            Parameter::new(values)
        };
        let biases = if add_bias_kv { Some([xavier_normal()?, xavier_normal()?]) } else { None };
        Ok(Self {
            embed_dim,
            num_heads,
            dropout,
            add_zero_attn,
            batch_first,
            projections,
            in_proj_bias,
            biases,
            out_proj,
            training: AtomicBool::new(true),
            generator: factory.generator.clone(),
        })
    }

    pub(super) fn attend(
        &self,
        [query, key, value]: [&Tensor; 3],
        masks: Attended<'_>,
        need_weights: bool,
    ) -> Result<AttentionAndWeights> {
        let weight = |name: &str| {
            self.projections.iter().find(|(known, _)| *known == name).map(|(_, parameter)| parameter.get())
        };
        let get = |parameter: Option<&Parameter>| parameter.map(Parameter::get);
        let out_proj = self.out_proj.parameters();
        let out = |name: &str| out_proj.iter().find(|(known, _)| known == name).map(|(_, parameter)| parameter.get());
        let out_weight = out("weight").ok_or_else(|| Error::internal("a linear layer without a weight"))?;
        let [bias_k, bias_v] = match &self.biases {
            Some([k, v]) => [Some(k.get()), Some(v.get())],
            None => [None, None],
        };
        ops::multi_head_attention_forward(
            query,
            key,
            value,
            self.embed_dim,
            self.num_heads,
            weight("in_proj_weight").as_ref(),
            get(self.in_proj_bias.as_ref()).as_ref(),
            bias_k.as_ref(),
            bias_v.as_ref(),
            self.add_zero_attn,
            self.dropout,
            &out_weight,
            out("bias").as_ref(),
            self.training.load(Ordering::Relaxed),
            masks.key_padding_mask,
            need_weights,
            masks.attn_mask,
            self.projections.len() > 1,
            weight("q_proj_weight").as_ref(),
            weight("k_proj_weight").as_ref(),
            weight("v_proj_weight").as_ref(),
            None,
            None,
            true,
            false,
            self.batch_first,
            self.generator.as_ref(),
        )
    }
}

impl Module for MultiheadAttention {
    fn name(&self) -> &'static str {
        "MultiheadAttention"
    }

    fn forward(&self, input: &Tensor) -> Result<Tensor> {
        Ok(self.attend([input; 3], Attended::default(), false)?.output)
    }

    fn forward_many(&self, inputs: &[Option<&Tensor>]) -> Result<Vec<Tensor>> {
        let [query, key, value, key_padding_mask, attn_mask] = slots(self, inputs)?;
        let query = required(self, "query", query)?;
        let (key, value) = (required(self, "key", key)?, required(self, "value", value)?);
        let result = self.attend([query, key, value], Attended { key_padding_mask, attn_mask }, true)?;
        Ok(vec![result.output, result.weights])
    }

    fn parameters(&self) -> Vec<(Cow<'static, str>, &Parameter)> {
        let mut found: Vec<(Cow<'static, str>, &Parameter)> =
            self.projections.iter().map(|(name, parameter)| ((*name).into(), parameter)).collect();
        found.extend(self.in_proj_bias.iter().map(|bias| ("in_proj_bias".into(), bias)));
        if let Some([k, v]) = &self.biases {
            found.extend([("bias_k".into(), k), ("bias_v".into(), v)]);
        }
        found
    }

    fn children(&self) -> Vec<(String, SharedModule)> {
        vec![("out_proj".to_owned(), self.out_proj.clone())]
    }

    fn set_training(&self, training: bool) {
        self.training.store(training, Ordering::Relaxed);
    }
}

/// The inputs of a layer of up to `N`, those that are left out as `None`.
pub(super) fn slots<'a, const N: usize>(
    module: &dyn Module,
    inputs: &[Option<&'a Tensor>],
) -> Result<[Option<&'a Tensor>; N]> {
    if inputs.len() > N {
        let message = format!("{} takes at most {N} inputs, and not {}", module.name(), inputs.len());
        return Err(Error::argument(message));
    }
    Ok(std::array::from_fn(|at| inputs.get(at).copied().flatten()))
}

pub(super) fn required<'a>(module: &dyn Module, name: &str, input: Option<&'a Tensor>) -> Result<&'a Tensor> {
    input.ok_or_else(|| Error::argument(format!("{} needs its input {name}", module.name())))
}
