//! In which order blocks, and the warps of a block, take their turns: no kernel may rely on one.
//!
//! `CUDA_EMULATOR_ORDER` is `reverse`, or a number from which an order of its own follows for each launch and each turn.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// An order of things that are numbered from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Ascending,
    Descending,
    /// One that follows from the number.
    Shuffled(u64),
}

/// Well mixed bits.
pub(super) fn mix(seed: u64) -> u64 {
    let mut x = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ x >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ x >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ x >> 31
}

impl Order {
    /// What the environment asks for, for the next launch.
    pub(super) fn wanted() -> Self {
        static WANTED: OnceLock<Order> = OnceLock::new();
        static LAUNCHES: AtomicU64 = AtomicU64::new(0);
        let wanted = WANTED.get_or_init(|| match std::env::var("CUDA_EMULATOR_ORDER").as_deref() {
            Err(_) | Ok("") => Order::Ascending,
            Ok("reverse") => Order::Descending,
            Ok(text) => text.parse().map(Order::Shuffled).unwrap_or_else(|_| {
                eprintln!("cuda-emulator: CUDA_EMULATOR_ORDER={text} is neither `reverse` nor a number and is ignored");
                Order::Ascending
            }),
        });
        match *wanted {
            Order::Shuffled(seed) => Order::Shuffled(mix(seed ^ mix(LAUNCHES.fetch_add(1, Relaxed)))),
            order => order,
        }
    }

    /// The same kind of order for something else.
    pub(super) fn for_turn(self, turn: u64) -> Self {
        match self {
            Order::Shuffled(seed) => Order::Shuffled(mix(seed ^ turn)),
            order => order,
        }
    }

    /// Whose turn it is when `turn` others of `count` have had theirs. Every number comes once.
    pub(super) fn at(self, turn: u64, count: u64) -> u64 {
        match self {
            Order::Ascending => turn,
            Order::Descending => count - 1 - turn,
            Order::Shuffled(seed) => {
                // Steps that can be undone, on as many bits as the numbers need, until the result is one of them.
                let bits = (u64::BITS - (count - 1).leading_zeros()).max(1);
                let (all, half) = (u64::MAX >> (u64::BITS - bits), bits.div_ceil(2));
                let mut x = turn;
                loop {
                    for key in [seed, mix(seed), mix(!seed)] {
                        x = x.wrapping_mul(key | 1).wrapping_add(key >> 32) & all;
                        x ^= x >> half;
                    }
                    if x < count {
                        return x;
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Order;

    #[test]
    fn everyone_has_a_turn() {
        for order in [Order::Ascending, Order::Descending, Order::Shuffled(1), Order::Shuffled(u64::MAX)] {
            for count in [1, 2, 3, 7, 32, 33, 1000] {
                let mut turns: Vec<u64> = (0..count).map(|turn| order.at(turn, count)).collect();
                turns.sort_unstable();
                assert!(turns.into_iter().eq(0..count), "{order:?} of {count}");
            }
        }
        let orders = [1, 2, 3].map(|seed| (0..100).map(|turn| Order::Shuffled(seed).at(turn, 100)).collect::<Vec<_>>());
        assert!(orders[0] != orders[1] && orders[1] != orders[2]);
    }
}
