package candle

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// The collector sees a tensor as a few words, whatever it holds outside of Go's heap. So the
// bytes of handles that are not freed are counted here, and a collection runs when they reach a
// limit: the budget, or twice what was still held after the last one.

// perHandle counts for each handle besides the elements. It is more than the library keeps for
// one, since the system's allocator keeps freed memory for each thread that has asked for it, and
// a goroutine asks on many.
const perHandle = 2048

const defaultBudget = 64 << 20

type memory struct {
	held, limit, budget atomic.Int64
	collecting          sync.Mutex
}

var native = newMemory()

func newMemory() *memory {
	m := new(memory)
	m.limit.Store(defaultBudget)
	m.budget.Store(defaultBudget)
	return m
}

// SetMemoryBudget sets how many bytes of tensors may be held before unreachable ones are looked
// for; the default is 64 MiB. Beyond it a collection runs each time the bytes have doubled since
// the last one. It gives the budget before; what is not positive changes nothing.
func SetMemoryBudget(bytes int64) int64 {
	before := native.budget.Load()
	if bytes > 0 {
		native.budget.Store(bytes)
		native.limit.Store(bytes)
	}
	return before
}

// MemoryHeld gives the bytes of tensors whose handles are not freed; those of views of one
// tensor count for each.
func MemoryHeld() int64 {
	return native.held.Load()
}

func (m *memory) add(bytes int64) {
	if m.held.Add(bytes) > m.limit.Load() {
		m.collect()
	}
}

func (m *memory) collect() {
	if !m.collecting.TryLock() {
		// Another goroutine is at it.
		return
	}
	defer m.collecting.Unlock()
	runtime.GC()
	// Finalizers run after the collection, one by one; this waits as long as they get on.
	least := m.held.Load()
	for idle := 0; idle < 10; idle++ {
		time.Sleep(200 * time.Microsecond)
		if held := m.held.Load(); held < least {
			least, idle = held, 0
		}
	}
	limit := 2 * least
	if budget := m.budget.Load(); limit < budget {
		limit = budget
	}
	m.limit.Store(limit)
}
