//! The storages of several operands, locked together.
//!
//! Candle guards a storage by a lock that a waiting writer closes to new readers. Operands that are
//! locked one after the other, in any order or twice, can then wait for each other for ever when another
//! thread changes one of them in place. So each storage is locked once, in the order of addresses: the
//! order that Candle's own in-place operations keep.

use super::dispatch::{self, CpuElement};
use crate::Result;
use crate::value::Value;
use candle_core::StorageRef;
use candle_ffi_kernels::Strided;

/// Operands whose storages can be read for as long as this lives.
pub(super) struct Locked<'a, const N: usize> {
    values: [&'a Value; N],
    guards: [Option<StorageRef<'a>>; N],
    /// For each operand, where the guard of its storage is.
    holders: [usize; N],
}

/// Locks the storages of these operands for reading.
#[inline]
pub(super) fn lock<const N: usize>(values: [&Value; N]) -> Locked<'_, N> {
    let mut order: [usize; N] = std::array::from_fn(|at| at);
    let mut addresses = [0; N];
    if N > 1 {
        addresses = values.map(Value::storage_address);
        order.sort_unstable_by_key(|&at| addresses[at]);
    }
    let mut guards = [const { None }; N];
    let mut holders = order;
    let mut last: Option<usize> = None;
    for at in order {
        match last {
            Some(before) if addresses[before] == addresses[at] => holders[at] = before,
            _ => {
                guards[at] = Some(values[at].array.storage_and_layout().0);
                holders[at] = at;
                last = Some(at);
            }
        }
    }
    Locked { values, guards, holders }
}

impl<const N: usize> Locked<'_, N> {
    fn storage(&self, at: usize) -> Result<&candle_core::CpuStorage> {
        let guard = self.guards[self.holders[at]].as_ref();
        dispatch::cpu(guard.ok_or_else(|| crate::Error::internal("a storage is read without its lock"))?)
    }

    /// The elements and layout of an operand.
    #[inline]
    pub(super) fn strided<T: CpuElement>(&self, at: usize) -> Result<Strided<'_, T>> {
        dispatch::strided(self.storage(at)?, self.values[at].array.layout())
    }

    /// The elements of an operand that is contiguous.
    #[inline]
    pub(super) fn slice<T: CpuElement>(&self, at: usize) -> Result<&[T]> {
        dispatch::slice(self.storage(at)?, self.values[at].array.layout())
    }
}

#[cfg(test)]
mod tests {
    use crate::DType;
    use crate::compute::{Binary, binary, binary_into, from_vec};

    #[test]
    fn readers_of_one_storage_twice_and_writers_do_not_wait_for_each_other() {
        let (x, one) =
            (from_vec(vec![0.0f32; 4096], &[4096], DType::Float32), from_vec(vec![1.0f32], &[1], DType::Float32));
        let other = from_vec(vec![0.0f32; 4096], &[4096], DType::Float32);
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| (0..2000).for_each(|_| drop(binary(Binary::Mul, &x, &x).unwrap())));
                scope.spawn(|| (0..2000).for_each(|_| drop(binary(Binary::Add, &other, &x).unwrap())));
                scope.spawn(|| (0..2000).for_each(|_| binary_into(Binary::Add, &x, &one).unwrap()));
                scope.spawn(|| (0..2000).for_each(|_| binary_into(Binary::Add, &other, &x).unwrap()));
            }
        });
    }
}
