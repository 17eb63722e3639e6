//! The layers of transformers.

use super::attention::{Attended, required, slots};
use super::{Dropout, Factory, LayerNorm, Linear, Module, MultiheadAttention, SharedModule};
use crate::{Approximate, Error, Result, Tensor, TransformerActivation, ops};
use std::sync::Arc;

/// The options that all layers of a transformer share.
#[derive(Clone, Copy)]
pub(super) struct Shared {
    pub(super) d_model: i64,
    pub(super) nhead: i64,
    pub(super) dim_feedforward: i64,
    pub(super) dropout: f64,
    pub(super) activation: TransformerActivation,
    pub(super) layer_norm_eps: f64,
    pub(super) batch_first: bool,
    pub(super) norm_first: bool,
    pub(super) bias: bool,
}

impl Shared {
    fn attention(&self, factory: &Factory) -> Result<Arc<MultiheadAttention>> {
        let Self { d_model, nhead, dropout, bias, batch_first, .. } = *self;
        let new =
            MultiheadAttention::new(d_model, nhead, dropout, bias, false, false, None, None, batch_first, factory);
        Ok(Arc::new(new?))
    }

    pub(super) fn norm(&self, factory: &Factory) -> Result<Arc<LayerNorm>> {
        Ok(Arc::new(LayerNorm::new(
            &[self.d_model],
            self.layer_norm_eps,
            true,
            self.bias,
            Some(factory.dtype),
            factory.device,
        )?))
    }

    fn dropout(&self, factory: &Factory) -> Result<Arc<Dropout>> {
        Ok(Arc::new(Dropout::new(self.dropout, factory.generator.as_ref())?))
    }
}

/// Two linear maps with an activation between.
struct FeedForward {
    linear1: Arc<Linear>,
    dropout: Arc<Dropout>,
    linear2: Arc<Linear>,
    activation: TransformerActivation,
}

impl FeedForward {
    fn new(shared: &Shared, factory: &Factory) -> Result<Self> {
        let (model, inner) = (shared.d_model, shared.dim_feedforward);
        Ok(Self {
            linear1: Arc::new(Linear::new(model, inner, shared.bias, factory)?),
            dropout: shared.dropout(factory)?,
            linear2: Arc::new(Linear::new(inner, model, shared.bias, factory)?),
            activation: shared.activation,
        })
    }

    fn forward(&self, input: &Tensor) -> Result<Tensor> {
        let inner = self.linear1.forward(input)?;
        let inner = match self.activation {
            TransformerActivation::Relu => ops::relu(&inner)?,
            TransformerActivation::Gelu => ops::gelu(&inner, Approximate::None)?,
        };
        self.linear2.forward(&self.dropout.forward(&inner)?)
    }

    fn children(&self) -> [(String, SharedModule); 3] {
        [
            named("linear1", self.linear1.clone()),
            named("dropout", self.dropout.clone()),
            named("linear2", self.linear2.clone()),
        ]
    }
}

pub(super) fn named(name: &str, module: SharedModule) -> (String, SharedModule) {
    (name.to_owned(), module)
}

/// Attention of a sequence to itself, and a feed-forward network. `torch.nn.TransformerEncoderLayer`.
pub struct TransformerEncoderLayer {
    self_attn: Arc<MultiheadAttention>,
    feed_forward: FeedForward,
    norms: [Arc<LayerNorm>; 2],
    dropouts: [Arc<Dropout>; 2],
    norm_first: bool,
}

impl TransformerEncoderLayer {
    /// Attention of a sequence to itself, and a feed-forward network, each with a norm and a way around it.
    ///
    /// The inputs are src, src_mask and src_key_padding_mask, of which the masks may be missing. Source:
    /// Vaswani and others, 2017.
    ///
    /// # Defaults
    /// dim_feedforward = 2048, dropout = 0.1, activation = relu, layer_norm_eps = 1e-5, batch_first = False,
    /// norm_first = False, bias = True
    ///
    /// # Errors
    /// `InvalidArgument` unless `nhead` divides `d_model`, and when `dropout` is not between 0 and 1.
    ///
    /// # PyTorch
    /// `torch.nn.TransformerEncoderLayer`
    #[expect(clippy::too_many_arguments, reason = "PyTorch's arguments")]
    pub fn new(
        d_model: i64,
        nhead: i64,
        dim_feedforward: i64,
        dropout: f64,
        activation: TransformerActivation,
        layer_norm_eps: f64,
        batch_first: bool,
        norm_first: bool,
        bias: bool,
        factory: &Factory,
    ) -> Result<Self> {
        let shared = Shared {
            d_model,
            nhead,
            dim_feedforward,
            dropout,
            activation,
            layer_norm_eps,
            batch_first,
            norm_first,
            bias,
        };
        Self::of(&shared, factory)
    }

