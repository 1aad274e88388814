// Command bench measures this library side by side with others, in one run on one machine, and holds it to the bars
// of its design: ratios and counts, for times depend on the machine. It exits with 1 if a bar is missed, and counts a
// peer that could not be measured as one.
//
//	go run -C internal/bench . -quick    # one table, in about two minutes
//	go run -C internal/bench .           # longer, with growth and whole processes; writes docs/performance.md, its plots and the README's table
//	go run -C internal/bench . -only process    # one part by its name, here the servers under wrk
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"runtime"
	"runtime/pprof"
	"slices"
	"strings"
	"time"
)

// bench is one run.
type bench struct {
	ctx   context.Context
	quick bool
	plan  plan
}

func main() {
	quick := flag.Bool("quick", false, "measure for a short while and write nothing")
	only := flag.String("only", "", "run the parts with `NAME` in their name only, and write nothing")
	docs := flag.String("docs", "../../docs", "the `FOLDER` that the full run writes to; the README is beside it")
	profile := flag.String("cpuprofile", "", "write a CPU profile to `FILE`")
	flag.Parse()
	if *profile != "" {
		f, err := os.Create(*profile)
		must(err)
		must(pprof.StartCPUProfile(f))
		defer pprof.StopCPUProfile()
	}
	if failed := run(*quick, *only, *docs); failed > 0 {
		pprof.StopCPUProfile()
		os.Exit(1)
	}
}

func run(quick bool, only, docs string) (failed int) {
	b := &bench{ctx: context.Background(), quick: quick, plan: plan{rounds: 25, batch: 20 * time.Millisecond}}
	if quick {
		b.plan = plan{rounds: 15, batch: 8 * time.Millisecond}
	}
	start := time.Now()
	where := machine()
	fmt.Println(where)
	var sections []*section
	var plots []chart
	passed := 0
	for _, part := range b.parts() {
		if !strings.Contains(part.name, only) || part.long && quick && part.name != only {
			continue
		}
		made, drawn := part.run()
		for _, s := range made {
			s.print(os.Stdout)
			p, f := s.count()
			passed, failed = passed+p, failed+f
		}
		sections, plots = append(sections, made...), append(plots, drawn...)
	}
	if !quick && only == "" {
		must(writeDocs(docs, where, sections, plots, passed, failed))
	}
	fmt.Printf("\n%s\n%d passed, %d failed\n", time.Since(start).Round(time.Second), passed, failed)
	return failed
}

// part is one or several sections.
type part struct {
	name string
	run  func() ([]*section, []chart)
	long bool // left out when it has to be quick, unless it is asked for by its full name
}

func (b *bench) parts() []part {
	one := func(name string, f func() *section) part {
		return part{name: name, run: func() ([]*section, []chart) { return []*section{f()}, nil }}
	}
	several := func(name string, f func() []*section) part {
		return part{name: name, run: func() ([]*section, []chart) { return f(), nil }}
	}
	crowds := []int{1, 100_000, 1_000_000}
	if b.quick {
		crowds = []int{1, 20_000}
	}
	return []part{
		one("validate-rs256", func() *section { return b.validate("RS256", 1.20, 35) }),
		one("validate-es256", func() *section { return b.validate("ES256", 1.10, 0) }),
		one("validate-eddsa", func() *section { return b.validate("EdDSA", 1.15, 0) }),
		one("hit", b.hit),
		several("introspect", b.introspection),
		one("service", b.service),
		one("rush", b.rush),
		one("cache", b.caches),
		one("crowd", func() *section { return b.crowds(crowds...) }),
		one("lookup", b.lookup),
		one("junk", b.junk),
		{name: "growth", run: b.growth, long: true},
		{name: "process", run: func() ([]*section, []chart) { return b.process(), nil }, long: true},
	}
}

// machine says where this ran, and how busy it was before.
func machine() string {
	model := runtime.GOARCH
	if text, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(text)) {
			if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
				model = strings.TrimSpace(value)
				break
			}
		}
	}
	where := fmt.Sprintf("%s, %s/%s, %d cores (%s)", runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), model)
	if text, err := os.ReadFile("/proc/loadavg"); err == nil {
		if load, _, ok := strings.Cut(string(text), " "); ok {
			where += ", load " + load + " before the run"
		}
	}
	return where
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
