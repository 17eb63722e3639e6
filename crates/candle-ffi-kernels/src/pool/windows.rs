//! Where the windows of a pooling lie.

use std::ops::Range;

/// What the windows along a dimension follow from, for a device that computes them itself.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rule {
    /// Windows of `kernel` elements, as [`Windows::grid`] says.
    Grid {
        /// Elements of a window.
        kernel: usize,
        /// Distance between windows.
        stride: usize,
        /// Elements before the dimension that the first window begins at.
        padding: usize,
        /// Distance between the elements of a window.
        dilation: usize,
        /// Whether averages count the padding.
        count_padding: bool,
    },
    /// As [`Windows::adaptive`] says.
    Adaptive,
}

/// The windows along one dimension.
#[derive(Clone, Debug)]
pub struct Windows {
    rule: Rule,
    /// What `with_divisor` said.
    divisor: Option<f64>,
    input: usize,
    /// Where each window begins and ends, both inside the dimension; a window may be empty.
    spans: Vec<(usize, usize)>,
    /// Distance between the elements of a window.
    dilation: usize,
    /// What this dimension adds to the divisor of each average.
    divisors: Vec<f64>,
    /// Those outputs whose windows are whole and at equal distances.
    whole: Whole,
}

/// Windows of equal length at equal distances, none cut by a border.
#[derive(Clone, Debug)]
pub(super) struct Whole {
    /// Which outputs.
    pub(super) outputs: Range<usize>,
    /// Elements in each.
    pub(super) kernel: usize,
    pub(super) stride: usize,
}

impl Windows {
    /// `output` windows of `kernel` elements, `dilation` apart, the first of them `padding` before the dimension.
    /// Averages count the padding only with `count_padding`.
    pub fn grid(
        input: usize,
        output: usize,
        [kernel, stride, padding, dilation]: [usize; 4],
        count_padding: bool,
    ) -> Self {
        assert!(kernel > 0 && stride > 0 && dilation > 0, "a kernel, stride or dilation of 0");
        let reach = (kernel - 1) * dilation + 1;
        let (mut spans, mut divisors) = (Vec::with_capacity(output), Vec::with_capacity(output));
        let mut outputs = 0..0;
        for at in 0..output {
            // All counted from the start of the padding.
            let begin = at * stride;
            let end = (begin + reach).min(input + padding);
            let start = if begin >= padding {
                begin - padding
            } else {
                // The first element of the window that is not padding.
                begin + (padding - begin).div_ceil(dilation) * dilation - padding
            };
            let stop = end.saturating_sub(padding);
            spans.push((start.min(stop), stop));
            let padded_end = (begin + reach).min(input + 2 * padding);
            let counted = if count_padding { padded_end.saturating_sub(begin) } else { stop.saturating_sub(start) };
            divisors.push(counted as f64);
            if begin >= padding && begin + reach <= input + padding {
                outputs = if outputs.is_empty() { at..at + 1 } else { outputs.start..at + 1 };
            }
        }
        let rule = Rule::Grid { kernel, stride, padding, dilation, count_padding };
        Self { rule, divisor: None, input, spans, dilation, divisors, whole: Whole { outputs, kernel, stride } }
    }

    /// Windows that share the dimension evenly.
    pub fn adaptive(input: usize, output: usize) -> Self {
        if output > 0 && input > 0 && input.is_multiple_of(output) {
            let kernel = input / output;
            return Self::grid(input, output, [kernel, kernel, 0, 1], false);
        }
        let wide = |at: usize| (at as u128 * input as u128, output as u128);
        let spans: Vec<(usize, usize)> = (0..output)
            .map(|at| {
                let ((start, size), (end, _)) = (wide(at), wide(at + 1));
                ((start / size) as usize, end.div_ceil(size) as usize)
            })
            .collect();
        let divisors = spans.iter().map(|(start, end)| (end - start) as f64).collect();
        let whole = Whole { outputs: 0..0, kernel: 1, stride: 1 };
        Self { rule: Rule::Adaptive, divisor: None, input, spans, dilation: 1, divisors, whole }
    }

    /// One window of the one element of a dimension that is not there.
    pub fn single() -> Self {
        Self::grid(1, 1, [1, 1, 0, 1], false)
    }

    /// The same windows, with this as their part in the divisor of an average.
    #[must_use]
    pub fn with_divisor(mut self, divisor: f64) -> Self {
        self.divisors.fill(divisor);
        self.divisor = Some(divisor);
        self
    }

    /// What the windows follow from, and the divisor of each if it is not the number of its elements.
    pub fn rule(&self) -> (Rule, Option<f64>) {
        (self.rule, self.divisor)
    }

