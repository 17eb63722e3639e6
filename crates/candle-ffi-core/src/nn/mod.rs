//! Layers: parameters and a forward function. Names, arguments, defaults, initial values and the names
//! of the weights are PyTorch's.

mod activation;
mod attention;
mod batch_norm;
mod bilinear;
mod buffer;
mod channel_norm;
mod container;
mod conv;
mod conv_transpose;
mod distance;
mod dropout;
mod embedding;
mod flatten;
mod fold;
mod function;
mod group_norm;
mod identity;
mod init;
mod instance_norm;
mod linear;
mod max_pooling;
mod module;
mod norm;
mod padding;
mod parameter;
mod place;
mod pooling;
mod prelu;
mod recurrent;
mod recurrent_cell;
mod simple;
mod state;
mod transformer;
mod transformer_layer;
mod unpooling;
mod upsampling;

pub use activation::{
    celu, elu, gelu, glu, hardshrink, hardsigmoid, hardswish, hardtanh, leaky_relu, log_softmax, logsigmoid, mish,
    relu, relu6, selu, sigmoid, silu, softmax, softmax2d, softmin, softplus, softshrink, softsign, tanh, tanhshrink,
    threshold,
};
pub use attention::MultiheadAttention;
pub use batch_norm::{BatchNorm1d, BatchNorm2d, BatchNorm3d};
pub use bilinear::Bilinear;
pub use buffer::Buffer;
pub use container::Container;
pub use conv::{Conv1d, Conv2d, Conv3d};
pub use conv_transpose::{ConvTranspose1d, ConvTranspose2d, ConvTranspose3d};
pub use distance::{CosineSimilarity, PairwiseDistance};
pub use dropout::{AlphaDropout, Dropout, Dropout1d, Dropout2d, Dropout3d, FeatureAlphaDropout};
pub use embedding::{Embedding, EmbeddingBag};
pub use flatten::flatten;
pub use fold::{channel_shuffle, fold, pixel_shuffle, pixel_unshuffle, unflatten, unfold};
pub use function::Function;
pub use group_norm::{GroupNorm, local_response_norm};
pub use identity::identity;
pub use instance_norm::{InstanceNorm1d, InstanceNorm2d, InstanceNorm3d};
pub use linear::Linear;
pub use max_pooling::{AdaptiveMaxPool1d, AdaptiveMaxPool2d, AdaptiveMaxPool3d, MaxPool1d, MaxPool2d, MaxPool3d};
pub use module::{Module, SharedModule};
pub use norm::{LayerNorm, RmsNorm};
pub use padding::{
    circular_pad1d, circular_pad2d, circular_pad3d, constant_pad1d, constant_pad2d, constant_pad3d, reflection_pad1d,
    reflection_pad2d, reflection_pad3d, replication_pad1d, replication_pad2d, replication_pad3d, zero_pad1d,
    zero_pad2d, zero_pad3d,
};
pub use parameter::{Factory, Parameter};
pub use pooling::{
    adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d, avg_pool1d, avg_pool2d, avg_pool3d, lp_pool1d,
    lp_pool2d, lp_pool3d,
};
pub use prelu::{Prelu, Rrelu};
pub use recurrent::{Gru, Lstm, Rnn};
pub use recurrent_cell::{GruCell, LstmCell, RnnCell};
pub use simple::SimpleNN;
pub use state::{
    load, load_state_dict, move_to, named_buffers, named_parameters, save, set_parameter, set_training, state_dict,
    zero_grad,
};
pub use transformer::{Transformer, TransformerDecoder, TransformerEncoder};
pub use transformer_layer::{TransformerDecoderLayer, TransformerEncoderLayer};
pub use unpooling::{MaxUnpool1d, MaxUnpool2d, MaxUnpool3d};
pub use upsampling::{upsample, upsampling_bilinear2d, upsampling_nearest2d};
