//! The operations. A public function in one of these files is the only definition of an operation:
//! its meaning, its gradient, its documentation. The C functions, the Python functions and the list in
//! `docs/ops.md` are generated from it.

mod activation;
mod arithmetic;
pub(crate) mod common;
mod compare;
mod convert;
mod create;
mod in_place;
mod index;
mod join;
mod loss;
mod math;
mod matmul;
mod norm;
mod random;
mod reduce;
mod shape;
mod softmax;

pub use activation::*;
pub use arithmetic::*;
pub use compare::*;
pub use convert::*;
pub use create::*;
pub use in_place::*;
pub use index::*;
pub use join::*;
pub use loss::*;
pub use math::*;
pub use matmul::*;
pub use norm::*;
pub use random::*;
pub use reduce::*;
pub use shape::*;
pub use softmax::*;
