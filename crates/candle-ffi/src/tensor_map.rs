//! Named tensors and files.
//!
//! A `CandleTensorMap` holds tensors by name, in order, and texts of metadata, as a safetensors file does.

use crate::error::{CandleError, CandleStatus};
use crate::handle::{Kind, Opaque, borrow, borrow_mut, free};
use crate::panic::{guard, neutral};
use crate::pointer::{copy_text, output, text};
use crate::tensor::CandleTensor;
use candle_ffi_core::{Error, Tensor, io};
use std::ffi::c_char;
use std::path::Path;

/// Tensors by name, in order.
pub struct CandleTensorMap {
    _opaque: [u8; 0],
}

/// What a `CandleTensorMap` owns.
#[derive(Default)]
pub struct TensorMap {
    tensors: Vec<(String, Tensor)>,
    metadata: Vec<(String, String)>,
}

impl Opaque for CandleTensorMap {
    type Value = TensorMap;
    const KIND: Kind = Kind::TensorMap;
}

impl From<Vec<(String, Tensor)>> for TensorMap {
    fn from(tensors: Vec<(String, Tensor)>) -> Self {
        Self { tensors, metadata: Vec::new() }
    }
}

impl TensorMap {
    pub(crate) fn entries(&self) -> Vec<(&str, &Tensor)> {
        self.tensors.iter().map(|(name, tensor)| (name.as_str(), tensor)).collect()
    }
}

/// Makes an empty map.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_tensor_map_new(
    out: *mut *mut CandleTensorMap,
    error: *mut *mut CandleError,
) -> CandleStatus {
    forward!(candle_tensor_map_new(out, error));
    // SAFETY: the caller keeps the contract of the header.
    unsafe {
        guard(error, "tensor_map_new", || {
            output(out, "out")?.put(TensorMap::default());
            Ok(())
        })
    }
}

/// Frees a map; the tensors go with their last user. NULL is allowed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_tensor_map_free(map: *mut CandleTensorMap) {
    forward!(candle_tensor_map_free(map));
    // SAFETY: the caller keeps the contract of the header.
    neutral((), || unsafe {
        free(map);
        Ok(())
    });
}

/// The number of tensors.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_tensor_map_len(map: *const CandleTensorMap) -> usize {
    forward!(candle_tensor_map_len(map));
    // SAFETY: the caller keeps the contract of the header.
    neutral(0, || unsafe { Ok(borrow(map, "map")?.tensors.len()) })
}

/// Copies the name of a tensor, NUL-terminated and cut where `capacity` ends, and returns its whole
/// length; 0 when there is no such tensor.
///
/// `name` may be NULL: then only the length is told.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_tensor_map_name(
    map: *const CandleTensorMap,
    index: usize,
    name: *mut c_char,
    capacity: usize,
) -> usize {
    forward!(candle_tensor_map_name(map, index, name, capacity));
    // SAFETY: the caller keeps the contract of the header.
    neutral(0, || unsafe {
        let map = borrow(map, "map")?;
        copy_text(map.tensors.get(index).map_or("", |(found, _)| found), name, capacity, "name")
    })
}

/// The tensor at a position, as a new handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_tensor_map_at(
    map: *const CandleTensorMap,
    index: usize,
    out: *mut *mut CandleTensor,
    error: *mut *mut CandleError,
) -> CandleStatus {
    forward!(candle_tensor_map_at(map, index, out, error));
    // SAFETY: the caller keeps the contract of the header.
    unsafe {
        guard(error, "tensor_map_at", || {
            let out = output(out, "out")?;
            let map = borrow(map, "map")?;
            let found = map.tensors.get(index);
            let missing = || Error::index(format!("there is no tensor {index}; the map has {}", map.tensors.len()));
            out.put(found.ok_or_else(missing)?.1.clone());
            Ok(())
        })
    }
}

/// The tensor of a name, as a new handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_tensor_map_get(
    map: *const CandleTensorMap,
    name: *const c_char,
    out: *mut *mut CandleTensor,
    error: *mut *mut CandleError,
) -> CandleStatus {
    forward!(candle_tensor_map_get(map, name, out, error));
    // SAFETY: the caller keeps the contract of the header.
    unsafe {
        guard(error, "tensor_map_get", || {
            let out = output(out, "out")?;
            let map = borrow(map, "map")?;
            let name = text(name, "name")?;
            let found = map.tensors.iter().find(|(known, _)| known == name);
            out.put(found.ok_or_else(|| Error::argument(format!("the map has no tensor {name:?}")))?.1.clone());
            Ok(())
        })
    }
}

