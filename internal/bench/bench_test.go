package main

import (
	"context"
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/internal/keyset"
)

// TestVerifiers: every verifier accepts a good token and refuses a corrupted one, under each algorithm; and ours
// accepts nothing that it should not.
func TestVerifiers(t *testing.T) {
	t.Parallel()
	for _, alg := range []string{"RS256", "ES256", "EdDSA"} {
		key := newSigner(alg, "key")
		p := newProvider(issuer, key)
		for _, v := range append([]verifier{ours}, peers...) {
			t.Run(alg+"/"+v.name, func(t *testing.T) {
				t.Parallel()
				accept, err := v.ready(t.Context(), p, alg)
				check.NoError(t, err)
				lacks, err := inspect(t.Context(), accept, key)
				check.NoError(t, err)
				for _, fatal := range []string{"alg none", "HS256", "iss"} {
					check.True(t, !strings.Contains(lacks, fatal), "accepts %s", fatal)
				}
				if v.name == ours.name {
					check.Equal(t, lacks, "", "what ours accepts though it should not")
				}
			})
		}
	}
}

// TestInspect: a verifier that verifies nothing, or refuses everything, is never measured.
func TestInspect(t *testing.T) {
	t.Parallel()
	key := newSigner("ES256", "key")
	_, err := inspect(t.Context(), func(context.Context, string) error { return nil }, key)
	check.Error(t, err, errAcceptsCorrupt)
	_, err = inspect(t.Context(), func(context.Context, string) error { return io.EOF }, key)
	check.Error(t, err, errRefusesGood)
}

func TestMiddlewares(t *testing.T) {
	t.Parallel()
	key := newSigner("ES256", "key")
	p := newProvider(issuer, key)
	token := key.sign(standard())
	g, err := guard(p, 0, tenantFromHeader)
	check.NoError(t, err)
	_, err = serving(g.Wrap, token, corrupt(token))
	check.NoError(t, err)
	for name, setUp := range middlewares(t.Context(), p, key.alg) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			protect, err := setUp()
			check.NoError(t, err)
			_, err = serving(protect, token, corrupt(token))
			check.NoError(t, err)
		})
	}
}

func TestTokenSources(t *testing.T) {
	t.Parallel()
	for _, source := range tokenSources {
		t.Run(source.name, func(t *testing.T) {
			t.Parallel()
			p := newProvider(issuer)
			get, err := source.setUp(t.Context(), p)
			check.NoError(t, err)
			check.NoError(t, get(t.Context()))
			check.Equal(t, p.requests("token"), 1, "token requests")
		})
	}
}

func TestIntrospection(t *testing.T) {
	t.Parallel()
	p := newProvider(issuer)
	c := p.client()
	check.NoError(t, byHand(p, c)(t.Context(), "opaque"))
	zitadel, err := byZitadel(t.Context(), p, c)
	check.NoError(t, err)
	check.NoError(t, zitadel(t.Context(), "opaque"))
	own, err := introspecting(p, c)
	check.NoError(t, err)
	_, err = own.Introspect(t.Context(), "opaque")
	check.NoError(t, err)
	check.Equal(t, p.requests("introspect"), 3, "calls")
}

func TestMeasure(t *testing.T) { // allocations are not counted in parallel
	calls := 0
	list := plan{rounds: 6, batch: time.Microsecond}.measure(subject{name: "a", do: func() { calls++ }}, subject{name: "b", do: func() {}})
	check.Equal(t, len(list), 2, "figures")
	check.Equal(t, list[0].ratio, 1, "ratio of the first")
	check.True(t, calls >= 6, "%d calls", calls)
	check.Equal(t, median([]float64{3, 1, 2}), 2, "median of three")
	check.Equal(t, median([]float64{4, 1, 2, 3}), 2.5, "median of four")
}

// TestReadme: the table goes between the marks, and nothing else changes.
func TestReadme(t *testing.T) {
	t.Parallel()
	a, b := &section{}, &section{}
	a.sum("work", "1 µs", "2 µs")
	text, err := summed("before\n"+begin+"old\n"+end+"after\n", []*section{a, b})
	check.NoError(t, err)
	check.Equal(t, text, "before\n"+begin+"| work | this module | others |\n|---|---|---|\n| work | 1 µs | 2 µs |\n"+end+"after\n", "README")
	_, err = summed("no marks", nil)
	check.True(t, err != nil, "a README without marks")
	readme, err := os.ReadFile("../../README.md")
	check.NoError(t, err)
	_, err = summed(string(readme), nil)
	check.NoError(t, err)
}