    pub(super) fn of(shared: &Shared, factory: &Factory) -> Result<Self> {
        Ok(Self {
            self_attn: shared.attention(factory)?,
            feed_forward: FeedForward::new(shared, factory)?,
            norms: [shared.norm(factory)?, shared.norm(factory)?],
            dropouts: [shared.dropout(factory)?, shared.dropout(factory)?],
            norm_first: shared.norm_first,
        })
    }

    fn attended(&self, x: &Tensor, masks: Attended<'_>) -> Result<Tensor> {
        self.dropouts[0].forward(&self.self_attn.attend([x; 3], masks, false)?.output)
    }

    fn fed(&self, x: &Tensor) -> Result<Tensor> {
        self.dropouts[1].forward(&self.feed_forward.forward(x)?)
    }

    pub(super) fn layer(&self, x: &Tensor, masks: Attended<'_>) -> Result<Tensor> {
        let [norm1, norm2] = &self.norms;
        if self.norm_first {
            let x = ops::add(x, &self.attended(&norm1.forward(x)?, masks)?)?;
            return ops::add(&x, &self.fed(&norm2.forward(&x)?)?);
        }
        let x = norm1.forward(&ops::add(x, &self.attended(x, masks)?)?)?;
        norm2.forward(&ops::add(&x, &self.fed(&x)?)?)
    }
}

impl Module for TransformerEncoderLayer {
    fn name(&self) -> &'static str {
        "TransformerEncoderLayer"
    }

    fn forward(&self, input: &Tensor) -> Result<Tensor> {
        self.layer(input, Attended::default())
    }

    fn forward_many(&self, inputs: &[Option<&Tensor>]) -> Result<Vec<Tensor>> {
        let [src, attn_mask, key_padding_mask] = slots(self, inputs)?;
        Ok(vec![self.layer(required(self, "src", src)?, Attended { key_padding_mask, attn_mask })?])
    }

    fn children(&self) -> Vec<(String, SharedModule)> {
        let mut found = vec![named("self_attn", self.self_attn.clone())];
        found.extend(self.feed_forward.children());
        for (at, norm) in self.norms.iter().enumerate() {
            found.push(named(&format!("norm{}", at + 1), norm.clone()));
        }
        for (at, dropout) in self.dropouts.iter().enumerate() {
            found.push(named(&format!("dropout{}", at + 1), dropout.clone()));
        }
        found
    }
}

/// Attention of a sequence to itself and to a memory, and a feed-forward network.
/// `torch.nn.TransformerDecoderLayer`.
pub struct TransformerDecoderLayer {
    self_attn: Arc<MultiheadAttention>,
    multihead_attn: Arc<MultiheadAttention>,
    feed_forward: FeedForward,
    norms: [Arc<LayerNorm>; 3],
    dropouts: [Arc<Dropout>; 3],
    norm_first: bool,
}

/// The masks of a decoder.
#[derive(Clone, Copy, Default)]
pub(super) struct DecoderMasks<'a> {
    own: Attended<'a>,
    memory: Attended<'a>,
}