/// Adds a tensor, or replaces the one of the same name. The map shares the tensor.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_tensor_map_insert(
    map: *mut CandleTensorMap,
    name: *const c_char,
    tensor: *const CandleTensor,
    error: *mut *mut CandleError,
) -> CandleStatus {
    forward!(candle_tensor_map_insert(map, name, tensor, error));
    // SAFETY: the caller keeps the contract of the header.
    unsafe {
        guard(error, "tensor_map_insert", || {
            let mut map = borrow_mut(map, "map")?;
            let (name, tensor) = (text(name, "name")?, borrow(tensor, "tensor")?);
            match map.tensors.iter_mut().find(|(known, _)| known == name) {
                Some((_, place)) => *place = tensor.clone(),
                None => map.tensors.push((name.to_owned(), tensor.clone())),
            }
            Ok(())
        })
    }
}

/// The number of texts of metadata.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_tensor_map_num_metadata(map: *const CandleTensorMap) -> usize {
    forward!(candle_tensor_map_num_metadata(map));
    // SAFETY: the caller keeps the contract of the header.
    neutral(0, || unsafe { Ok(borrow(map, "map")?.metadata.len()) })
}

/// Copies the key of a text of metadata as `candle_tensor_map_name` does a name. `key` may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_tensor_map_metadata_key(
    map: *const CandleTensorMap,
    index: usize,
    key: *mut c_char,
    capacity: usize,
) -> usize {
    forward!(candle_tensor_map_metadata_key(map, index, key, capacity));
    // SAFETY: the caller keeps the contract of the header.
    neutral(0, || unsafe {
        let map = borrow(map, "map")?;
        copy_text(map.metadata.get(index).map_or("", |(found, _)| found), key, capacity, "key")
    })
}

/// Copies a text of metadata as `candle_tensor_map_name` does a name. `value` may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_tensor_map_metadata_value(
    map: *const CandleTensorMap,
    index: usize,
    value: *mut c_char,
    capacity: usize,
) -> usize {
    forward!(candle_tensor_map_metadata_value(map, index, value, capacity));
    // SAFETY: the caller keeps the contract of the header.
    neutral(0, || unsafe {
        let map = borrow(map, "map")?;
        copy_text(map.metadata.get(index).map_or("", |(_, found)| found), value, capacity, "value")
    })
}

/// Sets a text of metadata.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_tensor_map_set_metadata(
    map: *mut CandleTensorMap,
    key: *const c_char,
    value: *const c_char,
    error: *mut *mut CandleError,
) -> CandleStatus {
    forward!(candle_tensor_map_set_metadata(map, key, value, error));
    // SAFETY: the caller keeps the contract of the header.
    unsafe {
        guard(error, "tensor_map_set_metadata", || {
            let mut map = borrow_mut(map, "map")?;
            let (key, value) = (text(key, "key")?, text(value, "value")?.to_owned());
            match map.metadata.iter_mut().find(|(known, _)| known == key) {
                Some((_, place)) => *place = value,
                None => map.metadata.push((key.to_owned(), value)),
            }
            Ok(())
        })
    }
}

/// Writes a map to a safetensors file, which appears whole or not at all.
///
/// Fails with `CANDLE_ERROR_IO` when it cannot be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_tensor_map_save(
    map: *const CandleTensorMap,
    path: *const c_char,
    error: *mut *mut CandleError,
) -> CandleStatus {
    forward!(candle_tensor_map_save(map, path, error));
    // SAFETY: the caller keeps the contract of the header.
    unsafe {
        guard(error, "save_file", || {
            let map = borrow(map, "map")?;
            let path = Path::new(text(path, "path")?);
            let metadata: Vec<_> = map.metadata.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
            io::save(path, &map.entries(), &metadata)
        })
    }
}

/// Reads a safetensors file.
///
/// Fails with `CANDLE_ERROR_IO` when it cannot be read, with `CANDLE_ERROR_FILE_FORMAT` when its content is
/// not what the format demands.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_tensor_map_load(
    path: *const c_char,
    out: *mut *mut CandleTensorMap,
    error: *mut *mut CandleError,
) -> CandleStatus {
    forward!(candle_tensor_map_load(path, out, error));
    // SAFETY: the caller keeps the contract of the header.
    unsafe {
        guard(error, "load_file", || {
            let out = output(out, "out")?;
            let (tensors, metadata) = io::load(Path::new(text(path, "path")?))?;
            out.put(TensorMap { tensors, metadata });
            Ok(())
        })
    }
}
