package oidctest

import (
	"encoding/json"
	"strings"
	"time"
)

// AccessToken signs an access token for a test of an API: iss, sub, aud, iat, exp, jti and client_id are filled in unless claims holds
// them (sub with the first user, aud with the first of Config.Resources or DefaultResource, client_id with the first client); a claim
// whose value is nil is left out. It works at userinfo and introspection like any other, and is opaque where the provider's are.
func (p *Provider) AccessToken(claims map[string]any) string {
	now := p.cfg.Now()
	c := map[string]any{
		"iss": p.cfg.Issuer, "sub": p.firstSubject(), "aud": p.firstResource(), "client_id": p.firstClient(),
		"jti": random(), "iat": now.Unix(), "exp": now.Add(p.cfg.AccessTokenTTL).Unix(),
	}
	return p.putAccess(merge(c, claims), nil)
}

// IDToken is the same for ID tokens: iss, sub, aud (the first client), iat, exp and auth_time are filled in.
func (p *Provider) IDToken(claims map[string]any) string {
	now := p.cfg.Now()
	c := merge(map[string]any{
		"iss": p.cfg.Issuer, "sub": p.firstSubject(), "aud": p.firstClient(),
		"iat": now.Unix(), "exp": now.Add(p.cfg.IDTokenTTL).Unix(), "auth_time": now.Unix(),
	}, claims)
	p.edit("id_token", c)
	return p.sign(p.keys.current(false), "JWT", c)
}

// LogoutToken signs a back-channel logout token for client; an empty subject or sid is left out.
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

// Sign signs exactly this header and these claims; alg and kid are filled in unless given (nil leaves them out). A given kid chooses the
// key if this provider ever had it, even a withdrawn one. alg "none" gives an empty signature and HS256 uses the published JSON of the
// first key as the secret; both for tests that must see them refused. It panics when the key cannot sign under alg.
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

// signWith signs under the header's alg, or the key's when it names none.
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
