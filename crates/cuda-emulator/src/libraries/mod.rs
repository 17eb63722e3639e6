//! The libraries beside the driver: products of cuBLAS and random numbers of cuRAND are computed; of the others there is
//! what a program needs to be loaded.

pub mod cublas;
pub mod cublaslt;
pub mod cudart;
pub mod curand;
pub mod nvrtc;
