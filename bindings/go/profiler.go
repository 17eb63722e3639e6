package candle

// #include "shims.h"
import "C"

import (
	"runtime"
	"time"
	"unsafe"
)

// ProfilerOptions are the options of StartProfiler.
type ProfilerOptions struct {
	// MaxEvents is the most events that are kept, of about 150 bytes each; sums go on beyond it.
	// Default: a million.
	MaxEvents uint64
	// RecordShapes keeps the shapes and dtypes of the tensors that each call is given.
	RecordShapes bool
}

// Profile is what the profiler has recorded.
type Profile struct{ handle }

func freeProfile(ptr unsafe.Pointer) { C.candle_profile_free((*C.CandleProfile)(ptr)) }

// StartProfiler records every call of all goroutines, with its gradients and kernels, until
// StopProfiler: torch.profiler.profile. Fails with ErrBusy while a recording is under way.
func StartProfiler(options ...ProfilerOptions) error {
	var cx call
	o := one(&cx, options)
	if cx.failed("profiler_start") {
		return cx.err
	}
	var given C.CandleProfilerOptions
	given.struct_size = C.sizeof_CandleProfilerOptions
	given.max_events = 1 << 20
	if o.MaxEvents != 0 {
		given.max_events = C.uint64_t(o.MaxEvents)
	}
	given.record_shapes = truth(o.RecordShapes)
	return cx.finish(C.candle_go_profiler_start(&given))
}

// StopProfiler gives what was recorded. Fails with ErrInvalidArgument when nothing is.
func StopProfiler() (*Profile, error) {
	var cx call
	r := C.candle_go_profiler_stop()
	if err := cx.finish(r); err != nil {
		return nil, err
	}
	p := new(Profile)
	p.own(r.out[0], 0, freeProfile)
	runtime.SetFinalizer(p, (*Profile).Close)
	return p, nil
}

// IsProfiling tells whether a recording is under way.
func IsProfiling() bool { return C.candle_profiler_session() != 0 }

// RecordFunction shows the calls of a function in a profile, inside a range of a name:
// torch.profiler.record_function. It gives what the function gives.
func RecordFunction(name string, run func() error) error {
	var cx call
	text := cx.text(name, "name")
	if run == nil {
		cx.missing("function", "run")
	}
	if cx.failed("record_function") {
		return cx.err
	}
	// Ranges are of the thread.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := cx.finish(C.candle_go_profiler_push_range(text)); err != nil {
		return err
	}
	session := C.candle_profiler_session()
	defer func() {
		// A range of a recording that is over has ended with it.
		if session != 0 && session == C.candle_profiler_session() {
			C.candle_profiler_pop_range()
		}
	}()
	return run()
}

// Close frees it now.
func (p *Profile) Close() error {
	if p == nil {
		return nil
	}
	return closeNow(p, &p.handle)
}

func (c *call) profile(p *Profile) *C.CandleProfile {
	if p == nil {
		c.missing("profile", "profile")
		return nil
	}
	return (*C.CandleProfile)(c.take(&p.handle, "profile", "profile"))
}

// ProfileEvent is something that has taken time.
type ProfileEvent struct {
	// Name is that of the call or the kernel; Within, for a kernel, of what it was run for.
	Name, Within string
	Kind         ProfileKind
	// Thread is the number of its thread, Depth in how many other events it lies.
	Thread, Depth int
	// Start is when it began, since the recording did.
	Start, Duration, Self, Kernel, SelfKernel time.Duration
	// Bytes are those of the values that were made inside.
	Bytes, SelfBytes uint64
	// Shapes and DTypes are those of the tensors it was given, where they were asked for.
	Shapes [][]int64
	DTypes []DType
}

// ProfileTotal is the events of one kind and name together.
type ProfileTotal struct {
	Name, Within                             string
	Kind                                     ProfileKind
	Calls                                    uint64
	Total, Self, Kernel, SelfKernel, Longest time.Duration
	Bytes, SelfBytes                         uint64
	// Event is the number of the first of the events.
	Event int
}

// ProfileSummary says where the time went.
type ProfileSummary struct {
	// Wall is how long the recording lasted: Kernel, Checks and Outside together.
	Wall, Kernel, Checks, Outside time.Duration
	// Calls are those of the thread that began the recording, OtherCalls those of others.
	Calls, OtherCalls uint64
	// OtherLibrary is what other threads spent in the library, Worker what helpers spent in kernels.
	OtherLibrary, Worker time.Duration
	// Dropped is how many events there was no room for.
	Dropped uint64
}

// NumEvents gives the number of events; 0 once it is closed.
func (p *Profile) NumEvents() (count int) {
	if p != nil && p.acquire() {
		count = int(C.candle_profile_num_events((*C.CandleProfile)(p.ptr)))
		p.release()
	}
	return count
}

// Event gives an event. Fails with ErrIndex.
func (p *Profile) Event(index int) (event ProfileEvent, err error) {
	var cx call
	ptr := cx.profile(p)
	if cx.failed("profile_event") {
		return event, cx.err
	}
	defer cx.release()
	var given C.CandleProfileEvent
	given.struct_size = C.sizeof_CandleProfileEvent
	at := C.size_t(index)
	if r := C.candle_go_profile_event(ptr, at, &given); r.status != C.CANDLE_OK {
		return event, errorFrom(r)
	}
	event = ProfileEvent{
		Name: C.GoString(given.name), Within: C.GoString(given.within), Kind: ProfileKind(given.kind),
		Thread: int(given.thread), Depth: int(given.depth), Start: nanoseconds(given.start_ns),
		Duration: nanoseconds(given.duration_ns), Self: nanoseconds(given.self_ns),
		Kernel: nanoseconds(given.kernel_ns), SelfKernel: nanoseconds(given.self_kernel_ns),
		Bytes: uint64(given.bytes), SelfBytes: uint64(given.self_bytes),
	}
	for number := C.size_t(0); number < given.num_shapes; number++ {
		shape := make([]int64, int(C.candle_profile_event_shape(ptr, at, number, nil, 0)))
		C.candle_profile_event_shape(ptr, at, number, int64s(shape), C.size_t(len(shape)))
		event.Shapes = append(event.Shapes, shape)
		event.DTypes = append(event.DTypes, DType(C.candle_profile_event_dtype(ptr, at, number)))
	}
	return event, nil
}