func TestSection(t *testing.T) {
	t.Parallel()
	s := &section{title: "title", head: []string{"", "time"}, rows: [][]string{{"a", "1 µs"}}}
	s.atMost("ratio", 1.1, 1.2, "x")
	s.atLeast("faster", 20, 30, "x")
	s.absent("peer", io.EOF)
	passed, failed := s.count()
	check.Equal(t, passed, 1, "passed")
	check.Equal(t, failed, 2, "failed: a bar, and a peer that is missing")
	var text strings.Builder
	s.print(&text)
	for _, want := range []string{"pass  ratio: 1.10x, at most 1.20x", "FAIL  faster: 20x, at least 30x", "FAIL  missing: peer: EOF"} {
		check.True(t, strings.Contains(text.String(), want), "no %q in:\n%s", want, &text)
	}
}

// TestCrowd: what is measured is remembered: nobody asks about a token again.
func TestCrowd(t *testing.T) {
	t.Parallel()
	p := newProvider(issuer)
	g, err := guard(p, room(1000), remembering(1000))
	check.NoError(t, err)
	c := newCrowd(g, opaque, 1000)
	check.Equal(t, len(c.tokens), 1000, "tokens")
	check.True(t, !slices.Contains(c.tokens, ""), "a token was not kept")
	for workers := range 4 {
		c.sample(workers + 1)
	}
	check.Equal(t, p.requests("introspect"), 1000, "calls")
}

// TestMostKeys: of a set so many keys are read, and no more.
func TestMostKeys(t *testing.T) {
	t.Parallel()
	var set []object
	for _, k := range ring("EdDSA", mostKeys+1) {
		set = append(set, k.jwk())
	}
	keys, skipped, err := keyset.Parse(marshal(object{"keys": set}))
	check.NoError(t, err)
	check.Equal(t, len(keys), mostKeys, "keys")
	check.Equal(t, len(skipped), 1, "skipped")
}

// TestPrograms: the servers give the same answer, the guarded ones to nobody without a good token.
func TestPrograms(t *testing.T) {
	t.Parallel()
	key := newSigner("RS256", "key")
	p := newProvider("", key)
	t.Cleanup(p.serve())
	set, err := assemble(t.Context(), p, key, t.TempDir())
	check.NoError(t, err)
	running, stop, err := set.start(t.Context())
	check.NoError(t, err)
	defer stop()
	for i, s := range running {
		_, modules, err := set.programs[i].measures()
		check.NoError(t, err)
		check.Equal(t, modules > 0, set.programs[i].guarded, "modules of "+set.programs[i].name)
		status, _, err := s.get(t.Context(), set.series(i))
		check.NoError(t, err)
		check.Equal(t, status, http.StatusOK, "status of a new token")
	}
}

func TestReadLoad(t *testing.T) {
	t.Parallel()
	got, err := readLoad("Running 4s test\nfigures 80000 4000000 1200 9000 0\n")
	check.NoError(t, err)
	check.Equal(t, got, load{perSecond: 20_000, p50: 1.2e6, p99: 9e6}, "load")
	_, err = readLoad("figures 80000 4000000 1200 9000 3\n")
	check.Error(t, err, errLoad)
	_, err = readLoad("unable to connect\n")
	check.Error(t, err, errNoFigures)
}

// TestGrowth: whatever grows stays within what the guard accepts. It counts allocations, so it is not parallel.
func TestGrowth(t *testing.T) {
	b := &bench{ctx: t.Context(), quick: true, plan: plan{rounds: 1, batch: 1}}
	sections, charts := b.growth()
	check.Equal(t, len(sections), 1, "sections")
	check.Equal(t, len(charts), 4, "charts")
}

func TestChart(t *testing.T) {
	t.Parallel()
	c := chart{name: "size", unit: "kB", lines: []line{{"a", []point{{1, 1000}, {16, 16_000}}}, {"b", []point{{1, 10}, {16, 10}}}}}
	for dec := xml.NewDecoder(strings.NewReader(c.svg())); ; {
		_, err := dec.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		check.NoError(t, err)
	}
}
