//! Profiles.
//!
//! What the profiler has recorded: events, totals of those of one name, and a summary. Times are in nanoseconds, from the
//! start of the recording; texts live as long as the profile.

use crate::dtype::CandleDType;
use crate::error::{CandleError, CandleStatus, c_string};
use crate::handle::{Kind, Opaque, borrow, free};
use crate::panic::{guard, neutral};
use crate::pointer::{copy_text, options, output, output_structure, slice_output, text};
use candle_ffi_core::profile::{Event, Name, Profile, Sort, Table, Total};
use candle_ffi_core::{Error, Result};
use std::collections::HashMap;
use std::ffi::{CString, c_char};
use std::path::Path;

/// What the profiler has recorded.
pub struct CandleProfile {
    _opaque: [u8; 0],
}

/// What a `CandleProfile` owns: the profile, and its names as C reads them.
pub struct Recorded {
    profile: Profile,
    names: HashMap<Name, CString>,
}

impl Opaque for CandleProfile {
    type Value = Recorded;
    const KIND: Kind = Kind::Profile;
}

impl Recorded {
    pub(crate) fn new(profile: Profile) -> Self {
        let mut names = HashMap::new();
        for name in profile.events().iter().flat_map(|event| std::iter::once(&event.name).chain(&event.within)) {
            if !names.contains_key(name) {
                names.insert(name.clone(), c_string(&name.to_string()));
            }
        }
        Self { profile, names }
    }

    fn name(&self, name: &Name) -> *const c_char {
        self.names.get(name).map_or(c"".as_ptr(), |name| name.as_ptr())
    }

    fn event(&self, index: usize) -> Result<&Event> {
        let events = self.profile.events();
        events.get(index).ok_or_else(|| Error::index(format!("there is no event {index}; there are {}", events.len())))
    }

    fn total(&self, by_shapes: i32, index: usize) -> Result<&Total> {
        let totals = self.profile.totals(by_shapes != 0);
        totals.get(index).ok_or_else(|| Error::index(format!("there is no total {index}; there are {}", totals.len())))
    }
}

/// What an event stands for: one of the `CANDLE_PROFILE_*` constants.
pub type CandleProfileKind = i32;

/// A function of the library, called from outside.
pub const CANDLE_PROFILE_CALL: CandleProfileKind = 1;
/// The gradient of one recorded operation.
pub const CANDLE_PROFILE_BACKWARD: CandleProfileKind = 2;
/// A loop over elements.
pub const CANDLE_PROFILE_KERNEL: CandleProfileKind = 3;
/// The part of a kernel that a thread of the pool has done.
pub const CANDLE_PROFILE_WORKER: CandleProfileKind = 4;
/// A function of the caller, called back.
pub const CANDLE_PROFILE_CALLBACK: CandleProfileKind = 5;
/// A range of `candle_profiler_push_range`.
pub const CANDLE_PROFILE_RANGE: CandleProfileKind = 6;

/// Something that has taken time; `CANDLE_PROFILE_EVENT_INIT` makes room for one.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct CandleProfileEvent {
    /// The size of the structure that the caller knows. Default: `sizeof(CandleProfileEvent)`.
    pub struct_size: usize,
    /// Its name, such as "matmul" or "matmul_backward". Default: `NULL`.
    pub name: *const c_char,
    /// For a kernel, the name of what it was run for; "" otherwise. Default: `NULL`.
    pub within: *const c_char,
    /// What it stands for. Default: `0`.
    pub kind: CandleProfileKind,
    /// The number of its thread; 0 is the one that began the recording. Default: `0`.
    pub thread: u32,
    /// In how many other events of its thread it lies. Default: `0`.
    pub depth: u64,
    /// When it began. Default: `0`.
    pub start_ns: u64,
    /// How long it lasted. Default: `0`.
    pub duration_ns: u64,
    /// The duration less that of other events inside, where kernels do not count as such. Default: `0`.
    pub self_ns: u64,
    /// The time of kernels inside. Default: `0`.
    pub kernel_ns: u64,
    /// The part of `kernel_ns` that is in no other event inside. Default: `0`.
    pub self_kernel_ns: u64,
    /// The bytes of the values that were made inside. Default: `0`.
    pub bytes: u64,
    /// The part of `bytes` that was made in no other event inside. Default: `0`.
    pub self_bytes: u64,
    /// How many shapes were kept, see `candle_profile_event_shape`. Default: `0`.
    pub num_shapes: usize,
}

