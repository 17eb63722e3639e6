//! The header of a safetensors file: eight bytes of length, then JSON that says for each tensor its
//! dtype, its shape, and where its bytes are.

use crate::{DType, Error, ErrorCode, Result, Tensor, shape};
use safetensors::tensor::{Dtype, Metadata, TensorInfo};
use serde_json::{Map, Value as Json};
use std::collections::HashSet;
use std::io::Read;

/// Larger headers are refused: the largest published models stay below a tenth of it.
const MAX_HEADER: u64 = 16 << 20;
const METADATA: &str = "__metadata__";

/// How the format calls the dtypes.
const DTYPES: [(DType, Dtype); 11] = [
    (DType::Bool, Dtype::BOOL),
    (DType::UInt8, Dtype::U8),
    (DType::Int16, Dtype::I16),
    (DType::UInt32, Dtype::U32),
    (DType::Int32, Dtype::I32),
    (DType::Int64, Dtype::I64),
    (DType::Float8E4M3, Dtype::F8_E4M3),
    (DType::Float16, Dtype::F16),
    (DType::BFloat16, Dtype::BF16),
    (DType::Float32, Dtype::F32),
    (DType::Float64, Dtype::F64),
];

/// One tensor of a file; its bytes start at `start` after the header.
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) dtype: DType,
    pub(super) dims: Vec<usize>,
    pub(super) start: usize,
}

/// What a header says, once it has been checked.
pub(super) struct Header {
    pub(super) entries: Vec<Entry>,
    pub(super) metadata: Vec<(String, String)>,
}

/// Reads and checks the header of a file of `length` bytes. After it the tensors' bytes follow one
/// another without gaps up to the end.
pub(super) fn read(reader: &mut dyn Read, length: u64) -> Result<Header> {
    let mut size = [0; 8];
    let Some(after_size) = length.checked_sub(8) else {
        return Err(wrong(format!("{length} bytes are too few for a safetensors file")));
    };
    reader.read_exact(&mut size)?;
    let size = u64::from_le_bytes(size);
    if size > after_size {
        return Err(wrong(format!("the header is said to have {size} bytes, and only {after_size} follow")));
    }
    if size > MAX_HEADER {
        return Err(wrong(format!("the header has {size} bytes; more than {MAX_HEADER} (16 MiB) are refused")));
    }
    let mut text = vec![0; size as usize];
    reader.read_exact(&mut text)?;
    let text = String::from_utf8(text).map_err(|error| wrong(format!("the header is not UTF-8: {error}")))?;
    check(&text, after_size - size)
}

fn check(text: &str, data_length: u64) -> Result<Header> {
    let object = match serde_json::from_str(text) {
        Ok(Json::Object(object)) => object,
        Ok(_) => return Err(wrong("the header is not a JSON object")),
        Err(error) => return Err(wrong(format!("the header is not JSON: {error}"))),
    };
    // A parsed object keeps the last of two entries of one name.
    if let Some(name) = duplicate_key(text) {
        return Err(wrong(format!("the header has {name:?} twice")));
    }
    let mut metadata = Vec::new();
    let mut infos = Vec::new();
    let mut entries = Vec::new();
    for (name, value) in object {
        if name == METADATA {
            metadata = metadata_of(value)?;
            continue;
        }
        let dtype = dtype_of(&name, &value)?;
        let info: TensorInfo = serde_json::from_value(value)
            .map_err(|error| wrong(format!("the entry of tensor {name:?} is not valid: {error}")))?;
        check_size(&name, dtype, &info)?;
        entries.push(Entry { name: name.clone(), dtype, dims: info.shape.clone(), start: info.data_offsets.0 });
        infos.push((name, info));
    }
    metadata.sort();
    infos.sort_by_key(|(_, info)| info.data_offsets);
    // The format's own check: from zero on, without gaps or overlaps.
    let layout = Metadata::new(None, infos)
        .map_err(|error| wrong(format!("the tensors' bytes overlap or leave gaps: {error}")))?;
    let expected = layout.data_len() as u64;
    if data_length != expected {
        let what = if data_length < expected { "it is cut off" } else { "something follows the last tensor" };
        return Err(wrong(format!("the tensors have {expected} bytes and the file {data_length}: {what}")));
    }
    Ok(Header { entries, metadata })
}

