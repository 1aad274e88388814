package cache

import (
	"encoding/binary"
	"sync/atomic"
)

// index leads readers from a key to its entry without a lock, and past the places in memory that a map goes through on
// the way: among a million entries each of them is a wait. Entries with the same place are a chain, the latest first.
//
// Writers, who hold the shard's mu, keep it in step with the store. An entry that was taken out still leads on to those
// behind it, for a reader who has come as far as it.
type index[V any] []atomic.Pointer[entry[V]]

// newIndex makes room for n entries: a chain is seldom longer than one.
func newIndex[V any](n int) index[V] {
	places := 1
	for places < 2*n {
		places *= 2
	}
	return make(index[V], places)
}

func (x index[V]) place(k Key) *atomic.Pointer[entry[V]] {
	return &x[int(binary.LittleEndian.Uint32(k[len(k)-4:]))&(len(x)-1)]
}

func (x index[V]) find(k Key) *entry[V] {
	for e := x.place(k).Load(); e != nil; e = e.next.Load() {
		if e.key == k {
			return e
		}
	}
	return nil
}

// add hides an older entry with the same key, which is still to be removed.
func (x index[V]) add(e *entry[V]) {
	first := x.place(e.key)
	e.next.Store(first.Load())
	first.Store(e)
}

func (x index[V]) remove(e *entry[V]) {
	for at := x.place(e.key); ; {
		switch next := at.Load(); next {
		case e:
			at.Store(e.next.Load())
			return
		case nil:
			return
		default:
			at = &next.next
		}
	}
}

func (x index[V]) clear() {
	for i := range x {
		x[i].Store(nil)
	}
}
