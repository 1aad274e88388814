package oidctest

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/relyingparty/oidc/internal/jws"
)

// grant is what a person allowed a client, or what a client allowed itself.
// Codes, refresh tokens and access tokens belong to a grant and end with it.
type grant struct {
	client    *Client
	subject   string // empty for client credentials
	scopes    []string
	resources []string
	nonce     string
	acr       string
	sid       string
	authTime  time.Time
	revoked   bool
}

// accessToken is the record of an access token. Its key is the token.
type accessToken struct {
	grant   *grant // nil for a token of Provider.AccessToken
	claims  map[string]any
	keyID   string // empty for an opaque token
	expires time.Time
	revoked bool
}

// refreshToken is one of a chain of tokens that replace each other. They share
// a grant.
type refreshToken struct {
	grant   *grant
	access  string // the access token issued with it
	issued  time.Time
	expires time.Time
	used    bool
}

// issuance is a response of the token endpoint before it is sent.
type issuance struct {
	grant      *grant
	client     *Client
	user       *User // nil for client credentials
	grantType  string
	scopes     []string
	audience   []string
	withID     bool
	refresh    bool // the response contains a refresh token
	keep       string
	now        time.Time
	refreshTTL time.Duration
}

// issue signs and stores the tokens of i, and returns the response.
func (p *Provider) issue(i *issuance) map[string]any {
	p.sweep()
	access := p.mintAccess(i)
	answer := map[string]any{
		"access_token": access,
		"token_type":   cmp.Or(p.cfg.quirks.tokenType, "Bearer"),
		"expires_in":   int64(p.cfg.AccessTokenTTL / time.Second),
		"scope":        strings.Join(i.scopes, " "),
	}
	if i.withID {
		answer["id_token"] = p.mintID(i, access)
	}
	if i.refresh {
		i.refreshTTL = p.cfg.RefreshTokenTTL
		answer["refresh_token"] = p.mintRefresh(i, access)
	}
	if f := p.cfg.quirks.answer; f != nil {
		f(answer, i)
	}
	p.edit("token_answer", answer)
	return answer
}

func (p *Provider) mintAccess(i *issuance) string {
	q := &p.cfg.quirks
	own := i.client.Claims
	if i.user != nil {
		own = i.user.Claims
	}
	claims := map[string]any{}
	if q.claimsBelow == "" {
		maps.Copy(claims, own)
	} else {
		claims[q.claimsBelow] = merge(map[string]any{}, own)
	}
	maps.Copy(claims, map[string]any{
		"iss": p.cfg.Issuer, "sub": cmp.Or(i.grant.subject, i.client.ID), "aud": audienceClaim(i.audience), "client_id": i.client.ID,
		"jti": random(), "iat": i.now.Unix(), "exp": i.now.Add(p.cfg.AccessTokenTTL).Unix(),
	})
	if len(i.scopes) > 0 {
		claims["scope"] = strings.Join(i.scopes, " ")
	}
	if i.user != nil {
		claims["auth_time"] = i.grant.authTime.Unix()
		setUnlessEmpty(claims, "acr", i.grant.acr)
	}
	if q.access != nil {
		q.access(claims, i)
	}
	return p.putAccess(claims, i.grant)
}

