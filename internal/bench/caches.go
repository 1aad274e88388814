package main

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	gocache "github.com/patrickmn/go-cache"

	"github.com/relyingparty/oidc/internal/cache"
)

// fact stands for what a cache holds: the caches differ in their values only.
type fact struct{ n int }

// keyOf spreads n over all keys, as a digest does.
func keyOf(n int) (k cache.Key) {
	x := rand.New(rand.NewPCG(uint64(n), 7))
	for i := 0; i < len(k); i += 8 {
		binary.LittleEndian.PutUint64(k[i:], x.Uint64())
	}
	return k
}

// caches measures internal/cache at three sizes.
func (b *bench) caches() *section {
	s := &section{
		title: "The cache under the verified-token and introspection caches",
		head:  []string{"entries", "Get", "on 2 cores", "Set, full", "bytes an entry", "longest stall of a reader", "go-cache's sweep"},
	}
	var first, last float64
	for _, n := range []int{1, 100_000, 1_000_000} {
		keys := make([]cache.Key, n)
		for i := range keys {
			keys[i] = keyOf(i)
		}
		one := &fact{1}
		before := heap()
		c := cache.New[*fact](n)
		for _, k := range keys {
			c.Set(k, one, time.Hour)
		}
		size := max(0, heap()-before) / float64(n)
		var turn atomic.Uint64
		get := func() func() {
			i := int(turn.Add(7919)) % n
			return func() {
				c.Get(keys[i])
				if i += 7919; i >= n {
					i %= n
				}
			}
		}
		took := b.plan.measure(subject{do: get()})[0].ns
		two := b.twoReaders(get)
		next := n
		set := b.plan.measure(subject{do: func() {
			next++
			c.Set(keyOf(next), one, time.Hour)
		}, name: "set"}, subject{do: func() { next++; keyOf(next) }})
		stall, idle := stalls(c, keys, b.stallTime())
		swept := sweep(n)
		s.rows = append(s.rows, []string{
			fmt.Sprint(n), duration(took), duration(two), duration(set[0].ns - set[1].ns), number(size),
			duration(float64(stall)) + " (idle: " + duration(float64(idle)) + ")", duration(float64(swept)),
		})
		if first == 0 {
			first = took
		}
		last = took
		if n == 1_000_000 {
			s.atMost("longest stall of a reader, beyond that of an idle loop, to go-cache's own sweep, 1e6 entries", max(0, float64(stall-idle))/float64(swept), 0.05, "x")
		}
		runtime.KeepAlive(c)
	}
	s.note("a reader's stall, the median of the longest in each of several turns, is measured while another goroutine sets new entries in a full cache; idle: the longest gap of a loop that does nothing but look at the clock, beside the same writer's work on a cache of its own")
	s.note("Get at 1e6 entries, in random order, takes %s more than at one: what leaves the processor's caches", duration(last-first))
	hot, kept := flood(100_000)
	s.atLeast("share of entries in use that outlive ten times the cache's size of entries that are not", float64(kept)/float64(hot), 0.95, "")
	return s
}

func (b *bench) stallTime() time.Duration {
	if b.quick {
		return 500 * time.Millisecond
	}
	return 3 * time.Second
}

// twoReaders is the time of a Get when two goroutines read at once.
func (b *bench) twoReaders(get func() func()) float64 {
	calls := calibrate(get(), b.plan.batch)
	samples := make([]float64, b.plan.rounds)
	for i := range samples {
		took := make([]float64, 2)
		var wg sync.WaitGroup
		for w := range took {
			do := get()
			wg.Go(func() { took[w] = timed(do, calls) })
		}
		wg.Wait()
		samples[i] = mean(took)
	}
	return median(samples)
}

// stalls is the longest that one Get took while another goroutine changed the cache, and the longest that nothing
// took: what the machine and the runtime do to a goroutine anyway. Both are medians of several turns, each of some hundred
// thousand entries set, without garbage collection, which stops readers of anything.
func stalls(c *cache.Cache[*fact], keys []cache.Key, d time.Duration) (stall, idle time.Duration) {
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	const turns = 7
	own := cache.New[*fact](len(keys))
	var busy, still []float64
	for range turns {
		still = append(still, float64(longest(d/turns, own, func(int) {})))
		busy = append(busy, float64(longest(d/turns, c, func(i int) { c.Get(keys[i%len(keys)]) })))
		runtime.GC()
	}
	return time.Duration(median(busy)), time.Duration(median(still))
}

// longest is the longest that read took, while a writer works.
func longest(d time.Duration, c *cache.Cache[*fact], read func(i int)) time.Duration {
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := 1 << 40; ; i++ {
			select {
			case <-stop:
				return
			default:
				c.Set(keyOf(i), &fact{i}, time.Hour)
			}
		}
	})
	var worst time.Duration
	start := time.Now()
	for i, last := 0, start; last.Sub(start) < d; i++ {
		read(i * 7919)
		now := time.Now()
		worst = max(worst, now.Sub(last))
		last = now
	}
	close(stop)
	wg.Wait()
	return worst
}

// sweep is how long go-cache's DeleteExpired keeps everybody out, when half of n entries have expired.
func sweep(n int) time.Duration {
	c := gocache.New(gocache.NoExpiration, 0)
	for i := range n {
		k, life := keyOf(i), time.Hour
		if i%2 == 0 {
			life = time.Nanosecond
		}
		c.Set(string(k[:]), i, life)
	}
	start := time.Now()
	c.DeleteExpired()
	return time.Since(start)
}

// flood fills a cache with entries, some of them in use, and then sets ten times its size of entries nobody asks for.
func flood(n int) (hot, kept int) {
	c := cache.New[*fact](n)
	hot = n / 5
	for i := range hot {
		c.Set(keyOf(i), &fact{i}, time.Hour)
	}
	for i := range 10 * n {
		c.Set(keyOf(n+i), &fact{i}, time.Hour)
		if i%(n/10) == 0 {
			for h := range hot {
				c.Get(keyOf(h))
			}
		}
	}
	for h := range hot {
		if _, ok := c.Get(keyOf(h)); ok {
			kept++
		}
	}
	return hot, kept
}
