package cache

import (
	"encoding/binary"
	"sync/atomic"
)

// index leads readers from a key to its entry without a lock, and past the places in memory that a map goes through on
// the way: among a million entries each of them is a wait. Entries with the same place are a chain, the latest first.
// It grows with what is in it.
//
// Writers, who hold the shard's mu, keep it in step with the store. An entry that was taken out still leads on to those
// behind it, for a reader who has come as far as it.
type index[V any] struct {
	places atomic.Pointer[places[V]] // nil while it is empty
	moves  atomic.Uint64             // odd while chains are being taken apart and put together anew
}

// places are a power of two, and at least four times as many as entries.
type places[V any] []atomic.Pointer[entry[V]]

const (
	firstPlaces = 16
	spread      = 4 // places an entry
)

func (p places[V]) of(k Key) *atomic.Pointer[entry[V]] {
	return &p[int(binary.LittleEndian.Uint32(k[len(k)-4:]))&(len(p)-1)]
}

// find returns the entry of k. Without one, certain is whether there is none: while the index grows, the store knows.
func (x *index[V]) find(k Key) (e *entry[V], certain bool) {
	before := x.moves.Load()
	if p := x.places.Load(); p != nil {
		for e = p.of(k).Load(); e != nil; e = e.next.Load() {
			if e.key == k {
				return e, true
			}
		}
	}
	return nil, before%2 == 0 && x.moves.Load() == before
}

// add is for a key that is not there. all are the entries, e among them. It needs mu.
func (x *index[V]) add(e *entry[V], all []slot[V]) {
	p := x.places.Load()
	if p == nil || len(all)*spread > len(*p) {
		x.grow(all)
		return
	}
	p.link(e)
}

func (p places[V]) link(e *entry[V]) {
	first := p.of(e.key)
	e.next.Store(first.Load())
	first.Store(e)
}

func (x *index[V]) grow(all []slot[V]) {
	n := firstPlaces
	for n < len(all)*spread {
		n *= 2
	}
	p := make(places[V], n)
	x.moves.Add(1)
	for i := range all {
		p.link(all[i].entry)
	}
	x.places.Store(&p)
	x.moves.Add(1)
}

// remove needs mu.
func (x *index[V]) remove(e *entry[V]) { x.lead(e, e.next.Load()) }

// replace puts e where old is: a reader meets one of them. It needs mu.
func (x *index[V]) replace(old, e *entry[V]) {
	e.next.Store(old.next.Load())
	x.lead(old, e)
}

// lead makes what leads to e lead to next.
func (x *index[V]) lead(e, next *entry[V]) {
	p := x.places.Load()
	if p == nil {
		return
	}
	at := p.of(e.key)
	for one := at.Load(); one != e; one = at.Load() {
		if one == nil {
			return
		}
		at = &one.next
	}
	at.Store(next)
}

// clear needs mu.
func (x *index[V]) clear() { x.places.Store(nil) }
