package cache

import (
	"sync"
	"sync/atomic"
	"time"

	gocache "github.com/patrickmn/go-cache"
)

const (
	tidied = 2   // entries looked at for having expired with each new one, while there is room
	swept  = 16  // the same in a full cache
	spared = 128 // entries in use that are passed to find one that is not
)

// entry never changes once it is stored, save for slot (under the shard's lock), used and next.
type entry[V any] struct {
	key      Key
	value    V
	deadline time.Time // with a monotonic reading
	wall     int64     // the same on the wall clock, in Unix nanoseconds
	slot     int
	used     atomic.Bool // asked for since the hand last came by
	next     atomic.Pointer[entry[V]]
}

func newEntry[V any](k Key, v V, ttl time.Duration, now time.Time) *entry[V] {
	deadline := now.Add(ttl)
	return &entry[V]{key: k, value: v, deadline: deadline, wall: deadline.UnixNano()}
}

func (e *entry[V]) expired(now time.Time) bool {
	return !now.Before(e.deadline) || now.UnixNano() >= e.wall
}

// shard is one go-cache, an index of its entries, by which readers find them without a lock, and the order in which they
// may go: CLOCK, an approximation of least recently used in which a hit costs one bit. mu orders the writers.
//
// Entries are stored in go-cache without an expiration: it knows only the wall clock, and hides what has expired from
// the one who must make room.
type shard[V any] struct {
	store *gocache.Cache
	index index[V]
	room  int
	mu    sync.Mutex
	slots []slot[V] // all of the store's
	hand  int       // where idle goes on
	broom int       // where stale goes on
}

// slot is an entry and its end, which the broom need not go to the entry for: among many, that is a wait.
type slot[V any] struct {
	*entry[V]
	ends int64 // the entry's wall
}

func (s *shard[V]) init(room int) {
	s.store = gocache.New(gocache.NoExpiration, 0) // 0: no janitor
	s.room = room
}

func (s *shard[V]) lookup(k Key) *entry[V] {
	e, certain := s.index.find(k)
	if certain {
		return e
	}
	if v, ok := s.store.Get(string(k[:])); ok {
		return v.(*entry[V])
	}
	return nil
}

func (s *shard[V]) get(k Key, now time.Time) *entry[V] {
	e := s.lookup(k)
	if e == nil {
		return nil
	}
	if e.expired(now) {
		s.delete(k, e)
		return nil
	}
	if !e.used.Load() { // so that hits on one entry do not write to its cache line each time
		e.used.Store(true)
	}
	return e
}

func (s *shard[V]) set(e *entry[V], now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.lookup(e.key)
	if old != nil {
		e.used.Store(old.used.Load())
		s.put(e, old.slot)
	} else {
		s.place(e, now.UnixNano())
	}
	s.store.Set(string(e.key[:]), e, gocache.NoExpiration)
	if old != nil {
		s.index.replace(old, e)
	} else {
		s.index.add(e, s.slots)
	}
}

// place gives a new entry a slot, that of another one if the shard is full. It needs mu.
func (s *shard[V]) place(e *entry[V], now int64) {
	if len(s.slots) < s.room {
		if at := s.stale(now, tidied); at >= 0 {
			s.remove(s.slots[at].entry)
		}
		s.slots = append(s.slots, slot[V]{})
		s.put(e, len(s.slots)-1)
		return
	}
	at := s.stale(now, swept)
	if at < 0 {
		at = s.idle()
	}
	s.drop(s.slots[at].entry)
	s.put(e, at)
}

// put needs mu.
func (s *shard[V]) put(e *entry[V], at int) {
	e.slot = at
	s.slots[at] = slot[V]{e, e.wall}
}

// drop takes an entry from where readers find it. It needs mu.
func (s *shard[V]) drop(e *entry[V]) {
	s.index.remove(e)
	s.store.Delete(string(e.key[:]))
}

// delete forgets k if it still leads to only, or whatever it leads to when only is nil.
func (s *shard[V]) delete(k Key, only *entry[V]) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.lookup(k); e != nil && (only == nil || e == only) {
		s.remove(e)
	}
}

func (s *shard[V]) purge() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.index.clear()
	s.store.Flush()
	s.slots, s.hand, s.broom = nil, 0, 0
}

// remove needs mu. The last slot's entry takes the free slot.
func (s *shard[V]) remove(e *entry[V]) {
	s.drop(e)
	last := len(s.slots) - 1
	s.put(s.slots[last].entry, e.slot)
	s.slots[last] = slot[V]{}
	s.slots = s.slots[:last]
}

// stale returns the slot of an entry that has expired by the wall clock, -1 if none of the next n has. It needs mu.
func (s *shard[V]) stale(now int64, n int) int {
	for range min(n, len(s.slots)) {
		at := s.next(&s.broom)
		if now >= s.slots[at].ends {
			return at
		}
	}
	return -1
}

// idle returns the slot of an entry that nobody has asked for since the hand last came by. The hand takes the marks of
// those it passes; when it has passed many it makes do with the first. It needs mu and an entry.
func (s *shard[V]) idle() int {
	first := s.next(&s.hand)
	at := first
	for range spared {
		if !s.slots[at].used.Load() {
			return at
		}
		s.slots[at].used.Store(false)
		at = s.next(&s.hand)
	}
	return first
}

// next returns the slot that hand or broom has come to, and moves it on. There must be one.
func (s *shard[V]) next(place *int) int {
	at := *place
	if at >= len(s.slots) {
		at = 0
	}
	*place = at + 1
	return at
}
