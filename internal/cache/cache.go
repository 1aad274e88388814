// Package cache is a bounded cache of facts that expire, keyed by digests. It is the only importer of go-cache.
//
// An entry is given out only while it is younger than its ttl, by the monotonic clock and by the wall clock: setting
// the clock back does not lengthen a life, and neither does a machine that slept. Nothing runs in the background:
// what has expired goes when it is met, a few entries at a time.
package cache

import (
	"time"
)

// Key is a digest of what an entry is about; never the thing itself.
type Key [32]byte

const (
	maxShards   = 32
	perShard    = 64                         // a cache has as many shards as keep this many entries each
	longestLife = 100 * 365 * 24 * time.Hour // caps a ttl, so that no arithmetic overflows
)

// Cache is safe for concurrent use, starts no goroutine and needs no Close.
type Cache[V any] struct {
	shards []shard[V] // a power of two of them, or none
}

// New returns a cache of at most max entries; max <= 0 gives one that stores nothing. A full cache makes room by
// dropping an entry that has expired, else one that nobody has asked for lately, among a few it looks at.
func New[V any](max int) *Cache[V] {
	c := &Cache[V]{}
	if max <= 0 {
		return c
	}
	n := 1
	for n < maxShards && max/(2*n) >= perShard {
		n *= 2
	}
	c.shards = make([]shard[V], n)
	for i := range c.shards {
		room := max / n
		if i < max%n {
			room++
		}
		c.shards[i].init(room)
	}
	return c
}

// Get returns a value younger than its ttl.
func (c *Cache[V]) Get(k Key) (V, bool) {
	if v := c.Find(k, time.Now()); v != nil {
		return *v, true
	}
	var none V
	return none, false
}

// Find is Get without the copy, for those who have looked at the clock: the value where it is stored, nil when there is
// none. It must not be changed.
func (c *Cache[V]) Find(k Key, now time.Time) *V {
	if s := c.shard(k); s != nil {
		if e := s.get(k, now); e != nil {
			return &e.value
		}
	}
	return nil
}

// Set stores v for ttl; a ttl <= 0 is not stored, and ends what was there under k. The result is v where it is stored
// now, or would be: as with Find it must not be changed.
func (c *Cache[V]) Set(k Key, v V, ttl time.Duration) *V {
	now := time.Now()
	e := newEntry(k, v, min(ttl, longestLife), now)
	switch s := c.shard(k); {
	case s == nil:
	case ttl <= 0:
		s.delete(k, nil)
	default:
		s.set(e, now)
	}
	return &e.value
}

// Delete forgets k.
func (c *Cache[V]) Delete(k Key) {
	if s := c.shard(k); s != nil {
		s.delete(k, nil)
	}
}

// Purge forgets everything.
func (c *Cache[V]) Purge() {
	for i := range c.shards {
		c.shards[i].purge()
	}
}

// Len counts the entries, those included that have expired and not been met since.
func (c *Cache[V]) Len() int {
	n := 0
	for i := range c.shards {
		n += c.shards[i].store.ItemCount()
	}
	return n
}

func (c *Cache[V]) shard(k Key) *shard[V] {
	if len(c.shards) == 0 {
		return nil
	}
	return &c.shards[int(k[0])&(len(c.shards)-1)]
}
