package cache

import (
	"encoding/binary"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/relyingparty/oidc/internal/check"
)

// TestSlotsAreTheStore does random things to one shard and looks at its books after each.
func TestSlotsAreTheStore(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	var s shard[int]
	s.init(40)
	for range 20_000 {
		var k Key
		i := r.IntN(80)
		binary.BigEndian.PutUint64(k[:], uint64(i))
		k[len(k)-1] = byte(i % 20) // four keys share a place of the index
		switch r.IntN(10) {
		case 0:
			s.delete(k, nil)
		case 1:
			s.delete(k, newEntry(k, i, time.Hour, time.Now())) // another entry than the one that is there
		case 2, 3:
			s.get(k, time.Now())
		case 4:
			if r.IntN(100) == 0 {
				s.purge()
			}
		case 5:
			e := newEntry(k, i, time.Hour, time.Now())
			e.deadline, e.wall = time.Now(), 0
			s.set(e, time.Now())
		default:
			s.set(newEntry(k, i, time.Hour, time.Now()), time.Now())
		}
		check.True(t, len(s.slots) <= s.room, "%d slots, room for %d", len(s.slots), s.room)
		check.Equal(t, s.store.ItemCount(), len(s.slots), "entries")
		for i, e := range s.slots {
			check.Equal(t, e.slot, i, "slot")
			check.Equal(t, e.ends, e.wall, "end")
			check.True(t, stored(&s, e.key) == e.entry, "slot %d has an entry the store has not", i)
		}
		check.Equal(t, indexed(t, &s), len(s.slots), "entries in the index")
	}
}

// TestIndexChains: keys with one place are all found, whichever of them goes.
func TestIndexChains(t *testing.T) {
	t.Parallel()
	for gone := range 3 {
		var s shard[int]
		s.init(4)
		keys := []Key{{0: 1}, {0: 2}, {0: 3}}
		for i, k := range keys {
			s.set(newEntry(k, i, time.Hour, time.Now()), time.Now())
			s.set(newEntry(k, i, time.Hour, time.Now()), time.Now()) // in the place of the first
		}
		s.delete(keys[gone], nil)
		for i, k := range keys {
			e := s.get(k, time.Now())
			check.Equal(t, e != nil, i != gone, "found")
			check.True(t, e == nil || e.value == i, "another entry was found")
		}
	}
}

// TestReplacedIsNeverMissed: of a key that is set again and again there always is an entry.
func TestReplacedIsNeverMissed(t *testing.T) {
	t.Parallel()
	var s shard[int]
	s.init(8)
	keys := []Key{{0: 1}, {0: 2}, {0: 3}, {0: 4}} // one chain
	for _, k := range keys {
		s.set(newEntry(k, 0, time.Hour, time.Now()), time.Now())
	}
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for i := range 200_000 {
				if s.get(keys[i%len(keys)], time.Now()) == nil {
					t.Error("an entry was missed")
					return
				}
			}
		})
	}
	wg.Go(func() {
		for i := range 100_000 {
			s.set(newEntry(keys[i%len(keys)], i, time.Hour, time.Now()), time.Now())
		}
	})
	wg.Wait()
}

// TestIndexGrows with what is in it, whatever there is room for, and keeps its chains short.
func TestIndexGrows(t *testing.T) {
	t.Parallel()
	var s shard[int]
	s.init(1 << 40)
	check.True(t, s.index.places.Load() == nil, "an empty shard has an index")
	for i := range 5000 {
		var k Key
		binary.BigEndian.PutUint32(k[len(k)-4:], uint32(i)*2654435761)
		s.set(newEntry(k, i, time.Hour, time.Now()), time.Now())
		n := len(*s.index.places.Load())
		check.True(t, n >= spread*len(s.slots) && n <= max(firstPlaces, 2*spread*len(s.slots)), "%d places for %d entries", n, len(s.slots))
	}
	check.Equal(t, indexed(t, &s), 5000, "entries in the index")
	s.purge()
	check.True(t, s.index.places.Load() == nil, "an empty shard has an index")
}

// TestIndexIsUncertainWhileItGrows: then the store is asked, so that nothing is missed.
func TestIndexIsUncertainWhileItGrows(t *testing.T) {
	t.Parallel()
	var s shard[int]
	s.init(4)
	s.set(newEntry(Key{}, 1, time.Hour, time.Now()), time.Now())
	s.index.clear() // a chain that has been taken apart
	check.True(t, s.get(Key{}, time.Now()) == nil, "found although the index is certain that it is not there")
	s.index.moves.Add(1)
	check.True(t, s.get(Key{}, time.Now()) != nil, "the store was not asked")
}

// indexed counts what the index leads to, which must be in the store.
func indexed(t *testing.T, s *shard[int]) (n int) {
	t.Helper()
	p := s.index.places.Load()
	if p == nil {
		return 0
	}
	for i := range *p {
		for e := (*p)[i].Load(); e != nil; e = e.next.Load() {
			check.True(t, stored(s, e.key) == e, "place %d leads to an entry the store has not", i)
			n++
		}
	}
	return n
}

// stored is what the store itself has.
func stored(s *shard[int], k Key) *entry[int] {
	v, _ := s.store.Get(string(k[:]))
	e, _ := v.(*entry[int])
	return e
}

// TestStaleDeletion: one that met an expired entry must not take the entry that has replaced it since.
func TestStaleDeletion(t *testing.T) {
	t.Parallel()
	var s shard[int]
	s.init(4)
	old := newEntry(Key{}, 1, time.Hour, time.Now())
	s.set(old, time.Now())
	s.set(newEntry(Key{}, 2, time.Hour, time.Now()), time.Now())
	s.delete(Key{}, old)
	e := s.get(Key{}, time.Now())
	check.True(t, e != nil && e.value == 2, "the new entry is gone")
}

func TestBothClocksEndAnEntry(t *testing.T) {
	t.Parallel()
	e := newEntry(Key{}, 0, time.Minute, time.Now())
	now := time.Now()
	check.True(t, !e.expired(now), "expired at once")
	check.True(t, e.expired(time.Now().Add(time.Minute)), "alive after its ttl")
	// The machine slept: its monotonic clock stood still.
	slept := newEntry(Key{}, 0, time.Minute, time.Now())
	slept.wall = now.Add(-time.Hour).UnixNano()
	check.True(t, slept.expired(now), "alive by the monotonic clock only")
	// The clock was set back: by the wall clock there is an hour left.
	back := newEntry(Key{}, 0, time.Minute, time.Now())
	back.wall = now.Add(time.Hour).UnixNano()
	check.True(t, back.expired(time.Now().Add(time.Minute)), "alive by the wall clock only")
}

// TestEvictionLooksAtFew: however many entries are in use, making room looks at a bounded number of them.
func TestEvictionLooksAtFew(t *testing.T) {
	t.Parallel()
	var s shard[int]
	s.init(10_000)
	for i := range 10_000 {
		var k Key
		binary.BigEndian.PutUint64(k[:], uint64(i))
		e := newEntry(k, i, time.Hour, time.Now())
		s.set(e, time.Now())
		e.used.Store(true)
	}
	s.set(newEntry(Key{1}, 0, time.Hour, time.Now()), time.Now())
	unused := 0
	for _, e := range s.slots {
		if !e.used.Load() {
			unused++
		}
	}
	check.True(t, unused <= spared+2, "%d entries were looked at", unused)
	check.Equal(t, len(s.slots), 10_000, "entries")
}
