package client_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/relyingparty/oidc/client"
	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/oidctest"
	"github.com/relyingparty/oidc/store"
)

// rewriter changes the answers of one endpoint on their way.
type rewriter struct {
	op      *oidctest.Provider
	url     string
	rewrite func(resp *http.Response, body []byte) []byte // nil: as they are
}

func (w *rewriter) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := w.op.Transport().RoundTrip(r)
	if err != nil || w.rewrite == nil || r.URL.String() != w.url {
		return resp, err
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	body = w.rewrite(resp, body)
	resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	resp.Header.Del("Content-Length")
	return resp, nil
}

// refusedAnswers are answers to a refresh that hold a new refresh token, and no
// access token that may be used.
func refusedAnswers() map[string]func(*http.Response, map[string]any) []byte {
	member := func(name string, value any) func(*http.Response, map[string]any) []byte {
		return func(_ *http.Response, m map[string]any) []byte { set(name, value)(m); return nil }
	}
	raw := func(edit func(string) string) func(*http.Response, map[string]any) []byte {
		return func(_ *http.Response, m map[string]any) []byte {
			body, _ := json.Marshal(m)
			return []byte(edit(string(body)))
		}
	}
	header := func(name, value string) func(*http.Response, map[string]any) []byte {
		return func(resp *http.Response, _ map[string]any) []byte { resp.Header.Set(name, value); return nil }
	}
	prefixed := func(members string) func(string) string {
		return func(body string) string { return "{" + members + "," + body[1:] }
	}
	return map[string]func(*http.Response, map[string]any) []byte{
		"token_type DPoP":          member("token_type", "DPoP"),
		"no token_type":            member("token_type", nil),
		"token_type a number":      member("token_type", 1),
		"no access token":          member("access_token", nil),
		"access token, a space":    member("access_token", "a b"),
		"access token a number":    member("access_token", 1),
		"expires_in no number":     member("expires_in", "soon"),
		"refresh_expires_in":       member("refresh_expires_in", []int{1}),
		"scope a number":           member("scope", 1),
		"ID token an object":       member("id_token", map[string]any{}),
		"ID token rubbish":         member("id_token", "rubbish"),
		"ID token endless":         member("id_token", strings.Repeat("x", 100<<10)),
		"a member twice":           raw(prefixed(`"access_token":"x"`)),
		"a case variant":           raw(prefixed(`"Access_Token":"x"`)),
		"another's case variant":   raw(prefixed(`"Refresh_Token":"x"`)),
		"a deep member twice":      raw(prefixed(`"x":{"y":1,"y":2}`)),
		"something behind":         raw(func(body string) string { return body + "{}" }),
		"cut off behind the token": raw(func(body string) string { return body[:len(body)-1] }),
		"HTML by its label":        header("Content-Type", "text/html"),
		"XML by its label":         header("Content-Type", "application/xml"),
		"status 202":               func(resp *http.Response, _ map[string]any) []byte { resp.StatusCode = http.StatusAccepted; return nil },
	}
}

// refusedIDTokens are the same, for the ID token's doing.
func refusedIDTokens() map[string]func(*oidctest.Provider) {
	edit := func(name string, value any) func(*oidctest.Provider) {
		return func(p *oidctest.Provider) { p.Edit("id_token", set(name, value)) }
	}
	return map[string]func(*oidctest.Provider){
		"iat ahead":        func(p *oidctest.Provider) { p.Edit("id_token", setIn("iat", time.Minute)) },
		"nbf ahead":        func(p *oidctest.Provider) { p.Edit("id_token", setIn("nbf", time.Minute)) },
		"expired":          func(p *oidctest.Provider) { p.Edit("id_token", setIn("exp", -time.Minute)) },
		"no exp":           edit("exp", nil),
		"no sub":           edit("sub", nil),
		"no iss":           edit("iss", nil),
		"no aud":           edit("aud", nil),
		"another azp":      edit("azp", "web2"),
		"nonce an array":   edit("nonce", []string{"x"}),
		"another at_hash":  edit("at_hash", "AAAAAAAAAAAAAAAAAAAAAA"),
		"case variant":     edit("Sub", "eve"),
		"a bad signature":  func(p *oidctest.Provider) { resign(p, nil, spoilSignature) },
		"unsigned":         func(p *oidctest.Provider) { resign(p, map[string]any{"alg": "none"}, nil) },
		"an odd type":      func(p *oidctest.Provider) { resign(p, map[string]any{"typ": "at+jwt"}, nil) },
		"an unlisted alg":  func(p *oidctest.Provider) { resign(p, map[string]any{"alg": "HS256"}, nil) },
		"critical unknown": func(p *oidctest.Provider) { resign(p, map[string]any{"crit": []string{"x"}}, nil) },
	}
}

