package main

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/confidential"
	"github.com/zitadel/oidc/v3/pkg/client/profile"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/relyingparty/oidc/client"
)

// tokens gives a service its access token.
type tokens func(ctx context.Context) error

// tokenSource is one library's.
type tokenSource struct {
	name  string
	setUp func(ctx context.Context, p *provider) (tokens, error)
}

var tokenSources = []tokenSource{
	{ours.name, ourTokens},
	{"x/oauth2", oauth2Tokens},
	{"MSAL", msalTokens},
	{"zitadel/oidc v3 (JWT profile, no cache)", zitadelTokens},
}

var errNoToken = errors.New("no token")

func ourTokens(_ context.Context, p *provider) (tokens, error) {
	c, err := client.New(client.Config{DiscoveryURL: p.issuer, ClientID: clientID, ClientSecret: clientSecret, HTTPClient: p.client()})
	if err != nil {
		return nil, err
	}
	source := c.ClientCredentials(client.TokenRequest{Resources: []string{audience}})
	return func(ctx context.Context) error {
		_, err := source.TokenContext(ctx)
		return err
	}, nil
}

func oauth2Tokens(ctx context.Context, p *provider) (tokens, error) {
	source := (&clientcredentials.Config{
		ClientID: clientID, ClientSecret: clientSecret, TokenURL: p.issuer + "/token", AuthStyle: oauth2.AuthStyleInHeader,
	}).TokenSource(context.WithValue(ctx, oauth2.HTTPClient, p.client()))
	return func(context.Context) error {
		_, err := source.Token()
		return err
	}, nil
}

func msalTokens(_ context.Context, p *provider) (tokens, error) {
	secret, err := confidential.NewCredFromSecret(clientSecret)
	if err != nil {
		return nil, err
	}
	c, err := confidential.New(p.issuer+"/contoso", clientID, secret,
		confidential.WithHTTPClient(p.client()), confidential.WithInstanceDiscovery(false))
	if err != nil {
		return nil, err
	}
	scopes := []string{audience + "/.default"}
	return func(ctx context.Context) error {
		_, err := c.AcquireTokenByCredential(ctx, scopes)
		return err
	}, nil
}

func zitadelTokens(ctx context.Context, p *provider) (tokens, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
	source, err := profile.NewJWTProfileTokenSource(ctx, p.issuer, clientID, "key", text, []string{"openid"}, profile.WithHTTPClient(p.client()))
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) error {
		_, err := source.TokenCtx(ctx)
		return err
	}, nil
}

// clockFloor is what reading a token that expires cannot do without: a pointer that may change, and the clock.
func clockFloor() func() {
	until := time.Now().Add(time.Hour).UnixNano()
	var at atomic.Pointer[int64]
	at.Store(&until)
	return func() {
		if h := at.Load(); h == nil || time.Now().UnixNano() >= *h {
			panic(errNoToken)
		}
	}
}

// service measures reading a token that is valid.
func (b *bench) service() *section {
	s := &section{title: "Read a valid service token", head: []string{"", "time", "ratio", "allocs", "on 2 cores"}}
	p := newProvider(issuer)
	subjects := []subject{{name: "floor: an atomic load and the clock", do: clockFloor()}}
	for _, t := range tokenSources {
		get, err := t.setUp(b.ctx, p)
		if err == nil {
			err = get(b.ctx)
		}
		if err != nil {
			s.absent(t.name, err)
			continue
		}
		subjects = append(subjects, subject{name: t.name, do: func() { must(get(b.ctx)) }})
	}
	list := b.plan.measure(subjects...)
	var two []float64
	for _, f := range list {
		took := b.plan.parallel(f.do, 1, 2)
		two = append(two, took[1]/took[0])
		s.rows = append(s.rows, []string{f.name, duration(f.ns), number(f.ratio) + "x", number(f.allocs), number(took[1]/took[0]) + "x"})
	}
	s.note("the last column is the time of a call when two goroutines read at once, to that of one alone")
	s.atMost("ours to the floor", list[1].ratio, 1.10, "x")
	s.atMost("our allocations", list[1].allocs, 0, "")
	s.atMost("ours on two cores to one, beside the floor's", two[1]/two[0], 1.10, "x")
	return s
}

// rush counts the token requests that a thousand callers cause when there is no valid token.
func (b *bench) rush() *section {
	s := &section{
		title: "1000 concurrent callers, no valid token",
		head:  []string{"", "requests, endpoint up", "endpoint down", "a caller's own deadline"},
	}
	own, least, most := 0, 1000, 0 // requests, endpoint down
	for _, t := range tokenSources {
		up, err := b.rushOne(t, false)
		if err != nil {
			s.absent(t.name, err)
			continue
		}
		down, err := b.rushOne(t, true)
		if err != nil {
			s.absent(t.name, err)
			continue
		}
		honoured := b.honours(t)
		s.rows = append(s.rows, []string{t.name, strconv.Itoa(up), strconv.Itoa(down), map[bool]string{true: "kept", false: "ignored"}[honoured]})
		if t.name != ours.name {
			least, most = min(least, down), max(most, down)
		} else {
			own = down
			s.atMost("our requests, up", float64(up), 1, "")
			s.atMost("our requests, down (one backoff step)", float64(down), 1, "")
			kept := 0.0
			if honoured {
				kept = 1
			}
			s.atLeast("our waiters leave on their own deadline", kept, 1, "")
		}
	}
	others := strconv.Itoa(least)
	if most > least {
		others += " to " + strconv.Itoa(most)
	}
	s.sum("requests of 1000 callers at once, token expired, provider down", strconv.Itoa(own), others)
	return s
}

func (b *bench) rushOne(t tokenSource, down bool) (requests int, err error) {
	p := newProvider(issuer)
	get, err := t.setUp(b.ctx, p)
	if err != nil {
		return 0, err
	}
	p.down.Store(down)
	p.delay = 5 * time.Millisecond
	var failed atomic.Int64
	thousand(func() {
		if get(b.ctx) != nil {
			failed.Add(1)
		}
	})
	if !down && failed.Load() > 0 {
		return 0, errNoToken
	}
	return p.requests("token"), nil
}

// honours reports whether a caller with a deadline gets away from a provider that does not answer.
func (b *bench) honours(t tokenSource) bool {
	p := newProvider(issuer)
	get, err := t.setUp(b.ctx, p)
	must(err)
	p.delay = time.Second
	ctx, cancel := context.WithTimeout(b.ctx, 50*time.Millisecond)
	defer cancel()
	start := time.Now()
	_ = get(ctx)
	return time.Since(start) < 500*time.Millisecond
}
