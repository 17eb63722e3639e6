//! A CUDA device on the CPU, for tests: PTX is decoded ([`ptx`]) and run on host threads ([`machine`]), and every access
//! to memory is checked. [`driver`] and [`libraries`] are what a program calls: the CUDA driver, cuBLAS and cuRAND.

pub mod driver;
pub mod libraries;
pub mod machine;
pub mod ptx;
