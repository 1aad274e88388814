package jws_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/internal/jws"
)

// TestParserRemembersHeaders: what a Parser has seen changes neither what it reads nor what it refuses.
func TestParserRemembersHeaders(t *testing.T) {
	t.Parallel()
	o := jws.Options{Types: []string{"jwt", "at+jwt"}}
	p := jws.NewParser(o)
	for range 3 {
		for i := range 500 { // more than there is room for
			header := fmt.Sprintf(`{"alg":"ES256","kid":"%d","typ":"at+jwt"}`, i)
			switch i % 10 {
			case 1:
				header = fmt.Sprintf(`{"alg":"none","kid":"%d"}`, i)
			case 2:
				header = fmt.Sprintf(`{"alg":"ES256","kid":"%d","crit":["x"]}`, i)
			case 3:
				header = fmt.Sprintf(`{"alg":"RS512","x":"%s%d"}`, strings.Repeat("x", 600), i) // longer than is remembered
			case 4:
				header = `{"alg":"ES256"}`
			}
			raw := compact(header, fmt.Sprintf(`{"sub":"%d"}`, i), "signature")
			want, wantErr := jws.Parse(raw, o)
			got, err := p.Parse(raw)
			check.Equal(t, fmt.Sprint(err), fmt.Sprint(wantErr), "error for "+header)
			if err == nil {
				check.Equal(t, got.Header, want.Header, "header")
				check.Equal(t, got.Payload, want.Payload, "payload")
			}
		}
	}
}

// TestParserForgetsRefusedHeaders: a header that was refused once is refused
// again, although nothing else has taken its place in the meantime.
func TestParserForgetsRefusedHeaders(t *testing.T) {
	t.Parallel()
	p := jws.NewParser(jws.Options{})
	for header, reason := range map[string]jws.Reason{
		`{"alg":"none"}`: jws.AlgNotAllowed, `{"alg":"HS256"}`: jws.AlgNotAllowed, `{"alg":"RS256","typ":"at+jwt"}`: jws.TypeNotAllowed,
		`{"alg":"RS256","crit":["exp"]}`: jws.Malformed, `{"alg":"RS256","kid":1}`: jws.Malformed, `{}`: jws.Malformed,
	} {
		for range 3 {
			_, err := p.Parse(compact(header, `{}`, "signature"))
			refused(t, err, reason)
		}
	}
}

// TestParsersShareNothing: what one accepts another may refuse.
func TestParsersShareNothing(t *testing.T) {
	t.Parallel()
	raw := compact(`{"alg":"RS256","typ":"at+jwt"}`, `{}`, "signature")
	for range 2 {
		_, err := jws.NewParser(jws.Options{Types: []string{"at+jwt"}}).Parse(raw)
		check.NoError(t, err)
		for _, o := range []jws.Options{{}, {Algs: []string{"ES256"}, Types: []string{"at+jwt"}}} {
			_, err = jws.NewParser(o).Parse(raw)
			check.True(t, err != nil, "%v is ignored", o)
		}
	}
}

// TestParserRemembersNoLongHeader: what strangers send must not fill the memory.
func TestParserRemembersNoLongHeader(t *testing.T) { // allocations are not counted in parallel
	p := jws.NewParser(jws.Options{})
	allocations := func(padding int) float64 {
		raw := compact(`{"alg":"ES256","x":"`+strings.Repeat("x", padding)+`"}`, `{}`, "signature")
		return testing.AllocsPerRun(100, func() { _, _ = p.Parse(raw) })
	}
	check.True(t, allocations(300) < allocations(400), "a header of more than 512 bytes is remembered")
	long := compact(`{"alg":"ES256","x":"`+strings.Repeat("x", 400)+`"}`, `{}`, "signature")
	alone := testing.AllocsPerRun(100, func() { _, _ = jws.Parse(long, jws.Options{}) })
	check.Equal(t, allocations(400), alone, "allocations for a header that is not remembered")
}
