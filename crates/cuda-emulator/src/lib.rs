//! A CUDA device on the CPU, for tests: PTX is decoded ([`ptx`]) and run on host threads ([`machine`]), every access to
//! memory is checked, and programs reach it as they reach NVIDIA's driver ([`driver`]) and libraries ([`libraries`]).

pub mod driver;
pub mod libraries;
pub mod machine;
pub mod ptx;