impl TransformerDecoderLayer {
    /// Attention of a sequence to itself and to a memory, and a feed-forward network.
    ///
    /// The inputs are tgt, memory, tgt_mask, memory_mask, tgt_key_padding_mask and memory_key_padding_mask, of
    /// which the masks may be missing. Source: Vaswani and others, 2017.
    ///
    /// # Defaults
    /// dim_feedforward = 2048, dropout = 0.1, activation = relu, layer_norm_eps = 1e-5, batch_first = False,
    /// norm_first = False, bias = True
    ///
    /// # Errors
    /// `InvalidArgument` unless `nhead` divides `d_model`, and when `dropout` is not between 0 and 1.
    ///
    /// # PyTorch
    /// `torch.nn.TransformerDecoderLayer`
    #[expect(clippy::too_many_arguments, reason = "PyTorch's arguments")]
    pub fn new(
        d_model: i64,
        nhead: i64,
        dim_feedforward: i64,
        dropout: f64,
        activation: TransformerActivation,
        layer_norm_eps: f64,
        batch_first: bool,
        norm_first: bool,
        bias: bool,
        factory: &Factory,
    ) -> Result<Self> {
        let shared = Shared {
            d_model,
            nhead,
            dim_feedforward,
            dropout,
            activation,
            layer_norm_eps,
            batch_first,
            norm_first,
            bias,
        };
        Self::of(&shared, factory)
    }

    pub(super) fn of(shared: &Shared, factory: &Factory) -> Result<Self> {
        Ok(Self {
            self_attn: shared.attention(factory)?,
            multihead_attn: shared.attention(factory)?,
            feed_forward: FeedForward::new(shared, factory)?,
            norms: [shared.norm(factory)?, shared.norm(factory)?, shared.norm(factory)?],
            dropouts: [shared.dropout(factory)?, shared.dropout(factory)?, shared.dropout(factory)?],
            norm_first: shared.norm_first,
        })
    }

    pub(super) fn layer(&self, x: &Tensor, memory: &Tensor, masks: DecoderMasks<'_>) -> Result<Tensor> {
        let [dropout1, dropout2, dropout3] = &self.dropouts;
        let [norm1, norm2, norm3] = &self.norms;
        let own = |x: &Tensor| dropout1.forward(&self.self_attn.attend([x; 3], masks.own, false)?.output);
        let other = |x: &Tensor| {
            dropout2.forward(&self.multihead_attn.attend([x, memory, memory], masks.memory, false)?.output)
        };
        let fed = |x: &Tensor| dropout3.forward(&self.feed_forward.forward(x)?);
        if self.norm_first {
            let x = ops::add(x, &own(&norm1.forward(x)?)?)?;
            let x = ops::add(&x, &other(&norm2.forward(&x)?)?)?;
            return ops::add(&x, &fed(&norm3.forward(&x)?)?);
        }
        let x = norm1.forward(&ops::add(x, &own(x)?)?)?;
        let x = norm2.forward(&ops::add(&x, &other(&x)?)?)?;
        norm3.forward(&ops::add(&x, &fed(&x)?)?)
    }
}

/// The inputs of a decoder.
pub(super) fn decoder_inputs<'a>(
    module: &dyn Module,
    inputs: &[Option<&'a Tensor>],
) -> Result<(&'a Tensor, &'a Tensor, DecoderMasks<'a>)> {
    let [tgt, memory, tgt_mask, memory_mask, tgt_padding, memory_padding] = slots(module, inputs)?;
    let masks = DecoderMasks {
        own: Attended { key_padding_mask: tgt_padding, attn_mask: tgt_mask },
        memory: Attended { key_padding_mask: memory_padding, attn_mask: memory_mask },
    };
    Ok((required(module, "tgt", tgt)?, required(module, "memory", memory)?, masks))
}

impl Module for TransformerDecoderLayer {
    fn name(&self) -> &'static str {
        "TransformerDecoderLayer"
    }

    fn forward(&self, _: &Tensor) -> Result<Tensor> {
        Err(Error::argument("TransformerDecoderLayer takes tgt and memory"))
    }

    fn forward_many(&self, inputs: &[Option<&Tensor>]) -> Result<Vec<Tensor>> {
        let (tgt, memory, masks) = decoder_inputs(self, inputs)?;
        Ok(vec![self.layer(tgt, memory, masks)?])
    }

    fn children(&self) -> Vec<(String, SharedModule)> {
        let mut found =
            vec![named("self_attn", self.self_attn.clone()), named("multihead_attn", self.multihead_attn.clone())];
        found.extend(self.feed_forward.children());
        for (at, norm) in self.norms.iter().enumerate() {
            found.push(named(&format!("norm{}", at + 1), norm.clone()));
        }
        for (at, dropout) in self.dropouts.iter().enumerate() {
            found.push(named(&format!("dropout{}", at + 1), dropout.clone()));
        }
        found
    }
}