// What the provider rotated is saved before anything is judged: an answer that
// fails a check costs the access token in it, and not the session. The spent
// refresh token is never sent again: this provider would revoke the whole
// chain.
func TestRefusedAnswerKeepsRefreshToken(t *testing.T) {
	t.Parallel()
	cases := map[string]func(*oidctest.Provider, *rewriter){}
	for name, refuse := range refusedIDTokens() {
		cases["ID token: "+name] = func(p *oidctest.Provider, _ *rewriter) { refuse(p) }
	}
	for name, refuse := range refusedAnswers() {
		cases["answer: "+name] = func(_ *oidctest.Provider, w *rewriter) {
			w.rewrite = func(resp *http.Response, body []byte) []byte {
				var m map[string]any
				if err := json.Unmarshal(body, &m); err != nil {
					return body
				}
				if edited := refuse(resp, m); edited != nil {
					return edited
				}
				body, _ = json.Marshal(m)
				return body
			}
		}
	}
	for name, refuse := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var cfg appConfig
				way := new(rewriter)
				a := newApp(t, func(c *appConfig) {
					c.client.HTTPClient = &http.Client{Transport: way}
					c.login.Store = store.NewMemory(0)
					cfg = *c
				})
				way.op, way.url = a.op, a.op.URL("token")
				b := a.browser()
				b.login("/auth/login", "alice")
				first := heldToken(t, b.mustSession().TokenSource())

				refuse(a.op, way)
				_, err := b.mustSession().Refresh(t.Context())
				kind := check.As[*client.Error](t, err).Kind
				check.True(t, kind == client.KindToken || kind == client.KindProtocol, "error is %v", err)
				check.True(t, !isReauth(err), "the session has ended: %v", err)
				check.Equal(t, b.signedIn(), "alice", "signed in")
				check.Equal(t, heldToken(t, b.mustSession().TokenSource()), first, "token while it is valid")
				requests := a.op.Requests("token")
				time.Sleep(6 * time.Minute) // past its expiry
				_, err = b.mustSession().TokenSource().TokenContext(t.Context())
				check.True(t, err != nil && !isReauth(err), "with the fault still there: %v", err)
				check.Equal(t, a.op.Requests("token"), requests+1, "token requests")
				for range 5 { // what is saved is no news that ends the backoff
					_, _ = b.mustSession().TokenSource().TokenContext(t.Context())
				}
				check.Equal(t, a.op.Requests("token"), requests+1, "token requests within the backoff")

				a.op.Clear()
				way.rewrite = nil
				a.start(cfg) // another process: what it knows is what was saved
				s, err := b.mustSession().Refresh(t.Context())
				check.NoError(t, err)
				check.True(t, heldToken(t, s.TokenSource()) != first, "the old token")
			})
		})
	}
}

// The exported step gives the caller what is to be saved, and says why there is
// no access token.
func TestRefreshReturnsWhatWasRotated(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	c := newClient(t, p)
	tokens, err := logIn(t, p, c)
	check.NoError(t, err)
	check.NoError(t, tokens.Err())
	for _, fault := range []func(){
		func() { p.Edit("id_token", setIn("iat", time.Hour)) },
		func() { p.Edit("token_answer", set("token_type", "DPoP")) },
		func() { p.Edit("token_answer", set("access_token", nil)) },
	} {
		fault()
		next, err := c.Refresh(t.Context(), tokens.RefreshToken, client.TokenRequest{})
		check.NoError(t, err)
		check.True(t, next.RefreshToken != "" && next.RefreshToken != tokens.RefreshToken, "the new refresh token is lost")
		check.True(t, next.Err() != nil && !isReauth(next.Err()), "Err is %v", next.Err())
		check.True(t, next.AccessToken == "" && next.RawIDToken == "" && next.IDToken == nil, "a token of the refused answer")
		check.True(t, !next.OAuth2().Valid(), "x/oauth2 takes it for valid")
		check.Lacks(t, next.Err().Error(), next.RefreshToken)
		p.Clear()
		tokens, err = c.Refresh(t.Context(), next.RefreshToken, client.TokenRequest{})
		check.NoError(t, err)
		check.NoError(t, tokens.Err())
	}
	// Nothing rotated, nothing to save.
	q := newProvider(t, func(cfg *oidctest.Config) { cfg.KeepRefreshTokens = true })
	c = newClient(t, q)
	tokens, err = logIn(t, q, c)
	check.NoError(t, err)
	q.Edit("id_token", setIn("iat", time.Hour))
	_, err = c.Refresh(t.Context(), tokens.RefreshToken, client.TokenRequest{})
	wantError(t, err, client.KindToken, "iat")
	q.Edit("token_answer", set("refresh_token", nil))
	_, err = c.Refresh(t.Context(), tokens.RefreshToken, client.TokenRequest{})
	wantError(t, err, client.KindToken, "iat")
}