    /// The size of the dimension.
    pub fn input(&self) -> usize {
        self.input
    }

    /// The number of windows.
    pub fn output(&self) -> usize {
        self.spans.len()
    }

    pub(super) fn widest(&self) -> usize {
        self.spans.iter().map(|(start, end)| (end - start).div_ceil(self.dilation)).max().unwrap_or(0)
    }

    pub(super) fn span(&self, output: usize) -> (usize, usize) {
        self.spans[output]
    }

    /// From the first to behind the last element of several windows. A dilated window at the border may begin behind the
    /// next one.
    pub(super) fn hull(&self, outputs: Range<usize>) -> (usize, usize) {
        let spans = &self.spans[outputs];
        let start = spans.iter().map(|(start, _)| *start).min().unwrap_or(0);
        (start, spans.iter().map(|(_, end)| *end).max().unwrap_or(0).max(start))
    }

    /// The elements of a window.
    pub(super) fn elements(&self, output: usize) -> impl Iterator<Item = usize> + Clone + use<> {
        let (start, end) = self.spans[output];
        (start..end).step_by(self.dilation)
    }

    pub(super) fn dilation(&self) -> usize {
        self.dilation
    }

    pub(super) fn divisor(&self, output: usize) -> f64 {
        self.divisors[output]
    }

    pub(super) fn whole(&self) -> &Whole {
        &self.whole
    }

    /// The outputs that `whole` leaves out.
    pub(super) fn others(&self) -> impl Iterator<Item = usize> + use<> {
        let whole = &self.whole.outputs;
        (0..whole.start).chain(whole.end..self.output())
    }

    fn is_all(&self) -> bool {
        self.dilation == 1 && self.spans.len() == 1 && self.spans[0] == (0, self.input)
    }

    /// Dimensions whose one window is all of them are one long row with the dimension before: the same elements in the
    /// same order, so also the same positions.
    pub(super) fn joined(axes: &[Self; 3]) -> [Self; 3] {
        let mut axes = axes.clone();
        for _ in 0..2 {
            let [depth, height, width] = &axes;
            if !width.is_all() || height.dilation != 1 || depth.input * height.input == 1 {
                break;
            }
            let scale = width.input;
            let row = Self {
                rule: Rule::Adaptive,
                divisor: None,
                input: height.input * scale,
                spans: height.spans.iter().map(|(start, end)| (start * scale, end * scale)).collect(),
                dilation: 1,
                divisors: height.divisors.iter().map(|divisor| divisor * width.divisors[0]).collect(),
                whole: Whole { outputs: 0..0, kernel: 1, stride: 1 },
            };
            axes = [Self::single(), depth.clone(), row];
        }
        axes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn borders_cut_windows() {
        let windows = Windows::grid(5, 3, [3, 2, 1, 1], true);
        assert_eq!(windows.spans, [(0, 2), (1, 4), (3, 5)]);
        assert_eq!(windows.divisors, [3.0, 3.0, 3.0]);
        assert_eq!(windows.whole.outputs, 1..2);
        assert_eq!(Windows::grid(5, 3, [3, 2, 1, 1], false).divisors, [2.0, 3.0, 2.0]);
        // A dilated window begins at its first element that is inside.
        assert_eq!(Windows::grid(5, 3, [3, 1, 1, 2], true).spans, [(1, 4), (0, 5), (1, 5)]);
        // The last window of ceil_mode ends with the padding.
        assert_eq!(Windows::grid(4, 2, [3, 3, 1, 1], true).divisors, [3.0, 3.0]);
        assert_eq!(Windows::grid(4, 3, [2, 2, 0, 1], true).spans[2], (4, 4));
    }

    #[test]
    fn adaptive_windows_overlap() {
        let windows = Windows::adaptive(5, 3);
        assert_eq!(windows.spans, [(0, 2), (1, 4), (3, 5)]);
        assert_eq!(windows.divisors, [2.0, 3.0, 2.0]);
        assert_eq!(Windows::adaptive(2, 3).spans, [(0, 1), (0, 2), (1, 2)]);
        assert_eq!(Windows::adaptive(6, 3).whole.outputs, 0..3);
        assert_eq!(Windows::adaptive(6, 0).output(), 0);
    }

    #[test]
    fn windows_of_everything_join() {
        let axes = [Windows::grid(4, 2, [2, 2, 0, 1], true), Windows::adaptive(5, 1), Windows::adaptive(6, 1)];
        let [depth, height, width] = Windows::joined(&axes);
        assert_eq!((depth.input, height.input, width.input), (1, 1, 120));
        assert_eq!(width.spans, [(0, 60), (60, 120)]);
        assert_eq!(width.divisors, [60.0, 60.0]);
    }
}
