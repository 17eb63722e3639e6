//! Slices of Candle's storage, and the choice of an element type by dtype.

use crate::value::Value;
use crate::{DType, Error, Result};
use candle_core::{CpuStorage, Layout, Storage};
use candle_ffi_kernels::{Element, Strided};

/// An element type that Candle stores and the kernels know.
pub(crate) trait CpuElement: Element {
    /// The elements of a storage of this type.
    fn slice(storage: &CpuStorage) -> Option<&[Self]>;
    /// The same, to be changed.
    fn slice_mut(storage: &mut CpuStorage) -> Option<&mut [Self]>;
    /// A storage that owns these elements.
    fn into_storage(data: Vec<Self>) -> CpuStorage;
}

macro_rules! cpu_elements {
    ($($T:ty => $variant:ident),*) => {$(
        impl CpuElement for $T {
            fn slice(storage: &CpuStorage) -> Option<&[Self]> {
                match storage {
                    CpuStorage::$variant(data) => Some(data),
                    _ => None,
                }
            }

            fn slice_mut(storage: &mut CpuStorage) -> Option<&mut [Self]> {
                match storage {
                    CpuStorage::$variant(data) => Some(data),
                    _ => None,
                }
            }

            fn into_storage(data: Vec<Self>) -> CpuStorage {
                CpuStorage::$variant(data)
            }
        }
    )*};
}

cpu_elements!(
    u8 => U8, u32 => U32, i16 => I16, i32 => I32, i64 => I64,
    half::f16 => F16, half::bf16 => BF16, f32 => F32, f64 => F64, float8::F8E4M3 => F8E4M3
);

/// Runs `$body` with `$T` as the element type of a floating dtype; other dtypes are an error.
macro_rules! with_float {
    ($dtype:expr, $T:ident => $body:expr) => {
        match $dtype {
            $crate::DType::Float16 => {
                type $T = half::f16;
                $body
            }
            $crate::DType::BFloat16 => {
                type $T = half::bf16;
                $body
            }
            $crate::DType::Float32 => {
                type $T = f32;
                $body
            }
            $crate::DType::Float64 => {
                type $T = f64;
                $body
            }
            dtype => Err($crate::compute::dispatch::not_for(dtype, "needs float16, bfloat16, float32 or float64")),
        }
    };
}

/// Runs `$body` with `$T` as the element type of `float32` or `float64`, which heavy kernels are made for; half precision
/// has been converted before.
macro_rules! with_wide {
    ($dtype:expr, $T:ident => $body:expr) => {
        match $dtype {
            $crate::DType::Float32 => {
                type $T = f32;
                $body
            }
            $crate::DType::Float64 => {
                type $T = f64;
                $body
            }
            dtype => Err($crate::compute::dispatch::not_for(dtype, "needs float16, bfloat16, float32 or float64")),
        }
    };
}

/// Runs `$body` with `$T` as the element type of an integer dtype (bool counts as `u8`).
macro_rules! with_integer {
    ($dtype:expr, $T:ident => $body:expr) => {
        match $dtype {
            $crate::DType::Bool | $crate::DType::UInt8 => {
                type $T = u8;
                $body
            }
            $crate::DType::Int16 => {
                type $T = i16;
                $body
            }
            $crate::DType::UInt32 => {
                type $T = u32;
                $body
            }
            $crate::DType::Int32 => {
                type $T = i32;
                $body
            }
            $crate::DType::Int64 => {
                type $T = i64;
                $body
            }
            dtype => Err($crate::compute::dispatch::not_for(dtype, "needs bool or an integer dtype")),
        }
    };
}

/// Runs `$body` with `$T` as the element type of any dtype that has arithmetic (all but 8-bit floats).
macro_rules! with_number {
    ($dtype:expr, $T:ident => $body:expr) => {
        match $dtype {
            $crate::DType::Float8E4M3 => Err($crate::compute::dispatch::not_for(
                $crate::DType::Float8E4M3,
                "8-bit floats are for storage; convert with to(dtype) first",
            )),
            dtype if dtype.is_float() => $crate::compute::dispatch::with_float!(dtype, $T => $body),
            dtype => $crate::compute::dispatch::with_integer!(dtype, $T => $body),
        }
    };
}

/// Runs `$body` with `$T` as the element type of any dtype.
macro_rules! with_element {
    ($dtype:expr, $T:ident => $body:expr) => {
        match $dtype {
            $crate::DType::Float8E4M3 => { type $T = float8::F8E4M3; $body }
            dtype => $crate::compute::dispatch::with_number!(dtype, $T => $body),
        }
    };
}

pub(super) use {with_element, with_float, with_integer, with_number, with_wide};

#[cold]
pub(super) fn not_for(dtype: DType, needs: &str) -> Error {
    Error::dtype(format!("not implemented for {dtype}: {needs}"), &[dtype])
}

/// Looks at one CPU value's elements and layout; for several see [`super::locked`].
#[inline]
pub(super) fn with_strided<T: CpuElement, R>(
    value: &Value,
    look: impl FnOnce(Strided<'_, T>) -> Result<R>,
) -> Result<R> {
    let (storage, layout) = value.array.storage_and_layout();
    look(strided(cpu(&storage)?, layout)?)
}

/// Looks at one CPU value's elements as a contiguous slice, which it must be (see [`super::contiguous`]).
#[inline]
pub(super) fn with_slice<T: CpuElement, R>(value: &Value, look: impl FnOnce(&[T]) -> Result<R>) -> Result<R> {
    let (storage, layout) = value.array.storage_and_layout();
    look(slice(cpu(&storage)?, layout)?)
}

#[inline]
pub(super) fn cpu(storage: &Storage) -> Result<&CpuStorage> {
    match storage {
        Storage::Cpu(storage) => Ok(storage),
        _ => Err(Error::internal("a value on another device reached a CPU kernel")),
    }
}

#[inline]
pub(super) fn strided<'a, T: CpuElement>(storage: &'a CpuStorage, layout: &'a Layout) -> Result<Strided<'a, T>> {
    let data = T::slice(storage).ok_or_else(wrong_storage)?;
    Ok(Strided { data, offset: layout.start_offset(), shape: layout.dims(), strides: layout.stride() })
}

#[inline]
pub(super) fn slice<'a, T: CpuElement>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [T]> {
    let data = T::slice(storage).ok_or_else(wrong_storage)?;
    match layout.contiguous_offsets() {
        // Nothing can lie anywhere, also behind the end.
        Some((start, end)) if start == end => Ok(&[]),
        Some((start, end)) => Ok(&data[start..end]),
        None => Err(Error::internal("a strided value reached a kernel for contiguous ones")),
    }
}

#[cold]
pub(super) fn wrong_storage() -> Error {
    Error::internal("a storage is of another dtype than its value")
}
