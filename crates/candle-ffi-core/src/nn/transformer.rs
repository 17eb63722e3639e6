//! Transformers: stacks of layers, and the whole.

use super::attention::{Attended, required, slots};
use super::container::Container;
use super::init::uniform;
use super::transformer_layer::{Shared, TransformerDecoderLayer, TransformerEncoderLayer, decoder_inputs, named};
use super::{Factory, LayerNorm, Module, SharedModule, state};
use crate::autograd::GradMode;
use crate::random::or_default;
use crate::{Error, Result, Tensor, TransformerActivation, ops};
use std::sync::Arc;

/// Layers one after the other, and a norm.
struct Stack<L> {
    layers: Vec<Arc<L>>,
    list: Arc<Container>,
    norm: Option<Arc<LayerNorm>>,
}

impl<L: Module + 'static> Stack<L> {
    /// All layers start as copies of the first.
    fn new(count: i64, factory: &Factory, layer: impl Fn() -> Result<L>) -> Result<Self> {
        if count < 0 {
            return Err(Error::argument(format!("a number of layers must not be negative, and is {count}")));
        }
        let model = layer()?;
        let values = state::state_dict(&model);
        let list = Container::list();
        let mut layers = vec![Arc::new(model)];
        let generator = or_default(factory.generator.as_ref());
        let (seed, offset) = generator.get_state();
        for _ in 1..count {
            let next = layer()?;
            // A copy takes no random numbers.
            generator.set_state(seed, offset);
            let _mode = GradMode::new(false);
            for ((_, own), (_, value)) in state::state_dict(&next).iter().zip(&values) {
                ops::copy_(own, value)?;
            }
            layers.push(Arc::new(next));
        }
        layers.truncate(count as usize);
        layers.iter().for_each(|layer| list.push(layer.clone()));
        Ok(Self { layers, list: Arc::new(list), norm: None })
    }

    fn with_norm(self, norm: Arc<LayerNorm>) -> Self {
        Self { norm: Some(norm), ..self }
    }

    fn run(&self, input: &Tensor, step: impl Fn(&L, &Tensor) -> Result<Tensor>) -> Result<Tensor> {
        let result = self.layers.iter().try_fold(input.clone(), |x, layer| step(layer, &x))?;
        self.norm.as_ref().map_or(Ok(result.clone()), |norm| norm.forward(&result))
    }

    fn children(&self) -> Vec<(String, SharedModule)> {
        let norm = self.norm.iter().map(|norm| named("norm", norm.clone()));
        std::iter::once(named("layers", self.list.clone())).chain(norm).collect()
    }
}

/// Layers of `TransformerEncoderLayer`. `torch.nn.TransformerEncoder`.
pub struct TransformerEncoder(Stack<TransformerEncoderLayer>);

impl TransformerEncoder {
    /// `num_layers` layers as `TransformerEncoderLayer` makes them, one after the other, and a norm if `norm` is set.
    ///
    /// The inputs are those of one layer. All layers start with the same values. Source: Vaswani and others, 2017.
    ///
    /// # Defaults
    /// dim_feedforward = 2048, dropout = 0.1, activation = relu, layer_norm_eps = 1e-5, batch_first = False,
    /// norm_first = False, bias = True, norm = False
    ///
    /// # Errors
    /// `InvalidArgument` unless `nhead` divides `d_model`, for a negative number of layers, and when `dropout` is
    /// not between 0 and 1.
    ///
    /// # PyTorch
    /// `torch.nn.TransformerEncoder`
    #[expect(clippy::too_many_arguments, reason = "PyTorch's arguments")]
    pub fn new(
        d_model: i64,
        nhead: i64,
        num_layers: i64,
        dim_feedforward: i64,
        dropout: f64,
        activation: TransformerActivation,
        layer_norm_eps: f64,
        batch_first: bool,
        norm_first: bool,
        bias: bool,
        norm: bool,
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
        Self::of(&shared, num_layers, norm, factory)
    }

    fn of(shared: &Shared, num_layers: i64, norm: bool, factory: &Factory) -> Result<Self> {
        let stack = Stack::new(num_layers, factory, || TransformerEncoderLayer::of(shared, factory))?;
        Ok(Self(if norm { stack.with_norm(shared.norm(factory)?) } else { stack }))
    }
}

impl Module for TransformerEncoder {
    fn name(&self) -> &'static str {
        "TransformerEncoder"
    }

    fn forward(&self, input: &Tensor) -> Result<Tensor> {
        self.0.run(input, |layer, x| layer.forward(x))
    }

    fn forward_many(&self, inputs: &[Option<&Tensor>]) -> Result<Vec<Tensor>> {
        let [src, attn_mask, key_padding_mask] = slots(self, inputs)?;
        let masks = Attended { key_padding_mask, attn_mask };
        Ok(vec![self.0.run(required(self, "src", src)?, |layer, x| layer.layer(x, masks))?])
    }

    fn children(&self) -> Vec<(String, SharedModule)> {
        self.0.children()
    }
}

/// Layers of `TransformerDecoderLayer`. `torch.nn.TransformerDecoder`.
pub struct TransformerDecoder(Stack<TransformerDecoderLayer>);

