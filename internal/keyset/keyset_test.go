package keyset_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/internal/jws"
	"github.com/relyingparty/oidc/internal/keyset"
	"github.com/relyingparty/oidc/internal/remote"
)

const jwksURL = "https://id.example.com/keys"

// server publishes a key set, in memory, and counts the requests.
type server struct {
	requests atomic.Int64
	body     string
	status   int
	delay    time.Duration
	header   http.Header
}

func (s *server) RoundTrip(r *http.Request) (*http.Response, error) {
	s.requests.Add(1)
	resp := &http.Response{StatusCode: s.status, Header: http.Header{"Content-Type": {"application/json"}}, Request: r}
	maps.Copy(resp.Header, s.header)
	if resp.StatusCode == 0 {
		resp.StatusCode = http.StatusOK
	}
	resp.Body, resp.ContentLength = io.NopCloser(strings.NewReader(s.body)), -1
	if s.delay > 0 {
		ctx, cancel := context.WithTimeout(r.Context(), s.delay)
		defer cancel()
		<-ctx.Done()
	}
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	return resp, nil
}

func newSource(s *server) *keyset.Source {
	return keyset.New(keyset.Config{
		URL:        func(context.Context) (string, error) { return jwksURL, nil },
		HTTPClient: &http.Client{Transport: s},
	})
}

// bubble runs a test on a fake clock; it fails if a goroutine is left.
func bubble(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, f)
}

// advance moves the fake clock and lets what is due happen.
func advance(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

func accepted(t *testing.T, s *keyset.Source, token *jws.Token) keyset.Thumbprint {
	t.Helper()
	thumbprint, err := s.Verify(t.Context(), token)
	check.NoError(t, err)
	check.True(t, s.Holds(thumbprint, time.Now()), "the source does not hold the key it verified with")
	return thumbprint
}

func unknown(t *testing.T, s *keyset.Source, token *jws.Token) {
	t.Helper()
	thumbprint, err := s.Verify(t.Context(), token)
	check.Error(t, err, keyset.ErrKeyUnknown)
	check.Equal(t, thumbprint, keyset.Thumbprint{}, "thumbprint")
}

func invalid(t *testing.T, s *keyset.Source, token *jws.Token) {
	t.Helper()
	_, err := s.Verify(t.Context(), token)
	check.Equal(t, check.As[*jws.Error](t, err).Reason, jws.SignatureInvalid, "reason")
}

func TestEveryAlgorithm(t *testing.T) {
	for _, alg := range jws.Algs {
		t.Run(alg, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				for _, published := range []any{alg, nil} { // with and without alg in the JWK
					k := newSigner(t, alg, "k")
					s := newSource(&server{body: jwks(t, k.jwk(t, map[string]any{"alg": published}))})
					accepted(t, s, k.token(t, nil))
					accepted(t, s, k.token(t, map[string]any{"kid": nil}))
				}
			})
		})
	}
}

// TestBothNamesOfEd25519: a key published under one name verifies tokens under the other.
func TestBothNamesOfEd25519(t *testing.T) {
	for _, published := range []string{"EdDSA", "Ed25519"} {
		for _, signed := range []string{"EdDSA", "Ed25519"} {
			t.Run(published+" verifies "+signed, func(t *testing.T) {
				bubble(t, func(t *testing.T) {
					k := newSigner(t, signed, "k")
					s := newSource(&server{body: jwks(t, k.jwk(t, map[string]any{"alg": published}))})
					accepted(t, s, k.token(t, nil))
					accepted(t, s, k.token(t, map[string]any{"kid": nil}))
				})
			})
		}
	}
}

