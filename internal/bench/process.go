package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"
)

const (
	apiTokenCache = 10_000            // tokens that examples/api remembers
	everNew       = 4 * apiTokenCache // tokens in turns of which hardly any is remembered
	startUps      = 5
)

// process measures whole servers, each a process of its own: under load, when they start, and as files. What it
// started has ended when it returns, also when the bench is interrupted.
func (b *bench) process() []*section {
	ctx, stop := signal.NotifyContext(b.ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	sections := b.servers(ctx)
	if ctx.Err() != nil {
		os.Exit(1)
	}
	return sections
}

// troupe are the servers, and what they serve.
type troupe struct {
	programs []*program
	env      []string
	token    string
	series   func(i int) string
}

// assemble builds the programs in folder, for the tokens of a provider on loopback.
func assemble(ctx context.Context, p *provider, key *signer, folder string) (*troupe, error) {
	claims := with(standard(), object{"iss": p.issuer})
	t := &troupe{programs: programs(), token: key.sign(claims), series: key.series(claims), env: []string{
		"ADDR=127.0.0.1:0", "OIDC_DISCOVERY_URL=" + p.issuer, "OIDC_AUDIENCE=" + audience, "OIDC_TENANT_CLAIM=tenant",
		"BENCH_CLAIMS=" + string(marshal(claims)),
	}}
	for _, program := range t.programs {
		if err := program.build(ctx, folder); err != nil {
			return nil, err
		}
	}
	return t, nil
}

var errOtherAnswer = errors.New("it does not answer what the unprotected server answers")

// start runs all programs, and makes sure that they give the same answer, the guarded ones to nobody without a token.
func (t *troupe) start(ctx context.Context) (running []*server, stop func(), err error) {
	stop = func() {
		for _, s := range running {
			s.stop()
		}
	}
	want := ""
	for _, p := range t.programs {
		s, err := p.start(ctx, t.env, t.token)
		if err == nil {
			running = append(running, s)
			err = p.inspect(ctx, s, t.token, &want)
		}
		if err != nil {
			stop()
			return nil, nil, fmt.Errorf("%s: %w", p.name, err)
		}
	}
	return running, stop, nil
}

// inspect compares an answer with want, which the first one sets.
func (p *program) inspect(ctx context.Context, s *server, token string, want *string) error {
	status, body, err := s.get(ctx, token)
	if err != nil {
		return err
	}
	if *want == "" {
		*want = body
	}
	if status != http.StatusOK || body != *want {
		return errOtherAnswer
	}
	for _, bad := range []string{"", corrupt(token)} {
		if status, _, err := s.get(ctx, bad); err != nil || p.guarded && status != http.StatusUnauthorized {
			return errors.Join(errUnguarded, err)
		}
	}
	return nil
}

// servers makes both sections: the servers under load, and what they are before.
func (b *bench) servers(ctx context.Context) []*section {
	loaded := &section{
		title: "Whole process: the handler of examples/api under wrk, 32 connections on loopback",
		head:  []string{"", "requests a second", "to unprotected", "p50", "p99", "resident", "at most"},
	}
	idle := &section{
		title: "Whole process: start-up and binary",
		head:  []string{"", "to the first answer", "to unprotected", "binary", "to unprotected", "modules"},
	}
	sections := []*section{loaded, idle}
	folder, err := os.MkdirTemp("", "bench")
	must(err)
	defer os.RemoveAll(folder)
	key := newSigner("RS256", "key-2026-01")
	p := newProvider("", key)
	defer p.serve()()
	t, err := assemble(ctx, p, key, folder)
	if err != nil {
		idle.absent("the servers", err)
		return sections
	}
	if err := b.underLoad(ctx, t, folder, loaded); err != nil {
		loaded.absent("the servers under load", err)
	}
	if err := t.starting(ctx, idle); err != nil {
		idle.absent("the start of the servers", err)
	}
	return sections
}

// underLoad drives the servers with one token, and with tokens hardly any of which is remembered when it comes again.
func (b *bench) underLoad(ctx context.Context, t *troupe, folder string, s *section) error {
	running, stop, err := t.start(ctx)
	if err != nil {
		return err
	}
	defer stop()
	rounds, duration := 5, 4*time.Second
	if b.quick {
		rounds, duration = 3, time.Second
	}
	one, err := newDriver(folder, duration, []string{t.token})
	if err != nil {
		s.absent("wrk", err)
		return nil
	}
	if err := t.drive(ctx, s, one, running, rounds, "one token"); err != nil {
		return err
	}
	s.note("wrk runs in one thread, on the same cores; one token: one of RS256 and %d bytes in every request", len(t.token))
	s.note("resident: memory after these rounds; at most: since the start")
	if b.quick {
		return nil
	}
	many, err := newDriver(folder, duration, t.mint(everNew))
	must(err)
	s.note("%d tokens in turns: ours remembers %d, so that it verifies nearly each anew", everNew, apiTokenCache)
	return t.drive(ctx, s, many, running, rounds, strconv.Itoa(everNew)+" tokens")
}

// mint signs n tokens.
func (t *troupe) mint(n int) []string {
	tokens := make([]string, n)
	spread(n, func(i int) { tokens[i] = t.series(i) })
	return tokens
}

// drive sends load to the servers in turns, and adds a row for each.
func (t *troupe) drive(ctx context.Context, s *section, d *driver, running []*server, rounds int, what string) error {
	samples := make([][]load, len(running))
	for round := range rounds {
		for i := range running {
			at := (i + round) % len(running)
			sample, err := d.drive(ctx, running[at].url)
			if err != nil {
				return fmt.Errorf("%s: %w", t.programs[at].name, err)
			}
			samples[at] = append(samples[at], sample)
		}
	}
	of := func(i int, figure func(round int, l load) float64) float64 {
		values := make([]float64, rounds)
		for round, l := range samples[i] {
			values[round] = figure(round, l)
		}
		return median(values)
	}
	for i, server := range running {
		now, most, err := server.memory()
		if err != nil {
			return err
		}
		s.rows = append(s.rows, []string{
			t.programs[i].name + ", " + what,
			fmt.Sprintf("%.0f", of(i, func(_ int, l load) float64 { return l.perSecond })),
			number(of(i, func(round int, l load) float64 { return l.perSecond / samples[0][round].perSecond })) + "x",
			duration(of(i, func(_ int, l load) float64 { return l.p50 })),
			duration(of(i, func(_ int, l load) float64 { return l.p99 })),
			megabytes(now), megabytes(most),
		})
	}
	return nil
}

// starting starts the servers again and again, in turns, and looks at their binaries.
func (t *troupe) starting(ctx context.Context, s *section) error {
	took := make([][]float64, len(t.programs))
	for range startUps {
		for i, p := range t.programs {
			server, err := p.start(ctx, t.env, t.token)
			if err != nil {
				return fmt.Errorf("%s: %w", p.name, err)
			}
			server.stop()
			took[i] = append(took[i], float64(server.took))
		}
	}
	var firstSize float64
	for i, p := range t.programs {
		size, modules, err := p.measures()
		if err != nil {
			return err
		}
		if i == 0 {
			firstSize = size
		}
		s.rows = append(s.rows, []string{
			p.name, duration(median(took[i])), number(median(took[i])/median(took[0])) + "x",
			megabytes(size), number(size/firstSize) + "x", strconv.Itoa(modules),
		})
	}
	s.note("from before the process exists to its first 200, the keys having been fetched and a token verified: the median of %d", startUps)
	s.note("binaries as `go build` makes them, debug information included; modules: those that a plain net/http server has not, the library's own among them")
	return nil
}

func megabytes(bytes float64) string { return number(bytes/1e6) + " MB" }
