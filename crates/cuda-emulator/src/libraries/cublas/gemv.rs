//! Products of a matrix and a vector.

use super::Blas;
use super::handle::library;
use super::numbers::{Compute, Number};
use super::overlap;
use super::product::{Matrix, Product, as_driver_error};
use crate::driver::{Address, Count, DeviceView, Handle, HostPointer, count, exports, submit};

/// The arguments of such a function.
struct Call {
    handle: Handle,
    transposed: i32,
    shape: [i32; 2],
    alpha: HostPointer,
    beta: HostPointer,
    matrix: (Address, i32),
    from: (Address, i32),
    to: (Address, i32),
}

/// A vector with its steps, which begins at its end when they go back.
fn vector((address, step): (Address, i32), length: usize, number: Number) -> Matrix {
    let step = i64::from(step);
    let first = if step < 0 { (1 - length as i64) * step * number.size() as i64 } else { 0 };
    Matrix { address: address.wrapping_add_signed(first), number, rows: length, columns: 1, row: step, column: 1 }
}

impl Call {
    fn run(self, number: Number, compute: Compute) -> Result<(), Blas> {
        let library = library(self.handle)?;
        let stream = library.stream()?;
        stream.context()?;
        let [m, n] = self.shape;
        let (address, leading) = self.matrix;
        if m < 0
            || n < 0
            || leading < m.max(1)
            || self.from.1 == 0
            || self.to.1 == 0
            || !(0..=2).contains(&self.transposed)
        {
            return Err(Blas::INVALID_VALUE);
        }
        if m == 0 || n == 0 {
            return Ok(());
        }
        let (rows, columns, row, column) = match self.transposed {
            0 => (m as usize, n as usize, 1, i64::from(leading)),
            _ => (n as usize, m as usize, i64::from(leading), 1),
        };
        let scalars = [library.scalar(self.alpha, number)?, library.scalar(self.beta, number)?];
        let product = move |[alpha, beta]: [f64; 2]| Product {
            a: Matrix { address, number, rows, columns, row, column },
            b: vector(self.from, columns, number),
            c: vector(self.to, rows, number),
            alpha,
            beta,
            compute,
            reduced: false,
        };
        let run = move |view: &DeviceView| {
            let product = product([scalars[0].read(view)?, scalars[1].read(view)?]);
            overlap::check(std::slice::from_ref(&product))?;
            product.run(view)
        };
        submit(&stream, || count(Count::Gemm), move |context| run(&context.view()).map_err(as_driver_error))?;
        Ok(())
    }
}

exports! {
    panic = 14, error = Blas;

    fn cublasSgemv_v2(
        handle: Handle, transposed: i32, m: i32, n: i32, alpha: HostPointer, a: Address, lda: i32,
        x: Address, step_x: i32, beta: HostPointer, y: Address, step_y: i32,
    ) {
        Call { handle, transposed, shape: [m, n], alpha, beta, matrix: (a, lda), from: (x, step_x), to: (y, step_y) }
            .run(Number::F32, Compute::F32)
    }

    fn cublasDgemv_v2(
        handle: Handle, transposed: i32, m: i32, n: i32, alpha: HostPointer, a: Address, lda: i32,
        x: Address, step_x: i32, beta: HostPointer, y: Address, step_y: i32,
    ) {
        Call { handle, transposed, shape: [m, n], alpha, beta, matrix: (a, lda), from: (x, step_x), to: (y, step_y) }
            .run(Number::F64, Compute::F64)
    }
}