func TestKeyMustFitTheToken(t *testing.T) {
	bubble(t, func(t *testing.T) {
		k := newSigner(t, "RS256", "k")
		e := newSigner(t, "ES256", "e")
		srv := &server{body: publish(t, k, e)}
		s := newSource(srv)
		accepted(t, s, k.token(t, nil))
		for _, unfit := range []*jws.Token{
			k.token(t, map[string]any{"alg": "PS256"}), // the JWK says RS256
			newSigner(t, "ES384", "e").token(t, nil),   // another curve
			newSigner(t, "ES256", "k").token(t, nil),   // another type
		} {
			_, err := s.Verify(t.Context(), unfit)
			check.Error(t, err, keyset.ErrKeyUnknown)
			check.Error(t, err, keyset.ErrKeyUnfit)
		}
		check.Equal(t, srv.requests.Load(), 1, "requests: a known kid never refetches")
	})
}

func TestAWithdrawnKeyStopsWorking(t *testing.T) {
	bubble(t, func(t *testing.T) {
		old, fresh := newSigner(t, "ES256", "old"), newSigner(t, "ES256", "new")
		srv := &server{body: publish(t, old)}
		s := newSource(srv)
		thumbprint := accepted(t, s, old.token(t, nil))
		srv.body = publish(t, fresh)
		advance(14 * time.Minute)
		check.True(t, s.Holds(thumbprint, time.Now()), "withdrawn before anybody could know") // and starts the refresh
		synctest.Wait()
		check.Equal(t, srv.requests.Load(), 2, "requests")
		check.True(t, !s.Holds(thumbprint, time.Now()), "the withdrawn key is still held")
		unknown(t, s, old.token(t, nil))
	})
}

// A Keycloak publishes a key for encryption too and forbids caching, so its set is fetched every minute.
func TestKeysLeftOutAreLoggedWhenTheyChange(t *testing.T) {
	bubble(t, func(t *testing.T) {
		k, e := newSigner(t, "ES256", "k"), newSigner(t, "ES256", "e")
		body := func(kids ...string) string {
			keys := []any{k.jwk(t, nil)}
			for _, kid := range kids {
				keys = append(keys, e.jwk(t, map[string]any{"kid": kid, "use": "enc"}))
			}
			return jwks(t, keys...)
		}
		srv := &server{body: body("e"), header: http.Header{"Cache-Control": {"no-cache"}}}
		var log bytes.Buffer
		s := keyset.New(keyset.Config{
			URL:        func(context.Context) (string, error) { return jwksURL, nil },
			HTTPClient: &http.Client{Transport: srv}, Logger: slog.New(slog.NewTextHandler(&log, nil)),
		})
		lines := func(fetches int, want int) {
			t.Helper()
			for range fetches {
				accepted(t, s, k.token(t, nil))
				advance(2 * time.Minute)
			}
			accepted(t, s, k.token(t, nil))
			synctest.Wait()
			check.Equal(t, strings.Count(log.String(), "left out"), want, "lines")
		}
		lines(5, 1)
		check.True(t, srv.requests.Load() >= 5, "%d requests", srv.requests.Load())
		srv.body = body("e", "f")
		lines(5, 2)
		srv.body = body()
		lines(2, 2)
		srv.body = body("e")
		lines(2, 3)
	})
}

func TestWithoutKid(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a, b, fresh := newSigner(t, "ES256", "a"), newSigner(t, "ES256", ""), newSigner(t, "ES256", "c")
		rsaKey := newSigner(t, "RS256", "rsa")
		srv := &server{body: publish(t, rsaKey, a, b)}
		s := newSource(srv)
		bare := map[string]any{"kid": nil}
		accepted(t, s, a.token(t, bare))
		accepted(t, s, b.token(t, bare))
		accepted(t, s, b.token(t, map[string]any{"kid": ""}))
		check.Equal(t, srv.requests.Load(), 1, "requests")
		srv.body = publish(t, a, fresh)
		accepted(t, s, fresh.token(t, bare)) // all fail, then one refetch
		check.Equal(t, srv.requests.Load(), 2, "requests")
		forged := newSigner(t, "ES256", "").token(t, bare)
		for range 100 {
			invalid(t, s, forged)
			unknown(t, s, a.token(t, map[string]any{"kid": "junk"})) // the same budget
		}
		check.Equal(t, srv.requests.Load(), 2, "requests")
		unknown(t, s, newSigner(t, "EdDSA", "").token(t, bare)) // no key of that type
		advance(30 * time.Second)
		invalid(t, s, forged)
		check.Equal(t, srv.requests.Load(), 3, "requests after the interval")
	})
}