impl TransformerDecoder {
    /// `num_layers` layers as `TransformerDecoderLayer` makes them, one after the other, and a norm if `norm` is set.
    ///
    /// The inputs are those of one layer. All layers start with the same values. Source: Vaswani and others, 2017.
    ///
    /// # Defaults
    /// dim_feedforward = 2048, dropout = 0.1, activation = relu, layer_norm_eps = 1e-5, batch_first = False,
    /// norm_first = False, bias = True, norm = False
    ///
    /// # Errors
    /// `InvalidArgument` unless `nhead` divides `d_model`, for a negative number of layers, and when `dropout` is
    /// not between 0 and 1.
    ///
    /// # PyTorch
    /// `torch.nn.TransformerDecoder`
    #[expect(clippy::too_many_arguments, reason = "PyTorch's arguments")]
    pub fn new(
        d_model: i64,
        nhead: i64,
        num_layers: i64,
        dim_feedforward: i64,
        dropout: f64,
        activation: TransformerActivation,
        layer_norm_eps: f64,
        batch_first: bool,
        norm_first: bool,
        bias: bool,
        norm: bool,
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
        Self::of(&shared, num_layers, norm, factory)
    }

    fn of(shared: &Shared, num_layers: i64, norm: bool, factory: &Factory) -> Result<Self> {
        let stack = Stack::new(num_layers, factory, || TransformerDecoderLayer::of(shared, factory))?;
        Ok(Self(if norm { stack.with_norm(shared.norm(factory)?) } else { stack }))
    }
}

impl Module for TransformerDecoder {
    fn name(&self) -> &'static str {
        "TransformerDecoder"
    }

    fn forward(&self, _: &Tensor) -> Result<Tensor> {
        Err(Error::argument("TransformerDecoder takes tgt and memory"))
    }

    fn forward_many(&self, inputs: &[Option<&Tensor>]) -> Result<Vec<Tensor>> {
        let (tgt, memory, masks) = decoder_inputs(self, inputs)?;
        Ok(vec![self.0.run(tgt, |layer, x| layer.layer(x, memory, masks))?])
    }

    fn children(&self) -> Vec<(String, SharedModule)> {
        self.0.children()
    }
}

/// An encoder and a decoder. `torch.nn.Transformer`.
pub struct Transformer {
    encoder: Arc<TransformerEncoder>,
    decoder: Arc<TransformerDecoder>,
}

impl Transformer {
    /// An encoder and a decoder that attends to what the encoder gives, each with a norm at its end.
    ///
    /// The inputs are src, tgt, src_mask, tgt_mask, memory_mask, src_key_padding_mask, tgt_key_padding_mask and
    /// memory_key_padding_mask, of which the masks may be missing. All matrices start uniform as Xavier's.
    /// Source: Vaswani and others, 2017.
    ///
    /// # Defaults
    /// d_model = 512, nhead = 8, num_encoder_layers = 6, num_decoder_layers = 6, dim_feedforward = 2048,
    /// dropout = 0.1, activation = relu, layer_norm_eps = 1e-5, batch_first = False, norm_first = False,
    /// bias = True
    ///
    /// # Errors
    /// `InvalidArgument` unless `nhead` divides `d_model`, for a negative number of layers, and when `dropout` is
    /// not between 0 and 1.
    ///
    /// # PyTorch
    /// `torch.nn.Transformer`
    #[expect(clippy::too_many_arguments, reason = "PyTorch's arguments")]
    pub fn new(
        d_model: i64,
        nhead: i64,
        num_encoder_layers: i64,
        num_decoder_layers: i64,
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
        let transformer = Self {
            encoder: Arc::new(TransformerEncoder::of(&shared, num_encoder_layers, true, factory)?),
            decoder: Arc::new(TransformerDecoder::of(&shared, num_decoder_layers, true, factory)?),
        };
        let _mode = GradMode::new(false);
        for (_, parameter) in state::named_parameters(&transformer) {
            if let &[out, features] = parameter.shape().as_slice() {
                let bound = (6.0 / (out as f64 + features as f64)).sqrt();
                ops::copy_(&parameter, &uniform(&[out as i64, features as i64], bound, factory)?)?;
            }
        }
        Ok(transformer)
    }
}

