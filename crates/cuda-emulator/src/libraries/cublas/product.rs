//! `C = alpha A B + beta C`, summed in `f64` and rounded once.

use std::sync::{Mutex, PoisonError};

use half::f16;

use super::Blas;
use super::blocks::Blocks;
use super::numbers::{Compute, Number};
use crate::driver::{Address, DeviceView, Out, Status, registry, report};
use crate::machine::Memory;

/// A matrix in the memory of a device.
#[derive(Clone, Copy, Debug)]
pub(super) struct Matrix {
    pub address: Address,
    pub number: Number,
    pub rows: usize,
    pub columns: usize,
    /// Elements from one row, and from one column, to the next.
    pub row: i64,
    pub column: i64,
}

impl Matrix {
    /// Where the bytes of all elements are, and where among them the first element is.
    fn bytes(&self, view: &DeviceView, write: bool) -> Result<(*mut u8, usize, usize), Blas> {
        let reach = |count: usize, step: i64| (count as i64 - 1) * step;
        let ends = [reach(self.rows, self.row), reach(self.columns, self.column)];
        let size = self.number.size() as i64;
        let low = ends.iter().filter(|end| **end < 0).sum::<i64>() * size;
        let high = ends.iter().filter(|end| **end > 0).sum::<i64>() * size + size;
        let start = self.address.wrapping_add_signed(low);
        let length = (high - low) as usize;
        if !self.address.is_multiple_of(size as u64) {
            report(format_args!("a matrix of {} at {:#x} is not aligned", self.number.name(), self.address));
            return Err(Blas::EXECUTION_FAILED);
        }
        let Some(pointer) = view.resolve(start, length, write) else {
            let complaint = registry().explain(start, length, write);
            report(format_args!("{} x {} of {}: {complaint}", self.rows, self.columns, self.number.name()));
            return Err(Blas::EXECUTION_FAILED);
        };
        Ok((pointer, length, (-low) as usize))
    }

    fn offset(&self, first: usize, row: usize, column: usize) -> usize {
        let elements = row as i64 * self.row + column as i64 * self.column;
        first.wrapping_add_signed(elements as isize * self.number.size() as isize)
    }

    /// All elements, column by column.
    fn load(&self, view: &DeviceView) -> Result<Vec<f64>, Blas> {
        if self.rows == 0 || self.columns == 0 {
            return Ok(Vec::new());
        }
        let (pointer, length, first) = self.bytes(view, false)?;
        // SAFETY: the range has just been looked up; no one writes there at the same time, or the program has a race.
        let bytes = unsafe { std::slice::from_raw_parts(pointer, length) };
        let mut values = Vec::with_capacity(self.rows * self.columns);
        for column in 0..self.columns {
            for row in 0..self.rows {
                let place = self.offset(first, row, column);
                values.push(self.number.read(&bytes[place..place + self.number.size()]));
            }
        }
        Ok(values)
    }

    fn store(&self, view: &DeviceView, values: &[f64]) -> Result<(), Blas> {
        let (pointer, length, first) = self.bytes(view, true)?;
        // SAFETY: the range has just been looked up; no one else uses it at the same time, or the program has a race.
        let bytes = unsafe { std::slice::from_raw_parts_mut(pointer, length) };
        for column in 0..self.columns {
            for row in 0..self.rows {
                let place = self.offset(first, row, column);
                self.number.write(values[column * self.rows + row], &mut bytes[place..place + self.number.size()]);
            }
        }
        Ok(())
    }
}

/// One product.
#[derive(Clone, Copy, Debug)]
pub(super) struct Product {
    pub a: Matrix,
    pub b: Matrix,
    pub c: Matrix,
    pub alpha: f64,
    pub beta: f64,
    pub compute: Compute,
    /// Whether parts of a sum may be rounded to the type of the result.
    pub reduced: bool,
}

/// After how many terms a sum in `f16` is rounded, as tensor cores do it.
const HALF_SUM: usize = 16;

impl Product {
    pub(super) fn run(&self, view: &DeviceView) -> Result<(), Blas> {
        let (m, n, k) = (self.c.rows, self.c.columns, self.a.columns);
        if m == 0 || n == 0 {
            return Ok(());
        }
        // What is multiplied by nothing is not read: it may be anything, NaN included.
        let (mut a, mut b) =
            if self.alpha == 0.0 { (Vec::new(), Vec::new()) } else { (self.a.load(view)?, self.b.load(view)?) };
        a.iter_mut().chain(&mut b).for_each(|value| *value = self.compute.factor(*value));
        let mut c = if self.beta == 0.0 { vec![0.0; m * n] } else { self.c.load(view)? };
        let single = !matches!(self.compute, Compute::F16 | Compute::F64 | Compute::I32);
        let blocks = Blocks::wanted([m, n, k], self.reduced.then_some(self.c.number)).filter(|_| single);
        let mut sum = vec![0.0; m];
        for (column, into) in c.chunks_exact_mut(m).enumerate() {
            sum.fill(0.0);
            let terms = if self.alpha == 0.0 || blocks.is_some() { 0 } else { k };
            if let Some(blocks) = blocks.as_ref().filter(|_| self.alpha != 0.0) {
                for (row, sum) in sum.iter_mut().enumerate() {
                    *sum = blocks.sum((0..k).map(|p| (a[p * m + row], b[column * k + p])));
                }
            }
            for p in 0..terms {
                let factor = b[column * k + p];
                let from = &a[p * m..(p + 1) * m];
                sum.iter_mut().zip(from).for_each(|(sum, value)| *sum += value * factor);
                if self.compute == Compute::F16 && (p + 1) % HALF_SUM == 0 {
                    sum.iter_mut().for_each(|sum| *sum = f16::from_f64(*sum).to_f64());
                }
            }
            for (into, sum) in into.iter_mut().zip(&sum) {
                let product = if self.alpha == 0.0 { 0.0 } else { self.alpha * sum };
                *into = product + if self.beta == 0.0 { 0.0 } else { self.beta * *into };
            }
        }
        self.c.store(view, &c)
    }
}

static LAST: Mutex<String> = Mutex::new(String::new());

/// Remembers what was asked for last.
pub(super) fn remember(text: String) {
    *LAST.lock().unwrap_or_else(PoisonError::into_inner) = text;
}

/// What the last product asked for, as `name=value` words: `function`, `m`, `n`, `k`, `batch`, the types `a`, `b` and `c`,
/// `compute` and `math` (the names and numbers of cuBLAS), and `tf32`, which is 1 when factors are rounded to TF32.
///
/// Returns the bytes that the text needs, with the zero byte at the end, and writes those that there is room for.
///
/// # Safety
///
/// `buffer` is null or has room for `size` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuda_emulator_last_gemm(buffer: Out<std::ffi::c_char>, size: usize) -> usize {
    crate::driver::write_text(buffer, size, &LAST.lock().unwrap_or_else(PoisonError::into_inner))
}

/// The error of an operand that cannot be used, for a stream.
pub(super) fn as_driver_error(error: Blas) -> Status {
    match error {
        Blas::INVALID_VALUE => Status::INVALID_VALUE,
        _ => Status::LAUNCH_FAILED,
    }
}