// Which of two refresh tokens is the new one, or what an odd one means, nobody
// can say.
func TestUnreadableRefreshToken(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"two":                    `{"refresh_token":"new-1","refresh_token":"new-2"}`,
		"two, one of them empty": `{"refresh_token":"","refresh_token":"new-2"}`,
		"a number":               `{"refresh_token":1}`,
		"an object":              `{"refresh_token":{"refresh_token":"new-1"}}`,
		"below":                  `{"x":{"refresh_token":"new-1"}}`,
		"a case variant":         `{"Refresh_Token":"new-1"}`,
		"a line end":             `{"refresh_token":"new\n"}`,
		"beyond ASCII":           `{"refresh_token":"né"}`,
		"empty":                  `{"refresh_token":""}`,
		"cut off within":         `{"refresh_token":"new`,
		"cut off before":         `{"access_token":"x`,
		"an array":               `["refresh_token","new-1"]`,
		"not JSON":               `refresh_token=new-1`,
		"the one that was sent":  `{"refresh_token":"old"}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProvider(t)
			p.Fault("token", answer(200, "application/json", body))
			tokens, err := newClient(t, p).Refresh(t.Context(), "old", client.TokenRequest{})
			wantError(t, err, client.KindProtocol, "")
			check.True(t, tokens == nil, "tokens beside an error")
			check.Lacks(t, err.Error(), "new", "né")
		})
	}
	p := newProvider(t)
	p.Fault("token", answer(200, "application/json", `{"refresh_token":"new","refresh_token":"new"}`))
	tokens, err := newClient(t, p).Refresh(t.Context(), "old", client.TokenRequest{})
	check.NoError(t, err)
	check.Equal(t, tokens.RefreshToken, "new", "one that is there twice")
}

// A junk kid that anybody sends to the back-channel endpoint uses up the budget
// for unknown keys. Whoever refreshes right after a rotation must not lose
// anything by it: the key counts as one that cannot be had.
func TestRefreshUnderUnknownKey(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := newApp(t, nil)
		b := a.browser()
		b.login("/auth/login", "alice")
		first := heldToken(t, b.mustSession().TokenSource())
		time.Sleep(time.Minute)
		a.tell(a.op.Sign(map[string]any{"kid": "junk", "typ": "logout+jwt"}, map[string]any{"iss": a.op.Issuer()}))
		fetched := a.op.Requests("jwks")
		a.op.AddKey()
		s, err := b.mustSession().Refresh(t.Context())
		check.NoError(t, err)
		check.Equal(t, a.op.Requests("jwks"), fetched, "key requests: the budget was not used up")
		check.True(t, heldToken(t, s.TokenSource()) != first, "the old token")

		// What TLS vouches for counts all the same.
		a.op.Edit("id_token", set("azp", "web2"))
		_, err = b.mustSession().Refresh(t.Context())
		wantError(t, err, client.KindToken, "azp")
		a.op.Clear()
		_, err = b.mustSession().Refresh(t.Context())
		check.NoError(t, err)
		a.op.Edit("id_token", set("sub", "eve"))
		_, err = b.mustSession().Refresh(t.Context())
		check.Error(t, err, client.ErrReauthRequired)
		check.Equal(t, b.signedIn(), "", "signed in")
	})
}

// A key that is known and did not make the signature is no missing key, nor is
// one of another algorithm.
func TestRefreshUnderKnownKey(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	c := newClient(t, p, func(cfg *client.Config) { cfg.IDTokenAlgs = []string{"ES256", "ES384"} })
	tokens, err := logIn(t, p, c)
	check.NoError(t, err)
	resign(p, nil, spoilSignature)
	tokens, err = c.Refresh(t.Context(), tokens.RefreshToken, client.TokenRequest{})
	check.NoError(t, err)
	wantError(t, tokens.Err(), client.KindToken, "signature")

	p.Clear()
	kid := ""
	p.Edit("header", func(m map[string]any) { kid = m["kid"].(string) })
	resign(p, nil, func(raw string) string { return withHeader(`{"alg":"ES384","kid":"` + kid + `"}`)(raw) })
	tokens, err = c.Refresh(t.Context(), tokens.RefreshToken, client.TokenRequest{})
	check.NoError(t, err)
	wantError(t, tokens.Err(), client.KindToken, "signature")
	check.True(t, kid != "", "no kid was seen")
}

// Some providers repeat the ID token that they gave before, whose exp passes
// and whose at_hash is another token's.
func TestRefreshRepeatsIDToken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := newApp(t, nil)
		repeated := ""
		a.op.Edit("token_answer", func(m map[string]any) {
			if repeated == "" {
				repeated = m["id_token"].(string)
			}
			m["id_token"] = repeated
		})
		b := a.browser()
		b.login("/auth/login", "alice")
		for range 3 {
			time.Sleep(2 * time.Hour)
			_, err := b.mustSession().Refresh(t.Context())
			check.NoError(t, err)
		}
		// Another old one is not a repetition.
		repeated = a.op.IDToken(map[string]any{"aud": "web", "exp": in(-time.Hour)})
		_, err := b.mustSession().Refresh(t.Context())
		wantError(t, err, client.KindToken, "exp")
		check.Equal(t, b.signedIn(), "alice", "signed in")
	})
}

// Those who wait for the session's lock while a refresh fails share its
// failure: they do not rotate once more.
func TestWaitersShareARefusedAnswer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := newApp(t, nil)
		b := a.browser()
		b.login("/auth/login", "alice")
		s := b.mustSession()
		a.op.Fault("token", oidctest.Slow(time.Second))
		a.op.Edit("id_token", setIn("iat", time.Hour))
		before := a.op.Requests("token")
		errs := make(chan error, 3)
		go func() { _, err := s.Refresh(t.Context()); errs <- err }()
		for _, api := range []string{"https://a.example.test", "https://b.example.test"} {
			source := s.TokenSource().For(client.TokenRequest{Resources: []string{api}})
			go func() { _, err := source.TokenContext(t.Context()); errs <- err }()
		}
		for range cap(errs) {
			wantError(t, <-errs, client.KindToken, "iat")
		}
		check.Equal(t, a.op.Requests("token")-before, 1, "token requests")
	})
}

// The answer fails a check and the store does not take what was rotated: the
// next attempt saves it, even if the provider is away by then, and the spent
// token is never sent.
func TestRefusedRotationThatCouldNotBeSaved(t *testing.T) {
	t.Parallel()
	kept := newBadStore()
	var cfg appConfig
	a := newApp(t, func(c *appConfig) { c.login.Store = kept; cfg = *c })
	b := a.browser()
	b.login("/auth/login", "alice")
	a.op.Edit("id_token", setIn("iat", time.Hour))
	kept.afterUpdate = func() error { return errStoreAway }
	_, err := b.mustSession().Refresh(t.Context())
	check.Error(t, err, client.ErrStore)

	kept.afterUpdate = nil
	a.op.Fault("token", oidctest.Down)
	_, err = b.mustSession().Refresh(t.Context())
	wantError(t, err, client.KindUnreachable, "")
	a.op.Clear()
	a.start(cfg) // another process, which has only what was saved
	_, err = b.mustSession().Refresh(t.Context())
	check.NoError(t, err)
}

// A user who signs out while a refused answer is on its way leaves no refresh
// token behind.
func TestRefusedRotationOfAnEndedSession(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := newApp(t, nil)
		b := a.browser()
		b.login("/auth/login", "alice")
		s := b.mustSession()
		a.op.Fault("token", oidctest.Slow(5*time.Second))
		a.op.Edit("id_token", setIn("iat", time.Hour))
		refreshed := make(chan error, 1)
		go func() { _, err := s.Refresh(t.Context()); refreshed <- err }()
		time.Sleep(time.Second)
		check.Equal(t, a.tell(a.op.LogoutToken("web", "alice", "")).StatusCode, http.StatusOK, "status")
		revoked := a.op.Requests("revoke")
		check.Error(t, <-refreshed, client.ErrReauthRequired)
		check.Equal(t, a.op.Requests("revoke"), revoked+1, "revocations")
	})
}
