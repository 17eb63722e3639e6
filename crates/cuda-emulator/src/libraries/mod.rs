//! The libraries beside the driver: products of cuBLAS, random numbers of cuRAND and convolutions of cuDNN are computed; of the others there is
//! what a program needs to be loaded.

pub mod cublas;
pub mod cublaslt;
pub mod cudart;
pub mod cudnn;
pub mod curand;
pub mod nvrtc;
