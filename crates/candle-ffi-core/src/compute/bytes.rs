//! Elements as little-endian bytes, read and written in pieces so that nothing is held twice.

use super::copy::{contiguous, from_vec};
use super::dispatch::{self, CpuElement, with_element};
use crate::value::Value;
use crate::{DType, Device, Result, shape};
use std::io::{Read, Write};

/// A multiple of every element's size.
const PIECE: usize = 1 << 20;

/// Elements to and from little-endian bytes, bit by bit: a NaN keeps its payload.
trait LittleEndian: CpuElement {
    fn append(bytes: &[u8], elements: &mut Vec<Self>);
    fn write(elements: &[Self], bytes: &mut Vec<u8>);
}

macro_rules! little_endian {
    ($($T:ty, $size:literal, $from:expr, $to:expr;)*) => {$(
        impl LittleEndian for $T {
            fn append(bytes: &[u8], elements: &mut Vec<Self>) {
                elements.extend(bytes.as_chunks::<$size>().0.iter().map(|bytes| $from(*bytes)));
            }

            fn write(elements: &[Self], bytes: &mut Vec<u8>) {
                bytes.extend(elements.iter().flat_map(|element| $to(*element)));
            }
        }
    )*};
}

little_endian! {
    u8, 1, u8::from_le_bytes, u8::to_le_bytes;
    i16, 2, i16::from_le_bytes, i16::to_le_bytes;
    u32, 4, u32::from_le_bytes, u32::to_le_bytes;
    i32, 4, i32::from_le_bytes, i32::to_le_bytes;
    i64, 8, i64::from_le_bytes, i64::to_le_bytes;
    half::f16, 2, half::f16::from_le_bytes, half::f16::to_le_bytes;
    half::bf16, 2, half::bf16::from_le_bytes, half::bf16::to_le_bytes;
    f32, 4, f32::from_le_bytes, f32::to_le_bytes;
    f64, 8, f64::from_le_bytes, f64::to_le_bytes;
    float8::F8E4M3, 1, |[bits]: [u8; 1]| float8::F8E4M3::from_bits(bits), |element: float8::F8E4M3| [element.to_bits()];
}

/// Reads the elements of a CPU value; any byte but zero is true.
pub(crate) fn read_bytes(reader: &mut dyn Read, dims: &[usize], dtype: DType) -> Result<Value> {
    let count = shape::check_allocation(dims, dtype)?;
    let total = count * dtype.size_in_bytes();
    let mut piece = vec![0u8; total.min(PIECE)];
    let mut left = total;
    with_element!(dtype, T => {
        let mut elements = Vec::<T>::with_capacity(count);
        while left > 0 {
            let bytes = &mut piece[..left.min(PIECE)];
            reader.read_exact(bytes)?;
            if dtype == DType::Bool {
                bytes.iter_mut().for_each(|byte| *byte = u8::from(*byte != 0));
            }
            T::append(bytes, &mut elements);
            left -= bytes.len();
        }
        Ok(from_vec(elements, dims, dtype))
    })
}

/// Writes the elements in row-major order.
pub(crate) fn write_bytes(writer: &mut dyn Write, value: &Value) -> Result<()> {
    let value = contiguous(&value.to_device(Device::CPU)?)?;
    let size = value.dtype.size_in_bytes();
    let mut piece = Vec::with_capacity((value.num_elements() * size).min(PIECE));
    with_element!(value.dtype, T => dispatch::with_slice::<T, _>(&value, |elements| {
        for part in elements.chunks(PIECE / size) {
            piece.clear();
            T::write(part, &mut piece);
            writer.write_all(&piece)?;
        }
        Ok(())
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_dtype_returns_bit_by_bit_also_across_pieces() {
        for dtype in DType::ALL {
            let count = PIECE / dtype.size_in_bytes() + 3;
            // All bit patterns of small dtypes and many of the large: signalling NaNs, subnormals, infinities.
            let pattern = |i: usize| if dtype == DType::Bool { i % 2 } else { (i * 2_654_435_761) >> 7 };
            let bytes: Vec<u8> = (0..count * dtype.size_in_bytes()).map(|i| pattern(i) as u8).collect();
            let value = read_bytes(&mut bytes.as_slice(), &[count], dtype).unwrap();
            let mut written = Vec::new();
            write_bytes(&mut written, &value).unwrap();
            assert!(written == bytes, "{dtype}");
        }
    }

    #[test]
    fn what_is_strided_is_written_in_order_and_any_byte_is_a_truth() {
        let value = read_bytes(&mut [0u8, 7, 1, 0].as_slice(), &[2, 2], DType::Bool).unwrap();
        let mut written = Vec::new();
        write_bytes(&mut written, &value.permute(&[1, 0]).unwrap()).unwrap();
        assert_eq!(written, [0, 1, 1, 0]);
        assert!(read_bytes(&mut [0u8; 3].as_slice(), &[2], DType::Int16).is_err());
    }
}
