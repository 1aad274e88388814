package cache_test

import (
	"crypto/sha256"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/relyingparty/oidc/internal/cache"
	"github.com/relyingparty/oidc/internal/check"
)

func key(i int) cache.Key { return cache.Digest(strconv.Itoa(i)) }

// holds fails the test unless c has want under k; want "" means nothing.
func holds(t *testing.T, c *cache.Cache[string], k cache.Key, want string) {
	t.Helper()
	got, ok := c.Get(k)
	check.Equal(t, ok, want != "", "found")
	check.Equal(t, got, want, "value")
}

func TestSetGetDelete(t *testing.T) {
	t.Parallel()
	c := cache.New[string](10)
	holds(t, c, key(1), "")
	c.Set(key(1), "a", time.Minute)
	c.Set(key(2), "b", time.Minute)
	holds(t, c, key(1), "a")
	c.Set(key(1), "A", time.Minute)
	holds(t, c, key(1), "A")
	check.Equal(t, c.Len(), 2, "length")
	c.Delete(key(1))
	c.Delete(key(3))
	holds(t, c, key(1), "")
	holds(t, c, key(2), "b")
	check.Equal(t, c.Len(), 1, "length after a deletion")
	c.Purge()
	holds(t, c, key(2), "")
	check.Equal(t, c.Len(), 0, "length after a purge")
	c.Set(key(2), "b", time.Minute)
	holds(t, c, key(2), "b")
}

// TestFind: what Find and Set point to stays as it is, whatever becomes of the entry.
func TestFind(t *testing.T) {
	t.Parallel()
	for _, max := range []int{0, 1, 1000} {
		c := cache.New[string](max)
		set := c.Set(key(1), "a", time.Minute)
		check.Equal(t, *set, "a", "what Set points to")
		found := c.Find(key(1), time.Now())
		check.Equal(t, found != nil, max > 0, "found")
		if found != nil {
			check.True(t, found == set, "Find points elsewhere than Set")
		}
		check.Equal(t, *c.Set(key(1), "b", time.Minute), "b", "what the next Set points to")
		for i := range 3 * max {
			c.Set(key(10+i), "c", time.Minute)
		}
		c.Delete(key(1))
		check.True(t, c.Find(key(1), time.Now()) == nil, "a deleted entry is found")
		c.Purge()
		check.Equal(t, *set, "a", "what Set pointed to, afterwards")
		check.Equal(t, *c.Set(key(1), "d", 0), "d", "what a Set without a life points to")
		check.True(t, c.Find(key(1), time.Now()) == nil, "an entry without a life is found")
	}
}

func TestNoLifeNoEntry(t *testing.T) {
	t.Parallel()
	c := cache.New[string](10)
	for _, ttl := range []time.Duration{0, -1, -time.Hour, math.MinInt64} {
		c.Set(key(1), "a", ttl)
		check.Equal(t, c.Len(), 0, "length")
		holds(t, c, key(1), "")
		c.Set(key(1), "a", time.Minute)
		c.Set(key(1), "b", ttl)
		check.Equal(t, c.Len(), 0, "length")
		holds(t, c, key(1), "")
	}
}

func TestNoRoomNoEntry(t *testing.T) {
	t.Parallel()
	for _, max := range []int{0, -1, math.MinInt} {
		c := cache.New[string](max)
		c.Set(key(1), "a", time.Minute)
		holds(t, c, key(1), "")
		c.Delete(key(1))
		c.Purge()
		check.Equal(t, c.Len(), 0, "length")
	}
}

func TestExpiry(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := cache.New[string](10)
		c.Set(key(1), "a", time.Second)
		c.Set(key(2), "b", math.MaxInt64)
		time.Sleep(time.Second - 1)
		holds(t, c, key(1), "a")
		time.Sleep(time.Nanosecond)
		holds(t, c, key(1), "")
		check.Equal(t, c.Len(), 1, "length once the expired entry was met")
		c.Set(key(1), "c", time.Second)
		time.Sleep(time.Second / 2)
		c.Set(key(1), "d", time.Second)
		time.Sleep(time.Second - 1)
		holds(t, c, key(1), "d")
		time.Sleep(time.Hour)
		holds(t, c, key(1), "")
		holds(t, c, key(2), "b")
	})
}