fn metadata_of(value: Json) -> Result<Vec<(String, String)>> {
    let Json::Object(object) = value else {
        return Err(wrong(format!("{METADATA} is not an object")));
    };
    let pairs = object.into_iter().map(|(key, value)| match value {
        Json::String(text) => Ok((key, text)),
        _ => Err(wrong(format!("the value of {key:?} in {METADATA} is not a string"))),
    });
    pairs.collect()
}

fn dtype_of(name: &str, entry: &Json) -> Result<DType> {
    let Some(called) = entry.get("dtype").and_then(Json::as_str) else {
        return Err(wrong(format!("tensor {name:?} has no dtype")));
    };
    let known = DTYPES.iter().find(|(_, theirs)| theirs.to_string() == called);
    known.map(|(dtype, _)| *dtype).ok_or_else(|| {
        let all: Vec<String> = DTYPES.iter().map(|(_, theirs)| theirs.to_string()).collect();
        wrong(format!("tensor {name:?} has dtype {called:?}, which is not supported; supported are {}", all.join(", ")))
    })
}

fn check_size(name: &str, dtype: DType, info: &TensorInfo) -> Result<()> {
    let (start, end) = info.data_offsets;
    let bytes = shape::num_elements(&info.shape).ok().and_then(|count| count.checked_mul(dtype.size_in_bytes()));
    let Some(bytes) = bytes else {
        return Err(wrong(format!("the size of tensor {name:?} of shape {:?} overflows", info.shape)));
    };
    if end.checked_sub(start) != Some(bytes) {
        let message = format!(
            "tensor {name:?} of shape {:?} and {dtype} has {bytes} bytes, and its offsets are {start} to {end}",
            info.shape
        );
        return Err(wrong(message));
    }
    Ok(())
}

/// A key that stands twice in one object of a valid JSON text.
fn duplicate_key(text: &str) -> Option<String> {
    let mut objects: Vec<HashSet<String>> = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(['{', '}', '"']) {
        let found = rest.as_bytes()[at];
        rest = &rest[at..];
        if found == b'"' {
            let mut escaped = false;
            let end = rest[1..].find(|letter| {
                let ends = letter == '"' && !escaped;
                escaped = letter == '\\' && !escaped;
                ends
            })?;
            let (string, after) = rest.split_at(end + 2);
            rest = after;
            if rest.trim_start().starts_with(':') {
                // Compared as what it says: the same name can be written with and without escapes.
                let key: String = serde_json::from_str(string).ok()?;
                if let Some(keys) = objects.last_mut()
                    && !keys.insert(key.clone())
                {
                    return Some(key);
                }
            }
            continue;
        }
        if found == b'{' {
            objects.push(HashSet::new());
        } else {
            objects.pop();
        }
        rest = &rest[1..];
    }
    None
}

/// The bytes of a header, and the order in which the tensors' bytes follow it: as the reference
/// implementation's by falling size of the elements and then by name, which aligns them.
pub(super) fn describe(tensors: &[(&str, &Tensor)], metadata: &[(&str, &str)]) -> Result<(Vec<u8>, Vec<usize>)> {
    let mut object = Map::new();
    if !metadata.is_empty() {
        let mut pairs = metadata.to_vec();
        pairs.sort_unstable();
        if let Some(pair) = pairs.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            return Err(Error::argument(format!("the metadata has {:?} twice", pair[0].0)));
        }
        object.insert(
            METADATA.to_owned(),
            pairs.into_iter().map(|(key, value)| (key.to_owned(), Json::from(value))).collect(),
        );
    }
    let mut order: Vec<usize> = (0..tensors.len()).collect();
    order.sort_by_key(|&at| (std::cmp::Reverse(tensors[at].1.dtype().size_in_bytes()), tensors[at].0));
    let mut start = 0usize;
    for &at in &order {
        let (name, tensor) = tensors[at];
        if name == METADATA {
            return Err(Error::argument(format!(
                "a tensor cannot be called {METADATA}: the format keeps that name for itself"
            )));
        }
        let theirs = DTYPES.iter().find(|(dtype, _)| *dtype == tensor.dtype());
        let Some(&(dtype, theirs)) = theirs else {
            return Err(Error::dtype(format!("the format has no dtype {}", tensor.dtype()), &[tensor.dtype()]));
        };
        let end = start + tensor.num_elements() * dtype.size_in_bytes();
        let info = TensorInfo { dtype: theirs, shape: tensor.dims(), data_offsets: (start, end) };
        if object.insert(name.to_owned(), serde_json::to_value(&info).map_err(internal)?).is_some() {
            return Err(Error::argument(format!("two tensors are called {name:?}")));
        }
        start = end;
    }
    let mut text = serde_json::to_vec(&object).map_err(internal)?;
    text.resize(text.len().next_multiple_of(8), b' ');
    if text.len() as u64 > MAX_HEADER {
        return Err(Error::argument(format!(
            "the header would have {} bytes; more than {MAX_HEADER} are not read back",
            text.len()
        )));
    }
    let mut bytes = (text.len() as u64).to_le_bytes().to_vec();
    bytes.append(&mut text);
    Ok((bytes, order))
}

