package cache

import (
	"encoding/binary"
	"sync/atomic"
)

// hints lead from a key to an entry without a lock, and past the three or four places in memory that a map looks at:
// among a million entries each of them is a wait. Of keys that share a place the one set last has it. A key without
// a hint is no news: the store knows.
//
// Only writers, who hold the shard's mu, change them, and an entry's hint goes before the entry does.
type hints[V any] []atomic.Pointer[entry[V]]

// newHints makes room for n entries; when all are there, about one in five has to do without.
func newHints[V any](n int) hints[V] {
	places := 1
	for places < 2*n {
		places *= 2
	}
	return make(hints[V], places)
}

func (h hints[V]) place(k Key) *atomic.Pointer[entry[V]] {
	return &h[int(binary.LittleEndian.Uint32(k[len(k)-4:]))&(len(h)-1)]
}

func (h hints[V]) find(k Key) *entry[V] {
	if e := h.place(k).Load(); e != nil && e.key == k {
		return e
	}
	return nil
}

func (h hints[V]) add(e *entry[V]) { h.place(e.key).Store(e) }

func (h hints[V]) remove(e *entry[V]) { h.place(e.key).CompareAndSwap(e, nil) }

func (h hints[V]) clear() {
	for i := range h {
		h[i].Store(nil)
	}
}
