package main

import (
	"math"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"
)

// subject is one thing to measure. The first of a group is what the others are compared with.
type subject struct {
	name  string
	lacks string // what it does not check, where that matters
	do    func()
}

// figure is what was measured of a subject.
type figure struct {
	subject
	ns     float64 // median of all rounds, a call
	ratio  float64 // median over the rounds of its time to the first subject's in the same round
	allocs float64
}

// plan says how long to measure.
type plan struct {
	rounds int
	batch  time.Duration // of one subject in one round
}

// measure runs the subjects in turns: what slows the machine down for a moment slows all of them.
func (p plan) measure(subjects ...subject) []figure {
	calls := make([]int, len(subjects))
	for i, s := range subjects {
		calls[i] = calibrate(s.do, p.batch)
	}
	samples := make([][]float64, len(subjects))
	runtime.GC()
	for round := range p.rounds {
		for i := range subjects {
			at := (i + round) % len(subjects)
			samples[at] = append(samples[at], timed(subjects[at].do, calls[at]))
		}
	}
	figures := make([]figure, len(subjects))
	for i, s := range subjects {
		ratios := make([]float64, p.rounds)
		for round := range ratios {
			ratios[round] = samples[i][round] / samples[0][round]
		}
		figures[i] = figure{subject: s, ns: median(samples[i]), ratio: median(ratios), allocs: allocations(s.do, calls[i])}
	}
	return figures
}

// calibrate returns how many calls fill a batch.
func calibrate(do func(), batch time.Duration) int {
	for n := 1; ; n *= 2 {
		took := timed(do, n) * float64(n)
		if took >= float64(batch)/4 || n >= 1<<24 {
			return max(1, int(float64(n)*float64(batch)/took))
		}
	}
}

// timed returns the nanoseconds a call takes.
func timed(do func(), calls int) float64 {
	start := time.Now()
	for range calls {
		do()
	}
	return float64(time.Since(start)) / float64(calls)
}

// allocations counts those of a call.
func allocations(do func(), calls int) float64 {
	return testing.AllocsPerRun(min(max(calls, 10), 1000), do)
}

// parallel is measure for one function, in each of several numbers of goroutines: the nanoseconds a call takes for the
// one who makes it.
func (p plan) parallel(do func(), workers ...int) []float64 {
	calls := calibrate(do, p.batch)
	samples := make([][]float64, len(workers))
	for range p.rounds {
		for i, n := range workers {
			took := make([]float64, n)
			var wg sync.WaitGroup
			for w := range n {
				wg.Go(func() { took[w] = timed(do, calls) })
			}
			wg.Wait()
			samples[i] = append(samples[i], mean(took))
		}
	}
	medians := make([]float64, len(workers))
	for i := range samples {
		medians[i] = median(samples[i])
	}
	return medians
}

func median(values []float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(values))
	mid := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[mid]
	}
	return (sorted[mid-1] + sorted[mid]) / 2
}

func mean(values []float64) float64 {
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	return sum / float64(len(values))
}