func TestBound(t *testing.T) {
	t.Parallel()
	for _, max := range []int{1, 2, 7, 63, 64, 127, 128, 129, 1000, 5000} {
		c := cache.New[int](max)
		for i := range 4 * max {
			c.Set(key(i), i, time.Minute)
			v, ok := c.Get(key(i))
			check.True(t, ok && v == i, "entry %d of %d is not there at once", i, max)
			check.True(t, c.Len() <= max, "%d entries, at most %d", c.Len(), max)
		}
		// Keys spread over the shards at random, so that some are full before others.
		check.True(t, c.Len() >= max*9/10, "%d entries, room for %d", c.Len(), max)
	}
}

// TestUsedEntriesStay: entries that are asked for outlive ten times the cache's size of entries that are not.
func TestUsedEntriesStay(t *testing.T) {
	t.Parallel()
	const max, hot = 1000, 200
	c := cache.New[int](max)
	for i := range hot {
		c.Set(key(i), i, time.Hour)
	}
	for i := range 10 * max {
		c.Set(key(1_000_000+i), i, time.Hour)
		if i%100 == 0 {
			for h := range hot {
				c.Get(key(h))
			}
		}
	}
	stayed := 0
	for i := range hot {
		if _, ok := c.Get(key(i)); ok {
			stayed++
		}
	}
	check.True(t, stayed >= hot*95/100, "%d of %d entries in use stayed", stayed, hot)
}

func TestExpiredEntriesGoFirst(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const max = 60 // one shard
		c := cache.New[int](max)
		for i := range max {
			ttl := time.Hour
			if i%10 == 0 {
				ttl = time.Second
			}
			c.Set(key(i), i, ttl)
		}
		time.Sleep(time.Minute)
		for i := range max / 10 {
			c.Set(key(100+i), i, time.Hour)
		}
		for i := range max {
			_, ok := c.Get(key(i))
			check.Equal(t, ok, i%10 != 0, strconv.Itoa(i))
		}
	})
}

// TestExpiredEntriesLeave: new entries sweep out old ones that nobody asks for, long before the cache is full.
func TestExpiredEntriesLeave(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := cache.New[int](10_000)
		for i := range 5000 {
			c.Set(key(i), i, time.Second)
		}
		time.Sleep(time.Minute)
		for i := range 5000 {
			c.Set(key(10_000+i), i, time.Hour)
		}
		check.True(t, c.Len() < 5500, "%d entries, 5000 of them alive", c.Len())
	})
}

func TestConcurrent(t *testing.T) {
	t.Parallel()
	const max = 200
	c := cache.New[int](max)
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(uint64(g), 1))
			for range 5000 {
				i := r.IntN(2 * max)
				switch r.IntN(20) {
				case 0:
					c.Delete(key(i))
				case 1:
					if i == 0 {
						c.Purge()
					}
				case 2, 3, 4, 5, 6:
					c.Set(key(i), i, time.Duration(r.IntN(1000))*time.Microsecond)
				default:
					if v, ok := c.Get(key(i)); ok && v != i {
						t.Errorf("got %d for %d", v, i)
					}
				}
				if n := c.Len(); n > max {
					t.Errorf("%d entries, at most %d", n, max)
				}
			}
		})
	}
	wg.Wait()
}

// reference is Digest, written down once more.
func reference(parts ...string) (k cache.Key) {
	h := sha256.New()
	for _, p := range parts {
		_ = binary.Write(h, binary.BigEndian, uint64(len(p)))
		_, _ = h.Write([]byte(p))
	}
	h.Sum(k[:0])
	return k
}