func TestWithoutKidAtMostEightKeysAreTried(t *testing.T) {
	bubble(t, func(t *testing.T) {
		keys := []*signer{newSigner(t, "RS256", "does not fit, does not count")}
		for i := range 9 {
			keys = append(keys, newSigner(t, "ES256", fmt.Sprint(i)))
		}
		s := newSource(&server{body: publish(t, keys...)})
		accepted(t, s, keys[8].token(t, map[string]any{"kid": nil}))
		invalid(t, s, keys[9].token(t, map[string]any{"kid": nil}))
		accepted(t, s, keys[9].token(t, nil))
	})
}

func TestKeysMayShareAKid(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a, b, c := newSigner(t, "ES256", "k"), newSigner(t, "ES256", "k"), newSigner(t, "EdDSA", "k")
		srv := &server{body: publish(t, a, b, c)}
		s := newSource(srv)
		for _, k := range []*signer{a, b, c} {
			accepted(t, s, k.token(t, nil))
		}
		invalid(t, s, newSigner(t, "ES256", "k").token(t, nil))
		check.Equal(t, srv.requests.Load(), 1, "requests")
	})
}

func TestAlgorithmsNoKeySetHoldsNeverFetch(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := &server{body: publish(t, newSigner(t, "ES256", "k"))}
		s := newSource(srv)
		k := newSigner(t, "ES256", "k")
		unknown(t, s, k.token(t, map[string]any{"alg": "HS256"}))
		check.Equal(t, srv.requests.Load(), 0, "requests")
	})
}

func TestARandomTokenNeverFailsTheServiceWhileAFreshSetIsHeld(t *testing.T) {
	bubble(t, func(t *testing.T) {
		k := newSigner(t, "ES256", "k")
		srv := &server{body: publish(t, k)}
		s := newSource(srv)
		accepted(t, s, k.token(t, nil))
		srv.status = 503
		for i := range 300 { // five minutes: fresh throughout
			unknown(t, s, k.token(t, map[string]any{"kid": fmt.Sprint("junk ", i)}))
			accepted(t, s, k.token(t, nil))
			advance(time.Second)
		}
		check.True(t, srv.requests.Load() <= 11, "%d requests in five minutes", srv.requests.Load())
		srv.delay = time.Hour
		began := time.Now()
		unknown(t, s, k.token(t, map[string]any{"kid": "slow"}))
		check.True(t, time.Since(began) <= 5*time.Second, "waited %v", time.Since(began))
	})
}

func TestAStaleSetServesADayAndCannotJudgeUnknownKids(t *testing.T) {
	bubble(t, func(t *testing.T) {
		k, fresh := newSigner(t, "ES256", "k"), newSigner(t, "ES256", "new")
		srv := &server{body: publish(t, k)}
		s := newSource(srv)
		thumbprint := accepted(t, s, k.token(t, nil))
		srv.status = 503
		for range 24 * 4 {
			advance(15 * time.Minute)
			accepted(t, s, k.token(t, nil))
			invalid(t, s, newSigner(t, "ES256", "k").token(t, nil))
			_, err := s.Verify(t.Context(), fresh.token(t, nil)) // rotated? nobody can say
			check.True(t, check.As[*remote.Error](t, err).RetryAfter > 0, "RetryAfter is missing")
		}
		before := srv.requests.Load()
		for i := range 1000 {
			_, err := s.Verify(t.Context(), k.token(t, map[string]any{"kid": fmt.Sprint("junk ", i)}))
			check.Equal(t, check.As[*remote.Error](t, err).Status, 503, "status")
		}
		check.True(t, srv.requests.Load() <= before+1, "%d requests for 1000 junk kids", srv.requests.Load()-before)
		advance(16 * time.Minute)
		_, err := s.Verify(t.Context(), k.token(t, nil))
		check.Equal(t, check.As[*remote.Error](t, err).Status, 503, "status a day after the soft end")
		check.True(t, !s.Holds(thumbprint, time.Now()), "the key is held past the stale end")
		check.True(t, s.Ready(t.Context()) != nil, "ready without keys")

		srv.status, srv.body = 0, publish(t, fresh)
		advance(time.Minute)
		accepted(t, s, fresh.token(t, nil))
	})
}

