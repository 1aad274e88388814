package differential

import (
	"context"
	"crypto"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/internal/jws"
	"github.com/relyingparty/oidc/internal/keyset"
)

// TestDifferentialTokens parses and verifies mutated tokens here and with go-jose, against the same key set. What we
// accept, go-jose accepts with the same key and payload, and the forge remembers having signed it with that key. What
// only go-jose accepts, a rule of ours refuses.
func TestDifferentialTokens(t *testing.T) {
	const tokens = 11_000
	seed, n := campaign(t, tokens)
	f := newForge(t, seed)
	start, j := time.Now(), newJudge(t, f.keys())
	book := ledger[*hearing]{stricter: stricter, looser: looser}
	claims := members{
		{`"iss"`, `"https://id.example.test"`}, {`"sub"`, `"alice"`}, {`"aud"`, `["https://api.example.test"]`}, {`"exp"`, `4102444800`},
	}
	report(t, parallel(n, func(i int) string {
		h := j.hear(t.Context(), f.token(i, claims))
		if objection := h.objection(&book); objection != "" {
			return fmt.Sprintf("%s\n  %v", objection, h.draft)
		}
		return ""
	}))
	book.close(t, n >= tokens)
	// Once at first, and for all the unknown kids together once in 30 s.
	check.True(t, j.fetches() <= 2+int(time.Since(start)/(30*time.Second)), "the key set was fetched %d times in %v", j.fetches(), time.Since(start))
}

// hearing is one token before both judges.
type hearing struct {
	anatomy
	draft        *draft
	ours, theirs verdict
}

type verdict struct {
	payload []byte
	key     crypto.PublicKey // that verified it
	alg     string           // of the JWK: theirs; of the token: ours
	err     error
}

// objection is what is wrong with the two verdicts, "" for nothing.
func (h *hearing) objection(book *ledger[*hearing]) string {
	if objection := book.record(h, h.ours.err, h.theirs.err); objection != "" {
		return objection
	}
	if h.ours.err != nil {
		return ""
	}
	input := h.raw[:strings.LastIndexByte(h.raw, '.')]
	if !h.draft.genuine(input, h.ours.alg, h.ours.key) {
		return "we accept what was never signed"
	}
	if h.theirs.err != nil {
		return ""
	}
	if string(h.ours.payload) != string(h.theirs.payload) {
		return fmt.Sprintf("we read the payload %q, go-jose reads %q", h.ours.payload, h.theirs.payload)
	}
	if !h.theirs.key.(interface{ Equal(crypto.PublicKey) bool }).Equal(h.ours.key) {
		return "go-jose accepts it with another key"
	}
	return ""
}

// judge holds one key set, as this module reads it and as go-jose does.
type judge struct {
	source *keyset.Source
	keys   map[keyset.Thumbprint]keyset.Key
	jose   jose.JSONWebKeySet
	served *served
}

func newJudge(t *testing.T, jwks []byte) *judge {
	t.Helper()
	j := &judge{keys: map[keyset.Thumbprint]keyset.Key{}, served: &served{body: string(jwks)}}
	keys, skipped, err := keyset.Parse(jwks)
	check.NoError(t, err)
	check.Equal(t, len(skipped), 0, "keys left out")
	for _, k := range keys {
		j.keys[k.Thumbprint] = k
	}
	check.NoError(t, json.Unmarshal(jwks, &j.jose))
	check.Equal(t, len(j.jose.Keys), len(keys), "keys read by go-jose")
	j.source = keyset.New(keyset.Config{
		URL:        func(context.Context) (string, error) { return "https://id.example.test/jwks", nil },
		HTTPClient: &http.Client{Transport: j.served},
	})
	check.NoError(t, j.source.Ready(t.Context()))
	return j
}

func (j *judge) fetches() int { return int(j.served.requests.Load()) }

func (j *judge) hear(ctx context.Context, d *draft) *hearing {
	return &hearing{anatomy: dissect(d.raw), draft: d, ours: j.ours(ctx, d.raw), theirs: j.theirs(d.raw)}
}

func (j *judge) ours(ctx context.Context, raw string) verdict {
	t, err := jws.Parse(raw, jws.Options{Types: []string{"jwt", "at+jwt"}})
	if err != nil {
		return verdict{err: err}
	}
	thumbprint, err := j.source.Verify(ctx, t)
	if err != nil {
		return verdict{err: err}
	}
	return verdict{payload: []byte(t.Payload), key: j.keys[thumbprint].Public, alg: t.Alg}
}

var joseAlgs = []jose.SignatureAlgorithm{
	jose.RS256, jose.RS384, jose.RS512, jose.PS256, jose.PS384, jose.PS512, jose.ES256, jose.ES384, jose.ES512, jose.EdDSA,
}

var errNoKey = errors.New("no key of that kid")

// theirs tries each key of the token's kid; all of them when it names none. (Given a whole set, go-jose itself would
// take the first of the kid, and none without.)
func (j *judge) theirs(raw string) verdict {
	object, err := jose.ParseSignedCompact(raw, joseAlgs)
	if err != nil {
		return verdict{err: err}
	}
	keys := j.jose.Keys
	if id := object.Signatures[0].Header.KeyID; id != "" {
		keys = j.jose.Key(id)
	}
	err = errNoKey
	for _, key := range keys {
		var payload []byte
		if payload, err = object.Verify(key.Key); err == nil {
			return verdict{payload: payload, key: key.Key, alg: key.Algorithm}
		}
	}
	return verdict{err: err}
}

// served answers every request with the same JSON.
type served struct {
	body     string
	requests atomic.Int64
}

func (s *served) RoundTrip(r *http.Request) (*http.Response, error) {
	s.requests.Add(1)
	return &http.Response{
		Status: "200 OK", StatusCode: http.StatusOK, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: r,
		Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(s.body)),
	}, nil
}
