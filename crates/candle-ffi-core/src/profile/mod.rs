//! The profiler: what was called, how long it took and where the time went.
//!
//! The spans come from the recorder of `candle-ffi-kernels`: the C ABI opens one for each call, `autograd` one for each
//! gradient rule, and each kernel one for itself. Here they become a [`Profile`]: totals by operation, a table, and a
//! file that Chrome's viewer and Perfetto show.

mod table;
mod totals;
mod trace;

use crate::{DType, Error, ErrorCode, Result, Tensor};
use candle_ffi_kernels::profile::{self as recorder, Recording};
pub use candle_ffi_kernels::profile::{
    Event, Input, Kind, Name, Options, Span, Sums, Thread, call, callback, number, pop_range, push_range,
};
pub(crate) use candle_ffi_kernels::profile::{backward, backward_step, made};
use std::sync::OnceLock;
use std::time::SystemTime;
pub use table::{Sort, Table};
pub use totals::{Summary, Total};

/// What was recorded between [`start`] and [`stop`].
#[derive(Debug)]
pub struct Profile {
    recording: Recording,
    totals: OnceLock<Vec<Total>>,
    totals_by_shapes: OnceLock<Vec<Total>>,
}

/// Starts recording, on all threads.
///
/// Fails with `Busy` while a recording is under way: there is one for the whole process.
pub fn start(options: Options) -> Result<()> {
    if recorder::start(options) {
        return Ok(());
    }
    Err(Error::new(
        ErrorCode::Busy,
        "a profile is being recorded already; profiles do not nest, so stop that one first",
    ))
}

/// Stops recording; what is under way then, on any thread, ends with the profile.
///
/// Fails with `InvalidArgument` when nothing is being recorded.
pub fn stop() -> Result<Profile> {
    let recording = recorder::stop().ok_or_else(|| Error::argument("no profile is being recorded"))?;
    Ok(Profile { recording, totals: OnceLock::new(), totals_by_shapes: OnceLock::new() })
}

/// Notes tensors that the call or gradient under way was given, where shapes are recorded.
#[inline]
pub fn inputs<'a>(tensors: impl IntoIterator<Item = &'a Tensor>) {
    if recorder::wants_inputs() {
        let noted = |tensor: &Tensor| Input { dims: tensor.dims().into(), dtype: tensor.dtype().code() };
        recorder::inputs(tensors.into_iter().map(noted));
    }
}

impl Profile {
    /// The spans, by their start.
    pub fn events(&self) -> &[Event] {
        &self.recording.events
    }

    /// The threads that have recorded something, by their number; 0 is the one that began the recording.
    pub fn threads(&self) -> &[Thread] {
        &self.recording.threads
    }

    /// How many events were left out because there was no more room.
    pub fn dropped(&self) -> u64 {
        self.recording.dropped
    }

    /// How long the recording lasted, in nanoseconds.
    pub fn duration(&self) -> u64 {
        self.recording.duration
    }

    /// When it began.
    pub fn began(&self) -> SystemTime {
        self.recording.began
    }

    /// Sums by kind and name, kernels apart for each operation that they were run for; and, where asked for, by the shapes
    /// and dtypes that were given. In the order in which each was first begun.
    pub fn totals(&self, by_shapes: bool) -> &[Total] {
        let cell = if by_shapes { &self.totals_by_shapes } else { &self.totals };
        cell.get_or_init(|| totals::totals(self.events(), by_shapes))
    }
}

/// The name of a dtype that was noted.
fn dtype_name(input: &Input) -> &'static str {
    DType::from_code(input.dtype).map_or("unknown", DType::name)
}

