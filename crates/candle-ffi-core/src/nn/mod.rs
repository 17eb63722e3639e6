//! Layers: parameters and a forward function. Names, arguments, defaults, initial values and the names
//! of the weights are PyTorch's.

mod activation;
mod container;
mod dropout;
mod embedding;
mod flatten;
mod init;
mod linear;
mod module;
mod norm;
mod parameter;
mod simple;
mod state;

pub use activation::{Activation, ActivationKind};
pub use container::Sequential;
pub use dropout::Dropout;
pub use embedding::Embedding;
pub use flatten::Flatten;
pub use linear::Linear;
pub use module::{Module, SharedModule};
pub use norm::LayerNorm;
pub use parameter::{Factory, Parameter};
pub use simple::SimpleNN;
pub use state::{
    load, load_state_dict, move_to, named_parameters, save, set_parameter, set_training, state_dict, zero_grad,
};
