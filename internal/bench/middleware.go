package main

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"

	auth02 "github.com/auth0/go-jwt-middleware/v2"
	auth03 "github.com/auth0/go-jwt-middleware/v3"
	"github.com/modelcontextprotocol/go-sdk/auth"

	"github.com/relyingparty/oidc/middleware"
)

// discard is a ResponseWriter that keeps nothing.
type discard struct{ header http.Header }

func (d discard) Header() http.Header         { return d.header }
func (d discard) Write(b []byte) (int, error) { return len(b), nil }
func (d discard) WriteHeader(int)             {}

type floorKey struct{}

// behind is a handler the compiler cannot see into.
var behind http.Handler = http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})

// contextFloor does what no middleware can do without: it hands a context value to the next handler.
func contextFloor() func() {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	return func() {
		behind.ServeHTTP(discard{}, r.WithContext(context.WithValue(r.Context(), floorKey{}, r)))
	}
}

// protection is a middleware around a handler.
type protection func(http.Handler) http.Handler

// around is what a program writes around a library that has no middleware.
func around(v verify) protection {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
			if !ok || v(r.Context(), token) != nil {
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), floorKey{}, r)))
		})
	}
}

// middlewares are the peers, around one provider's tokens.
func middlewares(ctx context.Context, p *provider, alg string) map[string]func() (protection, error) {
	set := map[string]func() (protection, error){
		"auth0/go-jwt-middleware v2": func() (protection, error) {
			v, err := newAuth02(p, alg)
			if err != nil {
				return nil, err
			}
			return auth02.New(v.ValidateToken).CheckJWT, nil
		},
		"auth0/go-jwt-middleware v3": func() (protection, error) {
			v, err := newAuth03(p, alg)
			if err != nil {
				return nil, err
			}
			m, err := auth03.New(auth03.WithValidator(v))
			if err != nil {
				return nil, err
			}
			return m.CheckJWT, nil
		},
		"MCP go-sdk RequireBearerToken over go-oidc": func() (protection, error) {
			v := newGoOIDC(ctx, p, alg)
			return auth.RequireBearerToken(func(ctx context.Context, token string, _ *http.Request) (*auth.TokenInfo, error) {
				verified, err := v.Verify(ctx, token)
				if err != nil {
					return nil, errors.Join(auth.ErrInvalidToken, err)
				}
				return &auth.TokenInfo{Expiration: verified.Expiry, UserID: verified.Subject}, nil
			}, nil), nil
		},
	}
	for _, v := range peers {
		if _, own := set[v.name]; own {
			continue
		}
		set[v.name+", by hand"] = func() (protection, error) {
			accept, err := v.ready(ctx, p, alg)
			if err != nil {
				return nil, err
			}
			return around(accept), nil
		}
	}
	return set
}

// serving returns a function that sends one request with a token through a middleware, after making sure that the
// middleware lets the token through and stops a bad one.
func serving(protect protection, token, bad string) (do func(), err error) {
	reached := 0
	handler := protect(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached++ }))
	r, w := request(token), discard{http.Header{}}
	handler.ServeHTTP(w, r)
	if reached != 1 {
		return nil, errRefusesGood
	}
	handler.ServeHTTP(discard{http.Header{}}, request(bad))
	if reached != 1 {
		return nil, errAcceptsCorrupt
	}
	measured := protect(behind)
	return func() { measured.ServeHTTP(w, r) }, nil
}

func request(token string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("X-Tenant", tenant)
	return r
}

// tenantFromHeader makes the guard compare the token's tenant with the request's, too.
func tenantFromHeader(cfg *middleware.Config) {
	cfg.Tenant = middleware.RequireTenant("tenant", middleware.Header("X-Tenant"))
}

// hit measures whole requests whose token has been seen before. No peer remembers a verified token.
func (b *bench) hit() *section {
	const alg = "RS256"
	s := &section{title: "Whole middleware, a token seen before (" + alg + ")"}
	key := newSigner(alg, "key-2026-01")
	p := newProvider(issuer, key)
	token := key.sign(standard())
	bad := corrupt(token)
	g, err := guard(p, 0, tenantFromHeader)
	must(err)
	known, err := serving(g.Wrap, token, bad)
	if err != nil {
		s.absent(ours.name, err)
		return s
	}
	subjects := []subject{{name: "floor: a context value", do: contextFloor()}, {name: ours.name, do: known}}
	set := middlewares(b.ctx, p, alg)
	for _, name := range sortedKeys(set) {
		protect, err := set[name]()
		var do func()
		if err == nil {
			do, err = serving(protect, token, bad)
		}
		if err != nil {
			s.absent(name, err)
			continue
		}
		subjects = append(subjects, subject{name: name, do: do})
	}
	list := b.plan.measure(subjects...)
	s.figures(list)
	s.narrow()
	floor, own, best := list[0], list[1], fastest(list[2:])
	s.atMost("our allocations beyond the floor", own.allocs-floor.allocs, 5, "")
	if best != nil {
		s.sum("the whole middleware, a token seen before", duration(own.ns), duration(best.ns)+" ("+best.name+") to "+duration(slowest(list[2:]).ns))
		s.atLeast("the fastest peer ("+best.name+") to ours", best.ratio/own.ratio, 30, "x")
	}
	took, bare := b.plan.parallel(known, 1, 2), b.plan.parallel(contextFloor(), 1, 2)
	s.note("%s beyond the floor (the aim is 1 µs; a time, so not counted); SHA-256 of the token alone takes %s", duration(own.ns-floor.ns), duration(b.plan.measure(digesting(token))[0].ns))
	s.note("in two goroutines at once a request takes %s, in one %s; the floor %s and %s", duration(took[1]), duration(took[0]), duration(bare[1]), duration(bare[0]))
	return s
}
