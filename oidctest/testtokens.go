package oidctest

import (
	"encoding/json"
	"strings"
	"time"
)

// AccessToken signs an access token for the test of an API. It works at
// userinfo and introspection like any other access token, and is opaque if
// Config.OpaqueAccessTokens is set.
//
// These claims have defaults: iss, sub (the first user), aud (the first of
// Config.Resources, or else DefaultResource), client_id (the first client),
// iat, exp and jti. A claim whose value is nil is omitted.
func (p *Provider) AccessToken(claims map[string]any) string {
	now := p.cfg.Now()
	c := map[string]any{
		"iss": p.cfg.Issuer, "sub": p.firstSubject(), "aud": p.firstResource(), "client_id": p.firstClient(),
		"jti": random(), "iat": now.Unix(), "exp": now.Add(p.cfg.AccessTokenTTL).Unix(),
	}
	return p.putAccess(merge(c, claims), nil)
}

// IDToken signs an ID token, as [Provider.AccessToken] does. These claims have
// defaults: iss, sub (the first user), aud (the first client), iat, exp and
// auth_time.
func (p *Provider) IDToken(claims map[string]any) string {
	now := p.cfg.Now()
	c := merge(map[string]any{
		"iss": p.cfg.Issuer, "sub": p.firstSubject(), "aud": p.firstClient(),
		"iat": now.Unix(), "exp": now.Add(p.cfg.IDTokenTTL).Unix(), "auth_time": now.Unix(),
	}, claims)
	p.edit("id_token", c)
	return p.sign(p.keys.current(false), "JWT", c)
}

// LogoutToken signs a back-channel logout token for a client. If subject or sid
// is empty, it is omitted.
func (p *Provider) LogoutToken(clientID, subject, sid string) string {
	now := p.cfg.Now()
	c := map[string]any{
		"iss": p.cfg.Issuer, "aud": clientID, "jti": random(), "iat": now.Unix(), "exp": now.Add(2 * time.Minute).Unix(),
		"events": map[string]any{"http://schemas.openid.net/event/backchannel-logout": map[string]any{}},
	}
	setUnlessEmpty(c, "sub", subject)
	setUnlessEmpty(c, "sid", sid)
	typ := "logout+jwt"
	if p.cfg.quirks.draftLogoutTokens {
		typ, c["aud"] = "JWT", []string{clientID}
		delete(c, "exp")
		if sid != "" {
			delete(c, "sub")
		}
	}
	p.edit("logout_token", c)
	return p.sign(p.keys.current(false), typ, c)
}

// Sign signs a token with exactly this header and these claims. Only alg and
// kid have defaults; if their value is nil, they are omitted. A kid selects any
// key that this provider ever had, even a withdrawn one. It panics if that key
// cannot sign with alg.
//
// For tests that must see such tokens refused, alg "none" creates an empty
// signature, and HS256 uses the published JSON of the first key as the secret.
func (p *Provider) Sign(header map[string]any, claims map[string]any) string {
	key := p.keys.current(false)
	if id, ok := header["kid"].(string); ok {
		if named := p.keys.named(id); named != nil {
			key = named
		}
	}
	if claims == nil {
		claims = map[string]any{}
	}
	return signWith(key, merge(map[string]any{"alg": key.alg, "kid": key.id}, header), claims)
}

// signWith signs with the alg of the header, or that of the key if the header
// has none.
func signWith(key *signingKey, header, claims map[string]any) string {
	alg, ok := header["alg"].(string)
	if !ok {
		alg = key.alg
	}
	if strings.HasPrefix(alg, "HS") {
		return must(compact(header, claims, alg, must(json.Marshal(key.jwk()))))
	}
	return must(compact(header, claims, alg, key.private))
}

func (p *Provider) firstSubject() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.users) == 0 {
		return "nobody"
	}
	return p.users[0].Subject
}

func (p *Provider) firstClient() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.clientIDs) == 0 {
		return "client"
	}
	return p.clientIDs[0]
}

func (p *Provider) firstResource() string {
	if len(p.cfg.Resources) == 0 {
		return DefaultResource
	}
	return p.cfg.Resources[0]
}