/// The events of one kind and name together; `CANDLE_PROFILE_TOTAL_INIT` makes room for it.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct CandleProfileTotal {
    /// The size of the structure that the caller knows. Default: `sizeof(CandleProfileTotal)`.
    pub struct_size: usize,
    /// Their name. Default: `NULL`.
    pub name: *const c_char,
    /// For kernels, the name of what they were run for; "" otherwise. Default: `NULL`.
    pub within: *const c_char,
    /// What they stand for. Default: `0`.
    pub kind: CandleProfileKind,
    /// Not used. Default: `0`.
    pub reserved: i32,
    /// How many there are. Default: `0`.
    pub calls: u64,
    /// How long they lasted. Default: `0`.
    pub total_ns: u64,
    /// The same less other events inside, where kernels do not count as such. Default: `0`.
    pub self_ns: u64,
    /// The time of kernels inside. Default: `0`.
    pub kernel_ns: u64,
    /// The part of `kernel_ns` that is in no other event inside. Default: `0`.
    pub self_kernel_ns: u64,
    /// What the longest of them took. Default: `0`.
    pub longest_ns: u64,
    /// The bytes of the values that were made inside. Default: `0`.
    pub bytes: u64,
    /// The part of `bytes` that was made in no other event inside. Default: `0`.
    pub self_bytes: u64,
    /// The number of the first of these events; where totals are by shapes, its shapes are those of all. Default: `0`.
    pub event: usize,
}

/// Where the time went; `CANDLE_PROFILE_SUMMARY_INIT` makes room for it.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct CandleProfileSummary {
    /// The size of the structure that the caller knows. Default: `sizeof(CandleProfileSummary)`.
    pub struct_size: usize,
    /// How long the recording lasted: the sum of the next three. Default: `0`.
    pub wall_ns: u64,
    /// What the thread that began the recording spent in kernels. Default: `0`.
    pub kernel_ns: u64,
    /// What it spent in the library besides: in checks, dispatch and the graph. Default: `0`.
    pub checks_ns: u64,
    /// What it spent outside the library. Default: `0`.
    pub outside_ns: u64,
    /// The calls of that thread. Default: `0`.
    pub calls: u64,
    /// The calls of other threads. Default: `0`.
    pub other_calls: u64,
    /// The time that other threads spent inside the library. Default: `0`.
    pub other_library_ns: u64,
    /// The time that threads of the pool have helped with kernels. Default: `0`.
    pub worker_ns: u64,
    /// The events for which there was no room. Default: `0`.
    pub dropped: u64,
}

/// By what the rows of a table are sorted: one of the `CANDLE_PROFILE_SORT_*` constants.
pub type CandleProfileSort = i32;

/// The time less that of other rows inside.
pub const CANDLE_PROFILE_SORT_SELF_TIME: CandleProfileSort = 0;
/// The time.
pub const CANDLE_PROFILE_SORT_TIME: CandleProfileSort = 1;
/// The mean time of a call.
pub const CANDLE_PROFILE_SORT_MEAN: CandleProfileSort = 2;
/// The number of calls.
pub const CANDLE_PROFILE_SORT_CALLS: CandleProfileSort = 3;
/// The time in checks, dispatch and the graph.
pub const CANDLE_PROFILE_SORT_CHECKS: CandleProfileSort = 4;
/// The bytes that were made.
pub const CANDLE_PROFILE_SORT_BYTES: CandleProfileSort = 5;
/// When each was first begun, the earliest first.
pub const CANDLE_PROFILE_SORT_START: CandleProfileSort = 6;

/// Options of `candle_profile_table`; begin with `CANDLE_PROFILE_TABLE_OPTIONS_INIT`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct CandleProfileTableOptions {
    /// The size of the structure that the caller knows. Default: `sizeof(CandleProfileTableOptions)`.
    pub struct_size: usize,
    /// The order of the rows. Default: `CANDLE_PROFILE_SORT_SELF_TIME`.
    pub sort: CandleProfileSort,
    /// 1 for rows of their own for other shapes. Default: `0`.
    pub by_shapes: i32,
    /// 1 for a row of each kernel below its operation; not with `by_shapes`. Default: `1`.
    pub kernels: i32,
    /// 1 for a column of bytes. Default: `1`.
    pub bytes: i32,
    /// The most rows, less those of kernels; 0 for all. Default: `0`.
    pub row_limit: u64,
}

impl Default for CandleProfileTableOptions {
    fn default() -> Self {
        Self { struct_size: size_of::<Self>(), sort: 0, by_shapes: 0, kernels: 1, bytes: 1, row_limit: 0 }
    }
}