impl Module for Transformer {
    fn name(&self) -> &'static str {
        "Transformer"
    }

    fn forward(&self, _: &Tensor) -> Result<Tensor> {
        Err(Error::argument("Transformer takes src and tgt"))
    }

    fn forward_many(&self, inputs: &[Option<&Tensor>]) -> Result<Vec<Tensor>> {
        let [src, tgt, src_mask, tgt_mask, memory_mask, src_padding, tgt_padding, memory_padding] =
            slots(self, inputs)?;
        let memory = self.encoder.forward_many(&[Some(required(self, "src", src)?), src_mask, src_padding])?;
        let tgt = required(self, "tgt", tgt)?;
        self.decoder.forward_many(&[Some(tgt), memory.first(), tgt_mask, memory_mask, tgt_padding, memory_padding])
    }

    fn children(&self) -> Vec<(String, SharedModule)> {
        vec![named("encoder", self.encoder.clone()), named("decoder", self.decoder.clone())]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::{EmbeddingBag, MultiheadAttention, set_training};
    use crate::{BagMode, DType, Device, Generator, autograd};

    fn factory() -> Factory {
        Factory { generator: Some(Generator::new(1)), ..Factory::default() }
    }

    fn randn(dims: &[i64]) -> Tensor {
        ops::randn(dims, DType::Float32, Device::CPU, Some(&Generator::new(2))).unwrap()
    }

    #[test]
    fn a_transformer_takes_its_inputs_in_order_and_every_parameter_gets_a_gradient() {
        let activation = TransformerActivation::Gelu;
        let model = Transformer::new(4, 2, 2, 1, 6, 0.5, activation, 1e-5, true, false, true, &factory()).unwrap();
        let (src, tgt) = (randn(&[2, 3, 4]), randn(&[2, 5, 4]));
        let padding = ops::zeros_like(&ops::select(&src, 2, 0).unwrap(), Some(DType::Bool)).unwrap();
        let inputs = [Some(&src), Some(&tgt), None, None, None, Some(&padding)];
        set_training(&model, false);
        let [one, two] = [0, 1].map(|_| model.forward_many(&inputs).unwrap().remove(0));
        assert_eq!(one.dims(), [2, 5, 4]);
        let same = |a: &Tensor, b: &Tensor| {
            ops::all(&ops::eq(a, b).unwrap(), None, false).unwrap().value().array.to_scalar::<u8>().unwrap() == 1
        };
        assert!(same(&one, &two));
        set_training(&model, true);
        let dropped = model.forward_many(&inputs).unwrap().remove(0);
        assert!(!same(&one, &dropped));
        let loss = ops::sum(&ops::square(&dropped).unwrap(), None, false, None).unwrap();
        autograd::backward(&loss, None, false, false).unwrap();
        let parameters = state::named_parameters(&model);
        assert!(parameters.iter().all(|(name, parameter)| {
            assert!(parameter.grad().is_some(), "{name}");
            true
        }));
        let names: Vec<&str> = parameters.iter().map(|(name, _)| name.as_str()).collect();
        assert!(names.contains(&"encoder.layers.1.self_attn.in_proj_weight"), "{names:?}");
        assert!(names.contains(&"decoder.layers.0.multihead_attn.out_proj.bias"), "{names:?}");
        assert!(names.contains(&"decoder.norm.weight"), "{names:?}");
        assert!(model.forward(&src).is_err() && model.forward_many(&[Some(&src)]).is_err());
        assert!(model.forward_many(&[Some(&src); 9]).is_err());
    }

    #[test]
    fn layers_of_a_stack_start_alike() {
        let relu = TransformerActivation::Relu;
        let new = |count| TransformerEncoder::new(4, 2, count, 6, 0.0, relu, 1e-5, false, true, true, true, &factory());
        let state = state::state_dict(&new(2).unwrap());
        let at = |name: &str| {
            let tensor = &state.iter().find(|(known, _)| known == name).unwrap().1;
            tensor.value().array.flatten_all().unwrap().to_vec1::<f32>().unwrap()
        };
        assert_eq!(at("layers.0.linear1.weight"), at("layers.1.linear1.weight"));
        assert_eq!(state.len(), 2 * 12 + 2);
        assert_eq!(state::state_dict(&new(0).unwrap()).len(), 2);
        assert!(new(-1).is_err());
    }

    #[test]
    fn attention_gives_its_weights_and_bags_take_offsets() {
        let new =
            |dim, heads| MultiheadAttention::new(dim, heads, 0.0, true, false, false, None, None, true, &factory());
        let (attention, x) = (new(4, 2).unwrap(), randn(&[2, 3, 4]));
        let results = attention.forward_many(&[Some(&x), Some(&x), Some(&x)]).unwrap();
        assert_eq!(results.iter().map(Tensor::dims).collect::<Vec<_>>(), [vec![2, 3, 4], vec![2, 3, 3]]);
        assert_eq!(attention.forward(&x).unwrap().dims(), [2, 3, 4]);
        assert!(attention.forward_many(&[Some(&x), None, Some(&x)]).is_err());
        assert!(new(5, 2).is_err() && new(0, 1).is_err() && new(4, -2).is_err());
        let bags = EmbeddingBag::new(5, 3, Some(0.1), 2.0, false, BagMode::Max, false, Some(-1), &factory()).unwrap();
        let index = ops::arange(0.0, 4.0, 1.0, DType::Int64, Device::CPU).unwrap();
        let offsets = ops::to_dtype(&ops::ones(&[1], DType::Float32, Device::CPU).unwrap(), DType::Int64).unwrap();
        let offsets = ops::cat(&[&ops::zeros_like(&offsets, None).unwrap(), &offsets], 0).unwrap();
        let out = bags.forward_many(&[Some(&index), Some(&offsets)]).unwrap().remove(0);
        assert_eq!(out.dims(), [2, 3]);
    }
}