func TestAnswersThatAreNoKeySet(t *testing.T) {
	bomb := func(t *testing.T) string {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		_, err := io.WriteString(z, `{"keys":[`+strings.Repeat(" ", 8<<20)+`]}`)
		check.NoError(t, err)
		check.NoError(t, z.Close())
		return b.String()
	}
	tests := []struct {
		name  string
		edit  func(t *testing.T, s *server)
		kind  remote.Kind
		wrong string
	}{
		{"empty set", func(t *testing.T, s *server) { s.body = `{"keys":[]}` }, remote.Invalid, "empty"},
		{"no usable key", func(t *testing.T, s *server) { s.body = `{"keys":[{"kty":"oct","k":"c2VjcmV0"}]}` }, remote.Invalid, "no usable key"},
		{"nothing", func(t *testing.T, s *server) { s.body = "" }, remote.Invalid, "not a key set"},
		{"HTML", func(t *testing.T, s *server) { s.header = http.Header{"Content-Type": {"text/html"}} }, remote.Invalid, "HTML"},
		{"huge", func(t *testing.T, s *server) { s.body += strings.Repeat(" ", 512<<10) }, remote.Invalid, "larger than"},
		{"gzip bomb", func(t *testing.T, s *server) {
			s.body, s.header = bomb(t), http.Header{"Content-Encoding": {"gzip"}}
		}, remote.Invalid, "larger than"},
		{"redirect to another origin", func(t *testing.T, s *server) {
			s.status, s.header = 302, http.Header{"Location": {"https://evil.example/keys"}}
		}, remote.Invalid, "another origin"},
		{"404", func(t *testing.T, s *server) { s.status = 404 }, remote.Status, "status 404"},
		{"slow", func(t *testing.T, s *server) { s.delay = time.Minute }, remote.Unreachable, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				k := newSigner(t, "ES256", "k")
				broken := &server{body: publish(t, k)}
				test.edit(t, broken)
				_, err := newSource(broken).Verify(t.Context(), k.token(t, nil))
				e := check.As[*remote.Error](t, err)
				check.Equal(t, e.Kind, test.kind, "kind")
				check.Equal(t, e.Name, "key set", "name")
				check.Contains(t, e.Error(), test.wrong)

				srv := &server{body: publish(t, k)} // and it does not replace a set that is held
				s := newSource(srv)
				accepted(t, s, k.token(t, nil))
				test.edit(t, srv)
				advance(14 * time.Minute)
				accepted(t, s, k.token(t, nil))
				advance(10 * time.Second)
				check.True(t, srv.requests.Load() >= 2, "not refreshed")
				accepted(t, s, k.token(t, nil))
				advance(5 * time.Second) // what runs ends
			})
		})
	}
}

func TestLookingUpAllocatesNothing(t *testing.T) {
	k := newSigner(t, "EdDSA", "k")
	s := newSource(&server{body: publish(t, k)})
	thumbprint := accepted(t, s, k.token(t, nil))
	check.Equal(t, testing.AllocsPerRun(100, func() { s.Holds(thumbprint, time.Now()) }), 0, "allocations of Holds")
	token := k.token(t, nil)
	check.NoError(t, token.Verify(k.key.Public()))
	public := k.key.Public()
	bare := testing.AllocsPerRun(100, func() { _ = token.Verify(public) })
	whole := testing.AllocsPerRun(100, func() { _, _ = s.Verify(context.Background(), token) })
	check.Equal(t, whole, bare, "allocations of Verify, against the signature's own")
}
