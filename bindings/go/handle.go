package candle

import (
	"math"
	"runtime"
	"sync/atomic"
	"unsafe"
)

// A handle owns an object of the C library. Calls that use it count themselves, so that Close
// while one of them runs frees the object after it.
type handle struct {
	ptr   unsafe.Pointer
	free  func(unsafe.Pointer)
	bytes int64
	// How many calls use it; closed is added by Close.
	users atomic.Int64
	freed atomic.Bool
}

const closed = math.MinInt64

// acquire counts a call in; false when the handle is closed, and then the call must not happen.
func (h *handle) acquire() bool {
	if h.ptr == nil {
		return false
	}
	if h.users.Add(1) > 0 {
		return true
	}
	h.release()
	return false
}

func (h *handle) release() {
	if h.users.Add(-1) == closed {
		h.drop()
	}
}

// close frees the object now, or when the last call that uses it ends.
func (h *handle) close() {
	for h.ptr != nil {
		users := h.users.Load()
		if users < 0 {
			return
		}
		if h.users.CompareAndSwap(users, users+closed) {
			if users == 0 {
				h.drop()
			}
			return
		}
	}
}

func (h *handle) drop() {
	// A call that came too late may see the end of the last one as well.
	if h.freed.CompareAndSwap(false, true) {
		h.free(h.ptr)
		native.held.Add(-h.bytes)
	}
}

// isClosed tells whether Close was called.
func (h *handle) isClosed() bool {
	return h.ptr == nil || h.users.Load() < 0
}

// own makes h the owner of an object; the caller sets the finalizer of what h is in.
func (h *handle) own(ptr unsafe.Pointer, bytes int64, free func(unsafe.Pointer)) {
	h.ptr, h.free, h.bytes = ptr, free, bytes+perHandle
	native.add(h.bytes)
}

// closeNow is Close of all handles: with the finalizer gone, the collector has less to do.
func closeNow[T any](object *T, h *handle) error {
	h.close()
	runtime.SetFinalizer(object, nil)
	return nil
}