func TestDigest(t *testing.T) {
	t.Parallel()
	lists := [][]string{{}, {""}, {"", ""}, {"ab"}, {"a", "b"}, {"ab", ""}, {"", "ab"}, {"a", "b", ""}, {"\x00\x00\x00\x00\x00\x00\x00\x01a"}}
	for _, n := range []int{495, 496, 497, 503, 504, 505, 512, 1016, 4096, 10_000} {
		lists = append(lists, []string{strings.Repeat("a", n)}, []string{strings.Repeat("a", n-1), "a"}, []string{"", strings.Repeat("a", n), "b"})
	}
	seen := map[cache.Key]bool{}
	for _, parts := range lists {
		k := cache.Digest(parts...)
		check.Equal(t, k, reference(parts...), "digest")
		check.True(t, !seen[k], "two lists have the same digest")
		seen[k] = true
	}
}

func TestAllocations(t *testing.T) {
	c := cache.New[*int](1000)
	v := new(int)
	for i := range 500 {
		c.Set(key(i), v, time.Hour)
	}
	k, none := key(7), key(5000)
	token := strings.Repeat("a", 1200)
	long := strings.Repeat("a", 4000)
	for _, test := range []struct {
		name string
		most float64
		do   func()
	}{
		{"Get", 0, func() { c.Get(k) }},
		{"Get nothing", 0, func() { c.Get(none) }},
		{"Digest", 0, func() { _ = cache.Digest("https://id.example.com", token) }},
		{"long Digest", 0, func() { _ = cache.Digest("https://id.example.com", long) }},
		{"Set", 2, func() { c.Set(k, v, time.Hour) }},
	} {
		got := testing.AllocsPerRun(100, test.do)
		check.True(t, got <= test.most, "%s: %v allocations, want at most %v", test.name, got, test.most)
	}
}

func BenchmarkGet(b *testing.B) {
	for _, n := range []int{1, 10_000, 1_000_000} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			c := cache.New[int](2 * n)
			keys := make([]cache.Key, n)
			for i := range keys {
				keys[i] = key(i)
				c.Set(keys[i], i, time.Hour)
			}
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				c.Get(keys[i])
				if i++; i == n {
					i = 0
				}
			}
		})
	}
}

// BenchmarkSetFull sets in a cache that is full of entries in use, the worst case of eviction, and reports the longest call.
func BenchmarkSetFull(b *testing.B) {
	const n = 1_000_000
	c := cache.New[int](n)
	for i := range n + n/10 {
		c.Set(key(i), i, time.Hour)
		c.Get(key(i))
	}
	b.ReportAllocs()
	i := 2 * n
	for b.Loop() {
		c.Set(key(i), i, time.Hour)
		i++
	}
}

func BenchmarkDigest(b *testing.B) {
	token := strings.Repeat("a", 1200)
	b.ReportAllocs()
	for b.Loop() {
		_ = cache.Digest("https://id.example.com", token)
	}
}

// TestNothingComesBack: once a Set has returned no Get gives what was there before, once a Delete has it gives nothing
// older, while the cache grows, is purged and makes room.
func TestNothingComesBack(t *testing.T) {
	t.Parallel()
	const writers, each = 4, 64
	for range 5 { // each grows anew
		c := cache.New[int64](writers * each / 2)
		var least [writers * each]atomic.Int64 // what Get may give, at least
		done := make(chan struct{})
		var writing, reading sync.WaitGroup
		for w := range writers {
			writing.Go(func() {
				for i := range 6_000 {
					n, generation := w*each+i*7%each, int64(i)
					switch {
					case i%5 == 0:
						c.Delete(key(n))
					case i%1500 == 1:
						c.Purge()
					default:
						c.Set(key(n), generation, time.Minute)
					}
					least[n].Store(generation)
				}
			})
		}
		for range writers {
			reading.Go(func() {
				for i := 0; ; i++ {
					select {
					case <-done:
						return
					default:
					}
					n := i % len(least)
					want := least[n].Load()
					if v, ok := c.Get(key(n)); ok && v < want {
						t.Errorf("key %d: %d came back after %d", n, v, want)
						return
					}
				}
			})
		}
		writing.Wait()
		close(done)
		reading.Wait()
	}
}