/// The word for a kind, in tables and trace files.
pub fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Call => "call",
        Kind::Backward => "backward",
        Kind::Kernel => "kernel",
        Kind::Worker => "worker",
        Kind::Callback => "callback",
        Kind::Range => "range",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DType, Device, autograd, ops};
    use std::sync::{Mutex, PoisonError};

    /// The recorder is one for the whole process, and tests run side by side.
    static ALONE: Mutex<()> = Mutex::new(());

    const ALL: Options = Options { max_events: 1 << 20, shapes: true };

    /// Stops, and keeps what this thread has done: other tests run their kernels meanwhile.
    fn stop_alone() -> Profile {
        let mut profile = stop().unwrap();
        profile.recording.events.retain(|event| event.thread == 0);
        profile
    }

    fn tensor(dims: &[i64]) -> Tensor {
        ops::ones(dims, DType::Float32, Device::CPU).unwrap()
    }

    /// A profile of a product and its gradient, as the C ABI would record it.
    fn profile() -> Profile {
        let (x, weight) = (tensor(&[4, 3]), tensor(&[3, 2]));
        weight.set_requires_grad(true).unwrap();
        start(ALL).unwrap();
        push_range("step \"1\"");
        let product = {
            let _call = call("matmul");
            inputs([&x, &weight]);
            ops::matmul(&x, &weight).unwrap()
        };
        {
            let _call = call("backward");
            autograd::backward(&product, Some(&tensor(&[4, 2])), false, false).unwrap();
        }
        pop_range();
        stop_alone()
    }

    fn alone() -> std::sync::MutexGuard<'static, ()> {
        ALONE.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn find<'a>(profile: &'a Profile, name: &str, kind: Kind) -> &'a Total {
        let found = profile.totals(false).iter().find(|total| total.kind == kind && total.name.to_string() == name);
        found.unwrap_or_else(|| panic!("there is no {name}"))
    }

    #[test]
    fn a_product_and_its_gradient() {
        let _alone = alone();
        let profile = profile();
        let matmul = find(&profile, "matmul", Kind::Call);
        assert_eq!((matmul.calls, matmul.bytes), (1, 4 * 2 * 4));
        let shapes: Vec<_> = profile.events()[matmul.first].inputs.iter().map(|input| input.dims.to_vec()).collect();
        assert_eq!(shapes, [[4, 3], [3, 2]]);
        let rule = find(&profile, "matmul_backward", Kind::Backward);
        assert_eq!((rule.calls, rule.self_bytes), (1, 3 * 2 * 4), "only the gradient of the weight is made");
        assert_eq!(profile.events()[rule.first].inputs[0].dims.as_ref(), [4, 2]);
        find(&profile, "accumulate_grad", Kind::Backward);
        let kernels: Vec<_> = profile.totals(false).iter().filter(|total| total.kind == Kind::Kernel).collect();
        assert_eq!(kernels.len(), 3, "products are apart by what they were for; and the ones are filled: {kernels:?}");
        let summary = profile.summary();
        assert_eq!(summary.calls, 2);
        assert_eq!(summary.wall, summary.kernel + summary.checks + summary.outside);
        assert!(stop().is_err());
    }

    #[test]
    fn one_profile_at_a_time() {
        let _alone = alone();
        start(ALL).unwrap();
        assert_eq!(start(ALL).unwrap_err().code(), ErrorCode::Busy);
        assert!(stop_alone().events().is_empty());
        assert_eq!(stop().unwrap_err().code(), ErrorCode::InvalidArgument);
    }

    #[test]
    fn a_table_names_operations_and_their_kernels() {
        let _alone = alone();
        let text = profile().table(&Table { sort: Sort::Start, ..Table::default() });
        let firsts: Vec<_> = text.lines().filter_map(|line| line.split("  ").find(|word| !word.is_empty())).collect();
        for name in ["Name", "step \"1\"", "matmul", "backward", "matmul_backward", "accumulate_grad"] {
            assert!(firsts.contains(&name), "{name} in\n{text}");
        }
        assert!(!text.contains("[[4, 3], [3, 2]]") && text.contains("Wall time"), "{text}");
        let by_shapes = profile().table(&Table { by_shapes: true, row_limit: 3, ..Table::default() });
        assert!(by_shapes.contains("Input shapes") && by_shapes.contains("2 more rows"), "{by_shapes}");
    }

    #[test]
    fn a_trace_file_is_what_the_format_says() {
        let _alone = alone();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("trace.json");
        let profile = profile();
        profile.write_trace(&path).unwrap();
        let trace: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        let events = trace["traceEvents"].as_array().unwrap();
        let spans: Vec<_> = events.iter().filter(|event| event["ph"] == "X").collect();
        assert_eq!(spans.len(), profile.events().len());
        assert_eq!(spans[0]["name"], "step \"1\"");
        assert_eq!(spans[1]["args"]["Input Dims"], serde_json::json!([[4, 3], [3, 2]]));
        assert!(spans.iter().all(|span| span["ts"].is_number() && span["dur"].is_number() && span["tid"].is_number()));
        let error = profile.write_trace(folder.path().join("no/such/folder")).unwrap_err();
        assert_eq!(error.code(), ErrorCode::Io);
        assert!(error.message().contains("no/such"));
    }
}
