//! A step length that meets the strong Wolfe conditions.

use crate::{Result, Tensor};

/// How far the slope must have fallen, and the loss with it.
const SLOPE: f64 = 0.9;
const DECREASE: f64 = 1e-4;

/// The loss at a step length along a direction, and its gradient there.
#[derive(Clone)]
pub(super) struct Point {
    pub(super) length: f64,
    pub(super) loss: f64,
    pub(super) grad: Tensor,
    /// The derivative along the direction.
    pub(super) slope: f64,
}

/// What a search has found, and how often it has computed the loss.
pub(super) struct Found {
    pub(super) point: Point,
    pub(super) evaluations: i64,
}

/// The least point of the cubic through two points with their slopes, within bounds; their middle where the cubic
/// has no least point.
fn least_of_cubic(a: &Point, b: &Point, bounds: Option<(f64, f64)>) -> f64 {
    let (low, high) = bounds.unwrap_or((a.length.min(b.length), a.length.max(b.length)));
    let bend = a.slope + b.slope - 3.0 * (a.loss - b.loss) / (a.length - b.length);
    let square = bend * bend - a.slope * b.slope;
    if square.is_nan() || square < 0.0 {
        return f64::midpoint(low, high);
    }
    let root = square.sqrt();
    let (near, far) = if a.length <= b.length { (a, b) } else { (b, a) };
    let least =
        far.length - (far.length - near.length) * ((far.slope + root - bend) / (far.slope - near.slope + 2.0 * root));
    clamp(least, low, high)
}

/// As Python's `min(max(value, low), high)`, which keeps a NaN and does not mind bounds in the wrong order.
fn clamp(value: f64, low: f64, high: f64) -> f64 {
    let value = if low > value { low } else { value };
    if high < value { high } else { value }
}

/// Looks for a step length that meets the strong Wolfe conditions, from `length` on, in at most `most` trials after
/// the first. `at` computes the loss at a length; `widest` is the largest element of the direction.
pub(super) fn strong_wolfe(
    start: &Point,
    length: f64,
    widest: f64,
    tolerance_change: f64,
    most: i64,
    at: &mut dyn FnMut(f64) -> Result<Point>,
) -> Result<Found> {
    let too_high = |point: &Point| point.loss > start.loss + DECREASE * point.length * start.slope;
    let flat = |point: &Point| point.slope.abs() <= -SLOPE * start.slope;
    let mut evaluations = 1;
    let mut trials = 0;
    let mut before = start.clone();
    let mut now = at(length)?;

    // First a bracket that holds a good length.
    let mut bracket = loop {
        if trials >= most {
            break [start.clone(), now];
        }
        if too_high(&now) || trials > 1 && now.loss >= before.loss {
            break [before, now];
        }
        if flat(&now) {
            return Ok(Found { point: now, evaluations });
        }
        if now.slope >= 0.0 {
            break [before, now];
        }
        let bounds = (now.length + 0.01 * (now.length - before.length), now.length * 10.0);
        let next = least_of_cubic(&before, &now, Some(bounds));
        before = now;
        now = at(next)?;
        evaluations += 1;
        trials += 1;
    };

    // Then the bracket is made smaller.
    let lower = |bracket: &[Point; 2]| if bracket[0].loss <= bracket[1].loss { 0 } else { 1 };
    let mut low = lower(&bracket);
    let mut stuck = false;
    while trials < most {
        if (bracket[1].length - bracket[0].length).abs() * widest < tolerance_change {
            break;
        }
        let mut next = least_of_cubic(&bracket[0], &bracket[1], None);
        // A trial that is twice too near to a border makes no progress: it is moved inside.
        let left = bracket[0].length.min(bracket[1].length);
        let right = bracket[0].length.max(bracket[1].length);
        let margin = 0.1 * (right - left);
        if (right - next).min(next - left) < margin {
            if stuck || next >= right || next <= left {
                next = if (next - right).abs() < (next - left).abs() { right - margin } else { left + margin };
                stuck = false;
            } else {
                stuck = true;
            }
        } else {
            stuck = false;
        }
        let now = at(next)?;
        evaluations += 1;
        trials += 1;
        if too_high(&now) || now.loss >= bracket[low].loss {
            bracket[1 - low] = now;
            low = lower(&bracket);
            continue;
        }
        let done = flat(&now);
        if !done && now.slope * (bracket[1 - low].length - bracket[low].length) >= 0.0 {
            bracket[1 - low] = bracket[low].clone();
        }
        bracket[low] = now;
        if done {
            break;
        }
    }
    let [first, second] = bracket;
    Ok(Found { point: if low == 0 { first } else { second }, evaluations })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DType, Device, ops};

    #[test]
    fn the_length_found_meets_the_conditions() {
        let nothing = ops::zeros(&[1], DType::Float64, Device::CPU).unwrap();
        // Along the direction the loss is (t - 3)⁴ + t.
        let at = |length: f64| Point {
            length,
            loss: (length - 3.0).powi(4) + length,
            grad: nothing.clone(),
            slope: 4.0 * (length - 3.0).powi(3) + 1.0,
        };
        for first in [1e-3, 0.5, 2.0, 10.0, 100.0] {
            let start = at(0.0);
            let found = strong_wolfe(&start, first, 1.0, 1e-9, 25, &mut |length| Ok(at(length))).unwrap();
            let point = found.point;
            assert!(point.loss <= start.loss + DECREASE * point.length * start.slope, "from {first}");
            assert!(point.slope.abs() <= SLOPE * start.slope.abs(), "from {first}");
            assert!(found.evaluations <= 26);
        }
    }
}