impl CandleProfileTableOptions {
    fn table(&self) -> Result<Table> {
        let sort = Sort::from_code(self.sort);
        let row_limit = usize::try_from(self.row_limit).unwrap_or(usize::MAX);
        Ok(Table {
            sort: sort.ok_or_else(|| {
                Error::argument(format!("`sort` is {}, but must be a CANDLE_PROFILE_SORT_* constant", self.sort))
            })?,
            by_shapes: self.by_shapes != 0,
            kernels: self.kernels != 0,
            bytes: self.bytes != 0,
            row_limit: if row_limit == 0 { usize::MAX } else { row_limit },
        })
    }
}

/// Frees a profile. NULL is allowed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_profile_free(profile: *mut CandleProfile) {
    forward!(candle_profile_free(profile));
    // SAFETY: the caller keeps the contract of the header.
    neutral((), || unsafe {
        free(profile);
        Ok(())
    });
}

/// The number of events, which are ordered by their start.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_profile_num_events(profile: *const CandleProfile) -> usize {
    forward!(candle_profile_num_events(profile));
    // SAFETY: the caller keeps the contract of the header.
    neutral(0, || unsafe { Ok(borrow(profile, "profile")?.profile.events().len()) })
}

/// Fills `event` with an event.
///
/// Fails with `CANDLE_ERROR_INDEX` when there is none of this number.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_profile_event(
    profile: *const CandleProfile,
    index: usize,
    event: *mut CandleProfileEvent,
    error: *mut *mut CandleError,
) -> CandleStatus {
    forward!(candle_profile_event(profile, index, event, error));
    // SAFETY: the caller keeps the contract of the header.
    unsafe {
        guard(error, "profile_event", || {
            let room = output_structure(event, "event")?;
            let profile = borrow(profile, "profile")?;
            let event = profile.event(index)?;
            room.set(&CandleProfileEvent {
                struct_size: size_of::<CandleProfileEvent>(),
                name: profile.name(&event.name),
                within: event.within.as_ref().map_or(c"".as_ptr(), |name| profile.name(name)),
                kind: event.kind as CandleProfileKind,
                thread: event.thread,
                depth: event.depth.into(),
                start_ns: event.start,
                duration_ns: event.duration,
                self_ns: event.self_time,
                kernel_ns: event.kernel_time,
                self_kernel_ns: event.self_kernel_time,
                bytes: event.bytes,
                self_bytes: event.self_bytes,
                num_shapes: event.inputs.len(),
            });
            Ok(())
        })
    }
}

/// Copies the shape of a tensor that an event was given, as much as `capacity` holds, and returns its rank; 0 when
/// there is no such event or tensor.
///
/// `shape` may be NULL: then only the rank is told.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_profile_event_shape(
    profile: *const CandleProfile,
    index: usize,
    number: usize,
    shape: *mut i64,
    capacity: usize,
) -> usize {
    forward!(candle_profile_event_shape(profile, index, number, shape, capacity));
    // SAFETY: the caller keeps the contract of the header.
    neutral(0, || unsafe {
        let profile = borrow(profile, "profile")?;
        let Some(input) = profile.event(index)?.inputs.get(number) else { return Ok(0) };
        let room = if shape.is_null() { &mut [] } else { slice_output(shape, capacity, "shape")? };
        for (slot, &dim) in room.iter_mut().zip(&input.dims) {
            slot.write(i64::try_from(dim).unwrap_or(i64::MAX));
        }
        Ok(input.dims.len())
    })
}

/// The dtype of a tensor that an event was given; `CANDLE_DTYPE_NONE` when there is no such event or tensor.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_profile_event_dtype(
    profile: *const CandleProfile,
    index: usize,
    number: usize,
) -> CandleDType {
    forward!(candle_profile_event_dtype(profile, index, number));
    // SAFETY: the caller keeps the contract of the header.
    neutral(0, || unsafe {
        Ok(borrow(profile, "profile")?.event(index)?.inputs.get(number).map_or(0, |input| input.dtype))
    })
}

/// The number of totals: of each kind and name one, kernels apart for each operation that they were run for.
///
/// With `by_shapes` not 0 there is one for each list of shapes and dtypes too. They are in the order in which each was
/// first begun.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_profile_num_totals(profile: *const CandleProfile, by_shapes: i32) -> usize {
    forward!(candle_profile_num_totals(profile, by_shapes));
    // SAFETY: the caller keeps the contract of the header.
    neutral(0, || unsafe { Ok(borrow(profile, "profile")?.profile.totals(by_shapes != 0).len()) })
}