// putAccess edits, signs and stores an access token.
func (p *Provider) putAccess(claims map[string]any, g *grant) string {
	p.edit("access_token", claims)
	t := &accessToken{grant: g, claims: claims, expires: claimTime(claims["exp"])}
	raw := "opaque." + random()
	if !p.cfg.OpaqueAccessTokens {
		key := p.keys.current(true)
		t.keyID = key.id
		raw = p.sign(key, cmp.Or(p.cfg.quirks.accessTyp, "at+jwt"), claims)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.access[raw] = t
	return raw
}

func (p *Provider) mintID(i *issuance, access string) string {
	claims := map[string]any{}
	g := i.grant
	if i.user != nil {
		maps.Copy(claims, i.user.Claims)
		maps.Copy(claims, profile(i.user, i.scopes))
	}
	alg := cmp.Or(i.client.IDTokenAlg, p.cfg.Alg)
	maps.Copy(claims, map[string]any{
		"iss": p.cfg.Issuer, "sub": cmp.Or(g.subject, i.client.ID), "aud": i.client.ID,
		"iat": i.now.Unix(), "exp": i.now.Add(p.cfg.IDTokenTTL).Unix(), "at_hash": halfHash(alg, access),
	})
	if i.user != nil {
		claims["auth_time"] = g.authTime.Unix()
	}
	setUnlessEmpty(claims, "acr", g.acr)
	setUnlessEmpty(claims, "sid", g.sid)
	if i.grantType == grantCode {
		setUnlessEmpty(claims, "nonce", g.nonce)
	}
	if f := p.cfg.quirks.id; f != nil {
		f(claims, i)
	}
	p.edit("id_token", claims)
	if alg == "HS256" {
		return must(compact(map[string]any{"alg": alg, "typ": "JWT"}, claims, alg, []byte(i.client.Secret)))
	}
	return p.sign(p.keys.current(false), "JWT", claims)
}

func (p *Provider) mintRefresh(i *issuance, access string) string {
	raw := i.keep
	if raw == "" {
		raw = "refresh." + random()
		if p.cfg.quirks.jwtRefresh {
			raw = must(compact(map[string]any{"alg": "HS512", "typ": "JWT"}, map[string]any{
				"iss": p.cfg.Issuer, "aud": p.cfg.Issuer, "sub": i.grant.subject, "typ": "Refresh", "azp": i.client.ID,
				"jti": random(), "sid": i.grant.sid, "scope": strings.Join(i.scopes, " "),
				"iat": i.now.Unix(), "exp": i.now.Add(p.cfg.RefreshTokenTTL).Unix(),
			}, "HS512", p.keys.secret))
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refresh[raw] = &refreshToken{grant: i.grant, access: access, issued: i.now, expires: i.now.Add(p.cfg.RefreshTokenTTL)}
	return raw
}

func (p *Provider) sign(key *signingKey, typ string, claims map[string]any) string {
	header := map[string]any{"alg": key.alg, "kid": key.id, "typ": typ}
	if p.cfg.quirks.noKeyID {
		delete(header, "kid")
	}
	p.edit("header", header)
	return signWith(key, header, claims)
}

// leastSwept is the number of records from which on the provider removes
// expired ones.
const leastSwept = 20_000

// sweep removes expired records if there are many records. The next sweep waits
// until their number has doubled, because scanning live records on each request
// would cost more than the request.
func (p *Provider) sweep() {
	p.mu.Lock()
	defer p.mu.Unlock()
	remembered := func() int {
		return len(p.codes) + len(p.access) + len(p.refresh) + len(p.pages) + len(p.sessions) + len(p.assertions)
	}
	if remembered() < max(p.sweepAt, leastSwept) {
		return
	}
	old := p.cfg.Now().Add(-time.Hour)
	maps.DeleteFunc(p.codes, func(_ string, c *code) bool { return c.expires.Before(old) })
	maps.DeleteFunc(p.access, func(_ string, t *accessToken) bool { return t.expires.Before(old) })
	maps.DeleteFunc(p.refresh, func(_ string, t *refreshToken) bool { return t.expires.Before(old) })
	maps.DeleteFunc(p.pages, func(_ string, i *interaction) bool { return i.expires.Before(old) })
	maps.DeleteFunc(p.sessions, func(_ string, s *session) bool { return s.expires.Before(old) })
	maps.DeleteFunc(p.assertions, func(_ string, until time.Time) bool { return until.Before(old) })
	p.sweepAt = 2 * remembered()
}

// profile returns the standard claims that scopes permit.
func profile(u *User, scopes []string) map[string]any {
	m := map[string]any{}
	if slices.Contains(scopes, "profile") {
		setUnlessEmpty(m, "name", u.Name)
		m["preferred_username"] = u.Subject
	}
	if slices.Contains(scopes, "email") && u.Email != "" {
		m["email"], m["email_verified"] = u.Email, true
	}
	return m
}

// audienceClaim returns aud as most servers write it: a string if there is only
// one.
func audienceClaim(audience []string) any {
	if len(audience) == 1 {
		return audience[0]
	}
	return audience
}

// halfHash returns at_hash (OIDC Core section 3.1.3.6).
func halfHash(alg, token string) string {
	h := jws.Hash(alg).New()
	h.Write([]byte(token))
	sum := h.Sum(nil)
	return encode(sum[:len(sum)/2])
}

// claimTime reads a NumericDate as tests write it. A value that is not a number
// never expires.
func claimTime(v any) time.Time {
	switch n := v.(type) {
	case int64:
		return time.Unix(n, 0)
	case int:
		return time.Unix(int64(n), 0)
	case float64:
		return time.Unix(int64(n), 0)
	}
	return time.Unix(1<<40, 0)
}

// merge returns base with the members of over. A nil value removes a member.
func merge(base, over map[string]any) map[string]any {
	maps.Copy(base, over)
	maps.DeleteFunc(base, func(_ string, v any) bool { return v == nil })
	return base
}

func setUnlessEmpty(m map[string]any, name, value string) {
	if value != "" {
		m[name] = value
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic("oidctest: " + err.Error())
	}
	return v
}
