//! One operation, for some lanes of the warp that runs.

use super::convert::Conversion;
use super::fault::{Outcome, Problem};
use super::file::each;
use super::warp::Machine;
use super::{bits, float, integer};
use crate::ptx::{LOCAL_WINDOW, Operation, PARAM_WINDOW, Place, SHARED_WINDOW, Slot, Space};

impl Machine<'_> {
    pub(super) fn execute(&mut self, operation: &Operation, mask: u32) -> Outcome {
        let file = self.file;
        match *operation {
            Operation::Copy { size, to, from } => match size {
                1 => file.map1(mask, to, from, |a: u8| a),
                2 => file.map1(mask, to, from, |a: u16| a),
                4 => file.map1(mask, to, from, |a: u32| a),
                8 => file.map1(mask, to, from, |a: u64| a),
                _ => file.map1(mask, to, from, |a: u128| a),
            },
            Operation::CopyPredicate { to, from } => file.set_bits(to, mask, file.guard(from)),
            Operation::Logic { logic, to, a, b } => {
                file.set_bits(to, mask, float::join(file.guard(a), logic, file.guard(b)));
            }
            Operation::Integer2 { operation, ty, to, a, b } => integer::integer2(file, mask, operation, ty, to, a, b),
            Operation::MultiplyAdd { half, ty, to, a, b, c } => {
                integer::multiply_add(file, mask, half, ty, to, (a, b, c));
            }
            Operation::Compare { comparison, ty, flush, to, otherwise, a, b, combine } => {
                let found = float::compare(file, mask, comparison, ty, flush, (a, b));
                let upper = match otherwise {
                    // The second result of packed operands is that of their upper halves.
                    Some(_) if ty.is_packed() => float::compare_upper(file, mask, comparison, ty, (a, b)),
                    _ => !found,
                };
                let joined = |bits| combine.map_or(bits, |(logic, with)| float::join(bits, logic, file.guard(with)));
                let (first, second) = (joined(found), joined(upper));
                file.set_bits(to, mask, first);
                if let Some(otherwise) = otherwise {
                    file.set_bits(otherwise, mask, second);
                }
            }
            Operation::Set { comparison, ty, flush, result, to, a, b, combine } => {
                let join = |bits| combine.map_or(bits, |(logic, with)| float::join(bits, logic, file.guard(with)));
                let low = join(float::compare(file, mask, comparison, ty, flush, (a, b)));
                let yes = float::truth(result);
                if ty.is_packed() && result.size() == 4 {
                    let high = join(float::compare_upper(file, mask, comparison, ty, (a, b)));
                    let half = yes & 0xffff;
                    let part = |bits: u32, lane: usize| if bits >> lane & 1 == 1 { half as u32 } else { 0 };
                    each(mask, |lane| file.set(to, lane, part(high, lane) << 16 | part(low, lane)));
                } else {
                    let place = Place { slot: to, size: result.size() };
                    each(mask, |lane| file.put_bits(place, lane, if low >> lane & 1 == 1 { yes } else { 0 }));
                }
            }
            Operation::Select { size, to, a, b, choice } => {
                self.select_values(mask, size, to, (a, b), file.guard(choice))
            }
            Operation::SelectSign { size, to, a, b, c, ty } => {
                self.select_values(mask, size, to, (a, b), float::at_least_zero(file, mask, ty, c));
            }
            Operation::Float1 { operation, ty, mode, to, a } => float::float1(file, mask, operation, ty, mode, to, a),
            Operation::Float2 { operation, ty, mode, to, a, b } => {
                float::float2(file, mask, operation, ty, mode, to, (a, b));
            }
            Operation::Float3 { operation, ty, mode, to, a, b, c } => {
                float::float3(file, mask, operation, ty, mode, to, (a, b, c));
            }
            Operation::FusedMultiplyAdd { ty, mode, to, a, b, c } => {
                float::fused_multiply_add(file, mask, ty, mode, to, (a, b, c));
            }
            Operation::TestFloat { class, ty, to, a } => {
                file.set_bits(to, mask, float::test_class(file, mask, class, ty, a));
            }
            Operation::Convert { to_type, from_type, mode, to_integer, to, from } => {
                Conversion { to_type, from_type, mode, to_integer }.run(file, mask, to, from);
            }
            Operation::ConvertPair { to_type, from_type, mode, to, a, b } => {
                Conversion { to_type, from_type, mode, to_integer: false }.pair(file, mask, to, a, b);
            }
            Operation::Load { space, ty, address, ref to } => return self.load(mask, space, ty, address, to),
            Operation::Store { space, ty, address, ref from } => return self.store(mask, space, ty, address, from),
            Operation::Atomic { space, operation, ty, address, to, value, compare } => {
                return self.atomic(mask, space, operation, ty, address, to, value, compare);
            }
            Operation::CopyAsync { size, to, from, taken } => return self.copy_async(mask, size, to, from, taken),
            Operation::CommitCopies => self.commit_copies(mask),
            Operation::WaitForCopies { left } => return self.wait_for_copies(mask, left),
            Operation::Trap { ref message } => return Err(Problem::new(mask.trailing_zeros(), &**message)),
            Operation::Assertion { parameters } => return Err(self.assertion(mask.trailing_zeros(), parameters)),
            _ => self.execute_rare(operation, mask),
        }
        Ok(())
    }

    #[inline(never)]
    fn select_values(&mut self, mask: u32, size: u8, to: Slot, (a, b): (Slot, Slot), choice: u32) {
        let file = self.file;
        macro_rules! choose {
            ($ty:ty) => {
                each(mask, |lane| {
                    let from = if choice >> lane & 1 == 1 { a } else { b };
                    file.set::<$ty>(to, lane, file.get(from, lane));
                })
            };
        }
        match size {
            1 => choose!(u8),
            2 => choose!(u16),
            4 => choose!(u32),
            _ => choose!(u64),
        }
    }

    #[inline(never)]
    fn execute_rare(&mut self, operation: &Operation, mask: u32) {
        let file = self.file;
        match *operation {
            Operation::Pack { to, ref parts } => each(mask, |lane| {
                let mut value = 0u128;
                for (index, &part) in parts.iter().enumerate() {
                    value |= u128::from(file.get_bits(part, lane)) << (8 * usize::from(part.size) * index);
                }
                if to.size == 16 { file.set(to.slot, lane, value) } else { file.put_bits(to, lane, value as u64) }
            }),
            Operation::Unpack { ref parts, from } => each(mask, |lane| {
                let value =
                    if from.size == 16 { file.get::<u128>(from.slot, lane) } else { file.get_bits(from, lane).into() };
                let size = 8 * usize::from(from.size) / parts.len();
                for (index, part) in parts.iter().enumerate() {
                    if let Some(part) = *part {
                        file.put_bits(part, lane, (value >> (size * index)) as u64);
                    }
                }
            }),
            Operation::AddCarry { ty, subtract, input, output, to, a, b } => {
                let carries = file.bits(self.code.carry);
                let size = ty.size();
                let mut after = 0;
                each(mask, |lane| {
                    let get = |slot| file.get_bits(Place { slot, size }, lane);
                    let before = input && carries >> lane & 1 == 1;
                    let (sum, carry) = integer::add_carry(ty, subtract, get(a), get(b), before);
                    file.put_bits(Place { slot: to, size }, lane, sum);
                    after |= u32::from(carry) << lane;
                });
                if output {
                    file.set_bits(self.code.carry, mask, after);
                }
            }
            Operation::MultiplyAddCarry { ty, half, input, output, to, a, b, c } => {
                let carries = file.bits(self.code.carry);
                let size = ty.size();
                let mut after = 0;
                each(mask, |lane| {
                    let get = |slot| file.get_bits(Place { slot, size }, lane);
                    let product = integer::product_half(ty, half, get(a), get(b));
                    let before = input && carries >> lane & 1 == 1;
                    let (sum, carry) = integer::add_carry(ty, false, product, get(c), before);
                    file.put_bits(Place { slot: to, size }, lane, sum);
                    after |= u32::from(carry) << lane;
                });
                if output {
                    file.set_bits(self.code.carry, mask, after);
                }
            }
            Operation::Bits { operation, ty, to, operands } => each(mask, |lane| {
                let values = operands.map(|place| if place.size == 0 { 0 } else { file.get_bits(place, lane) });
                file.put_bits(to, lane, bits::evaluate(operation, ty, values));
            }),
            Operation::IsSpace { space, to, address } => {
                let window = LOCAL_WINDOW - SHARED_WINDOW;
                let mut found = 0;
                each(mask, |lane| {
                    let address = file.get_bits(address, lane);
                    let is = match space {
                        Space::Shared => address.wrapping_sub(SHARED_WINDOW) < window,
                        Space::Local => address.wrapping_sub(LOCAL_WINDOW) < window,
                        Space::Param => address.wrapping_sub(PARAM_WINDOW) < window,
                        Space::Global | Space::Generic => address < SHARED_WINDOW,
                    };
                    found |= u32::from(is) << lane;
                });
                file.set_bits(to, mask, found);
            }
            Operation::ActiveMask { to } => each(mask, |lane| file.set(to, lane, mask)),
            Operation::Clock { to } => {
                let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
                let now = now.map_or(0, |time| time.as_nanos() as u64);
                each(mask, |lane| file.put_bits(to, lane, now));
            }
            // Only `Nothing` is left.
            _ => {}
        }
    }
}