/// Fills `total` with a total.
///
/// Fails with `CANDLE_ERROR_INDEX` when there is none of this number.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_profile_total(
    profile: *const CandleProfile,
    by_shapes: i32,
    index: usize,
    total: *mut CandleProfileTotal,
    error: *mut *mut CandleError,
) -> CandleStatus {
    forward!(candle_profile_total(profile, by_shapes, index, total, error));
    // SAFETY: the caller keeps the contract of the header.
    unsafe {
        guard(error, "profile_total", || {
            let room = output_structure(total, "total")?;
            let profile = borrow(profile, "profile")?;
            let total = profile.total(by_shapes, index)?;
            room.set(&CandleProfileTotal {
                struct_size: size_of::<CandleProfileTotal>(),
                name: profile.name(&total.name),
                within: total.within.as_ref().map_or(c"".as_ptr(), |name| profile.name(name)),
                kind: total.kind as CandleProfileKind,
                reserved: 0,
                calls: total.calls,
                total_ns: total.time,
                self_ns: total.self_time,
                kernel_ns: total.kernel_time,
                self_kernel_ns: total.self_kernel_time,
                longest_ns: total.longest,
                bytes: total.bytes,
                self_bytes: total.self_bytes,
                event: total.first,
            });
            Ok(())
        })
    }
}

/// Fills `summary`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_profile_summary(
    profile: *const CandleProfile,
    summary: *mut CandleProfileSummary,
    error: *mut *mut CandleError,
) -> CandleStatus {
    forward!(candle_profile_summary(profile, summary, error));
    // SAFETY: the caller keeps the contract of the header.
    unsafe {
        guard(error, "profile_summary", || {
            let room = output_structure(summary, "summary")?;
            let found = borrow(profile, "profile")?.profile.summary();
            room.set(&CandleProfileSummary {
                struct_size: size_of::<CandleProfileSummary>(),
                wall_ns: found.wall,
                kernel_ns: found.kernel,
                checks_ns: found.checks,
                outside_ns: found.outside,
                calls: found.calls,
                other_calls: found.other_calls,
                other_library_ns: found.other_library,
                worker_ns: found.worker,
                dropped: found.dropped,
            });
            Ok(())
        })
    }
}

/// The number of threads that have recorded something.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_profile_num_threads(profile: *const CandleProfile) -> usize {
    forward!(candle_profile_num_threads(profile));
    // SAFETY: the caller keeps the contract of the header.
    neutral(0, || unsafe { Ok(borrow(profile, "profile")?.profile.threads().len()) })
}

/// Copies the name of a thread, NUL-terminated and cut where `capacity` ends, and returns its whole length; 0 for one
/// without a name.
///
/// `name` may be NULL: then only the length is told.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_profile_thread_name(
    profile: *const CandleProfile,
    number: usize,
    name: *mut c_char,
    capacity: usize,
) -> usize {
    forward!(candle_profile_thread_name(profile, number, name, capacity));
    // SAFETY: the caller keeps the contract of the header.
    neutral(0, || unsafe {
        let profile = borrow(profile, "profile")?;
        let found = profile.profile.threads().get(number).and_then(|thread| thread.name.as_deref());
        copy_text(found.unwrap_or_default(), name, capacity, "name")
    })
}

/// Copies a table of the totals, with the summary below, NUL-terminated and cut where `capacity` ends, and writes its
/// whole length to `length`.
///
/// `options` may be NULL. `table` may be NULL: then only the length is told.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_profile_table(
    profile: *const CandleProfile,
    options: *const CandleProfileTableOptions,
    table: *mut c_char,
    capacity: usize,
    length: *mut usize,
    error: *mut *mut CandleError,
) -> CandleStatus {
    forward!(candle_profile_table(profile, options, table, capacity, length, error));
    // SAFETY: the caller keeps the contract of the header.
    unsafe {
        guard(error, "profile_table", || {
            let length = output(length, "length")?;
            let profile = borrow(profile, "profile")?;
            let options = self::options(options, "options")?;
            let text = profile.profile.table(&options.table()?).replace('\0', " ");
            length.set(copy_text(&text, table, capacity, "table")?);
            Ok(())
        })
    }
}

/// Writes the events as a file in Chrome's trace event format, which appears whole or not at all. Chrome's viewer at
/// `chrome://tracing` and Perfetto show it.
///
/// Fails with `CANDLE_ERROR_IO` when it cannot be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_profile_write_trace(
    profile: *const CandleProfile,
    path: *const c_char,
    error: *mut *mut CandleError,
) -> CandleStatus {
    forward!(candle_profile_write_trace(profile, path, error));
    // SAFETY: the caller keeps the contract of the header.
    unsafe {
        guard(error, "profile_write_trace", || {
            let profile = borrow(profile, "profile")?;
            profile.profile.write_trace(Path::new(text(path, "path")?))
        })
    }
}