func nanoseconds(count C.uint64_t) time.Duration { return time.Duration(count) }

// Totals gives the sums of the events of each name, and of each shape too where that is asked for.
func (p *Profile) Totals(byShapes bool) ([]ProfileTotal, error) {
	var cx call
	ptr := cx.profile(p)
	if cx.failed("profile_total") {
		return nil, cx.err
	}
	defer cx.release()
	totals := make([]ProfileTotal, int(C.candle_profile_num_totals(ptr, truth(byShapes))))
	for at := range totals {
		var given C.CandleProfileTotal
		given.struct_size = C.sizeof_CandleProfileTotal
		r := C.candle_go_profile_total(ptr, truth(byShapes), C.size_t(at), &given)
		if r.status != C.CANDLE_OK {
			return nil, errorFrom(r)
		}
		totals[at] = ProfileTotal{
			Name: C.GoString(given.name), Within: C.GoString(given.within),
			Kind: ProfileKind(given.kind), Calls: uint64(given.calls),
			Total: nanoseconds(given.total_ns), Self: nanoseconds(given.self_ns),
			Kernel: nanoseconds(given.kernel_ns), SelfKernel: nanoseconds(given.self_kernel_ns),
			Longest: nanoseconds(given.longest_ns), Bytes: uint64(given.bytes),
			SelfBytes: uint64(given.self_bytes), Event: int(given.event),
		}
	}
	return totals, nil
}

// Summary says where the time went.
func (p *Profile) Summary() (ProfileSummary, error) {
	var cx call
	ptr := cx.profile(p)
	if cx.failed("profile_summary") {
		return ProfileSummary{}, cx.err
	}
	var given C.CandleProfileSummary
	given.struct_size = C.sizeof_CandleProfileSummary
	err := cx.finish(C.candle_go_profile_summary(ptr, &given))
	return ProfileSummary{
		Wall: nanoseconds(given.wall_ns), Kernel: nanoseconds(given.kernel_ns),
		Checks: nanoseconds(given.checks_ns), Outside: nanoseconds(given.outside_ns),
		Calls: uint64(given.calls), OtherCalls: uint64(given.other_calls),
		OtherLibrary: nanoseconds(given.other_library_ns), Worker: nanoseconds(given.worker_ns),
		Dropped: uint64(given.dropped),
	}, err
}

// ThreadNames gives the names of the threads, by their numbers.
func (p *Profile) ThreadNames() (names []string) {
	if p != nil && p.acquire() {
		defer p.release()
		ptr := (*C.CandleProfile)(p.ptr)
		for at := C.size_t(0); at < C.candle_profile_num_threads(ptr); at++ {
			names = append(names, textFrom(func(text *C.char, capacity C.size_t) C.size_t {
				return C.candle_profile_thread_name(ptr, at, text, capacity)
			}))
		}
	}
	return names
}

// ProfileTableOptions are the options of Table.
type ProfileTableOptions struct {
	// Sort is the order of the rows. Default: by their own time.
	Sort ProfileSort
	// ByShapes gives rows of their own for other shapes.
	ByShapes bool
	// Kernels has a row for each kernel below its operation, Bytes a column. Default: true.
	Kernels, Bytes *bool
	// RowLimit is the most rows, less those of kernels. Default: all.
	RowLimit uint64
}

// Table gives the totals as a table.
func (p *Profile) Table(options ...ProfileTableOptions) (string, error) {
	var cx call
	o := one(&cx, options)
	ptr := cx.profile(p)
	if cx.failed("profile_table") {
		return "", cx.err
	}
	defer cx.release()
	var given C.CandleProfileTableOptions
	given.struct_size = C.sizeof_CandleProfileTableOptions
	given.sort = C.CandleProfileSort(o.Sort)
	given.by_shapes = truth(o.ByShapes)
	given.kernels = truth(or(o.Kernels, true) && !o.ByShapes)
	given.bytes = truth(or(o.Bytes, true))
	given.row_limit = C.uint64_t(o.RowLimit)
	var length C.size_t
	r := C.candle_go_profile_table(ptr, &given, nil, 0, &length)
	buffer := make([]byte, int(length)+1)
	if r.status == C.CANDLE_OK {
		text, capacity := (*C.char)(unsafe.Pointer(&buffer[0])), C.size_t(len(buffer))
		r = C.candle_go_profile_table(ptr, &given, text, capacity, &length)
	}
	if r.status != C.CANDLE_OK {
		return "", errorFrom(r)
	}
	return string(buffer[:length]), nil
}

// WriteTrace writes the events to a file for Chrome's tracing or Perfetto.
func (p *Profile) WriteTrace(path string) error {
	var cx call
	ptr, text := cx.profile(p), cx.text(path, "path")
	if cx.failed("profile_write_trace") {
		return cx.err
	}
	return cx.finish(C.candle_go_profile_write_trace(ptr, text))
}