fn internal(error: serde_json::Error) -> Error {
    Error::internal(format!("a header could not be written: {error}"))
}

#[cold]
fn wrong(message: impl Into<String>) -> Error {
    Error::new(ErrorCode::FileFormat, message)
}

#[cfg(test)]
mod tests {
    use crate::ErrorCode;
    use crate::io::load_bytes;

    fn file(header: &str, data: usize) -> Vec<u8> {
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend(header.as_bytes());
        bytes.resize(bytes.len() + data, 0);
        bytes
    }

    fn entry(name: &str, dtype: &str, shape: &str, from: usize, to: usize) -> String {
        format!("\"{name}\":{{\"dtype\":\"{dtype}\",\"shape\":{shape},\"data_offsets\":[{from},{to}]}}")
    }

    #[test]
    fn each_defect_of_a_header_is_refused_and_named() {
        let f32s = |name: &str, from: usize, to: usize| entry(name, "F32", "[1]", from, to);
        let object = |entries: &[String]| format!("{{{}}}", entries.join(","));
        let cases: &[(String, usize, &str)] = &[
            ("[]".into(), 0, "not a JSON object"),
            ("{".into(), 0, "not JSON"),
            (object(&[f32s("a", 0, 4), f32s("\\u0061", 4, 8)]), 8, "\"a\" twice"),
            (object(&["\"__metadata__\":{\"k\":\"1\",\"k\":\"2\"}".into()]), 0, "\"k\" twice"),
            (object(&["\"__metadata__\":{\"k\":1}".into()]), 0, "\"k\""),
            (object(&[f32s("a", 0, 4), f32s("b", 2, 6)]), 6, "`b`"),
            (object(&[f32s("a", 0, 4), f32s("b", 6, 10)]), 10, "`b`"),
            (object(&[f32s("a", 4, 0)]), 4, "offsets are 4 to 0"),
            (object(&[f32s("a", 0, 8)]), 8, "\"a\""),
            (object(&[f32s("a", 0, 4)]), 3, "cut off"),
            (object(&[f32s("a", 0, 4)]), 5, "follows"),
            (object(&[entry("a", "F32", "[4294967296,4294967296]", 0, 0)]), 0, "overflows"),
            (object(&[entry("a", "F32", "[-1]", 0, 4)]), 4, "\"a\""),
            (object(&[entry("a", "C64", "[1]", 0, 8)]), 8, "C64"),
            (object(&[entry("a", "Q4", "[1]", 0, 8)]), 8, "Q4"),
            (object(&["\"a\":3".into()]), 0, "\"a\""),
        ];
        for (header, data, said) in cases {
            let error = load_bytes(&file(header, *data)).unwrap_err();
            assert_eq!(error.code(), ErrorCode::FileFormat, "{header}");
            assert!(error.message().contains(said), "{header}: {error}");
        }
    }

    #[test]
    fn lengths_are_checked_before_they_are_used() {
        let long = |length: u64| [&length.to_le_bytes()[..], b"{}"].concat();
        for (bytes, said) in [
            (b"{}".to_vec(), "too few"),
            (long(3), "only 2 follow"),
            (long(u64::MAX), "only 2 follow"),
            (file(&" ".repeat((16 << 20) + 1), 0), "16 MiB"),
            ([&2u64.to_le_bytes()[..], &[0xff, 0xfe]].concat(), "UTF-8"),
        ] {
            let error = load_bytes(&bytes).unwrap_err();
            assert!(error.code() == ErrorCode::FileFormat && error.message().contains(said), "{error}");
        }
        assert!(load_bytes(&file("{}  ", 0)).unwrap().0.is_empty());
    }

    #[test]
    fn names_with_quotes_and_braces_are_names() {
        let header = format!("{{{}}}", [entry("a{\\\"}", "U8", "[1]", 1, 2), entry("a", "U8", "[]", 0, 1)].join(" , "));
        let (tensors, _) = load_bytes(&file(&header, 2)).unwrap();
        assert_eq!(tensors.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["a", "a{\"}"]);
    }
}
