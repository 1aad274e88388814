package oidctest

import (
	"cmp"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// The presets imitate the providers in this module's documentation, according
// to the providers' own documents. Each returns a Config: add Clients and
// Users, and change what its comment calls assumed.

// VoxKey imitates one realm of VoxKey:
//
//   - The authorization endpoint accepts only POST, and the keys are at
//     /oidc/jwks.
//   - A resource counts only in the token request that names it, for codes,
//     client credentials and refreshes alike. Without one, the audience is
//     the issuer.
//   - Config.Resources are the API resources of the realm, one by default.
//
// The default of base is https://voxkey.example.test, and that of realm is
// realm-1. Assumed: the issuer is base/oauth2/realm, the error is
// invalid_target, and callbacks contain no iss.
func VoxKey(base, realm string) Config {
	return Config{
		Issuer:    cmp.Or(base, "https://voxkey.example.test") + "/oauth2/" + cmp.Or(realm, "realm-1"),
		Resources: []string{DefaultResource},
		quirks: quirks{
			paths:         places("authorize=/code jwks=/oidc/jwks end_session="),
			authorizeOnly: http.MethodPost, resourcePerRequest: true, noIss: true,
		},
	}
}

// MiQey imitates miQey at https://app.miqey.com:
//
//   - It has an authorization and a token endpoint and nothing else.
//   - Client ID and secret are in the body. The token response has four
//     members.
//   - The first request that names a code uses it up.
//   - PKCE is ignored, and ID tokens contain no nonce.
//
// Assumed: the issuer, opaque access tokens, and ID tokens with RS256 and no
// kid. The alternative is Client.IDTokenAlg HS256.
func MiQey() Config {
	return Config{
		Issuer:             "https://app.miqey.com",
		OpaqueAccessTokens: true,
		AccessTokenTTL:     time.Hour,
		IDTokenTTL:         time.Hour,
		quirks: quirks{
			paths:         places("authorize=/oauth/authorize token=/oauth/token discovery= jwks= userinfo= introspect= revoke= end_session="),
			authorizeOnly: http.MethodGet, authMethods: []string{methodPost}, grants: []string{grantCode},
			ignorePKCE: true, ignoreResource: true, noIss: true, burnCodes: true, noKeyID: true,
			authorize: func(form url.Values) *oauthError {
				switch {
				case form.Get("state") == "":
					return refuse("invalid_request", "state is missing")
				case !slices.Contains(strings.Fields(form.Get("scope")), "openid"):
					return refuse("invalid_scope", "scope must include openid")
				}
				return nil
			},
			id: func(claims map[string]any, _ *issuance) { delete(claims, "nonce") },
			answer: func(answer map[string]any, _ *issuance) {
				keep(answer, "access_token", "id_token", "token_type", "expires_in")
			},
		},
	}
}

// DocbyteVault imitates the realm of one tenant in the Keycloak of a Docbyte
// Vault:
//
//   - Access tokens live 300 seconds and have a tenant claim.
//   - Refresh tokens live 1800 seconds. They rotate only if
//     KeepRefreshTokens is set to false.
//   - Clients receive more scopes than they request.
//   - One resource is ignored, and two are refused. The audience is
//     Client.Audience, or else account.
//   - realm_access contains the default roles, unless the claims of a user
//     or client contain another value.
//   - A wrong secret is unauthorized_client.
//   - Introspection calls refresh tokens active.
//   - A client may set OmitIss.
//
// The defaults of the arguments are acme, test and acme. internal/interop
// compares it with Keycloak 26.4.
func DocbyteVault(account, environment, tenant string) Config {
	tenant = cmp.Or(tenant, "acme")
	base := "https://keycloak." + cmp.Or(account, "acme") + "." + cmp.Or(environment, "test") + ".docbyte.cloud"
	return Config{
		Issuer:            base + "/realms/" + tenant,
		AccessTokenTTL:    300 * time.Second,
		IDTokenTTL:        300 * time.Second,
		RefreshTokenTTL:   1800 * time.Second,
		KeepRefreshTokens: true,
		Users: []User{{
			Subject: "alice", Name: "Alice Example", Email: "alice@example.test", Claims: map[string]any{"tenant": tenant},
		}},
		quirks: quirks{
			paths: places(strings.ReplaceAll("authorize=KC/auth token=KC/token jwks=KC/certs userinfo=KC/userinfo end_session=KC/logout revoke=KC/revoke "+
				"introspect=KC/token/introspect", "KC", "/protocol/openid-connect")),
			accessTyp: "JWT", audience: "account", moreScopes: []string{"groups", "tenant"},
			optionalPKCE: true, ignoreResource: true, oneResource: true, serviceIDToken: true, jwtRefresh: true,
			wrongSecret: "unauthorized_client", tellsRefreshTokens: true,
			metadata: func(doc map[string]any) {
				for _, endpoint := range []string{"token", "introspection", "revocation"} {
					doc[endpoint+"_endpoint_auth_methods_supported"] = []string{methodAssertion, methodBasic, methodPost}
				}
			},
			access: func(claims map[string]any, i *issuance) {
				keycloak(claims, i, "Bearer")
				claims["tenant"] = tenant
				if claims["realm_access"] == nil {
					claims["realm_access"] = map[string]any{"roles": []string{"default-roles-" + tenant, "offline_access", "uma_authorization"}}
				}
				if i.user != nil {
					delete(claims, "client_id")
				}
			},
			introspection: func(answer map[string]any) {
				answer["client_id"], answer["username"] = answer["azp"], answer["preferred_username"]
			},
			id: func(claims map[string]any, i *issuance) { keycloak(claims, i, "ID") },
			answer: func(answer map[string]any, i *issuance) {
				answer["not-before-policy"] = 0
				answer["refresh_expires_in"] = int64(i.refreshTTL / time.Second)
				setUnlessEmpty(answer, "session_state", i.grant.sid)
			},
			callback: func(values url.Values, g *grant) { values.Set("session_state", g.sid) },
		},
	}
}

// keycloak adds the claims that Keycloak writes into every token.
func keycloak(claims map[string]any, i *issuance, typ string) {
	claims["typ"], claims["azp"] = typ, i.client.ID
	setUnlessEmpty(claims, "sid", i.grant.sid)
	claims["preferred_username"] = "service-account-" + i.client.ID
	if i.user != nil {
		claims["preferred_username"] = i.user.Subject
	}
}

// Authcore imitates an Authcore:
//
//   - Its discovery document has five members, and it has one ES256 key.
//   - Requests must have a state and a scope, even though the scope is
//     empty. ID tokens are issued without scope openid.
//   - The scope of a token response is "". Its refresh_token is "" for a
//     client whose Grants lack refresh_token. Its expires_in is 987654321,
//     unless AccessTokenTTL is set.
//
// The default of issuer is https://auth.acme.com.
func Authcore(issuer string) Config {
	return Config{
		Issuer:         cmp.Or(issuer, "https://auth.acme.com"),
		Alg:            "ES256",
		AccessTokenTTL: 987654321 * time.Second,
		quirks: quirks{
			paths:     places("authorize=/oauth/authorize token=/oauth/token jwks=/.well-known/jwks.json userinfo= introspect= revoke= end_session="),
			accessTyp: "JWT", ignoreResource: true, noIss: true, alwaysIDToken: true,
			authorize: func(form url.Values) *oauthError {
				switch {
				case form.Get("state") == "":
					return refuse("invalid_request", "state is missing")
				case !form.Has("scope"):
					return refuse("invalid_request", "scope is missing: it may be empty, but must be there")
				}
				return nil
			},
			metadata: func(doc map[string]any) {
				keep(doc, "issuer", "authorization_endpoint", "token_endpoint", "jwks_uri", "response_types_supported")
				doc["response_types_supported"] = []string{"code", "code id_token", "id_token", "token id_token"}
			},
			answer: func(answer map[string]any, _ *issuance) {
				answer["scope"] = ""
				if answer["refresh_token"] == nil {
					answer["refresh_token"] = ""
				}
			},
		},
	}
}

// TokenOS imitates the Ory Hydra of TokenOS at
// https://{project}.projects.oryapis.com/:
//
//   - A client has exactly one authentication method: Client.AuthMethod, or
//     else client_secret_basic with a Secret, private_key_jwt with a
//     PublicKey, or none.
//   - Assertions need the registered alg (Client.AssertionAlg, by default
//     RS256), the token endpoint as aud, and the registered kid if they
//     have one.
//   - The parameter audience requests audiences (those of Config.Resources;
//     if nil, any). The parameter resource is ignored.
//   - Refresh tokens need scope offline or offline_access.
//   - Introspection is at /admin/oauth2/introspect, is missing from the
//     metadata, and needs no credentials.
//   - Logout tokens have no exp.
//
// The default of project is your-project. internal/interop compares it with
// Hydra 2.3.0.
func TokenOS(project string) Config {
	return Config{
		Issuer:          "https://" + cmp.Or(project, "your-project") + ".projects.oryapis.com/",
		AccessTokenTTL:  time.Hour,
		IDTokenTTL:      time.Hour,
		RefreshTokenTTL: 720 * time.Hour,
		quirks: quirks{
			paths: places("authorize=/oauth2/auth token=/oauth2/token revoke=/oauth2/revoke jwks=/.well-known/jwks.json " +
				"introspect=/admin/oauth2/introspect end_session=/oauth2/sessions/logout"),
			accessTyp: "JWT", tokenType: "bearer", audience: "-", claimsBelow: "ext", twoKeys: true,
			audienceParameter: true, registeredMethod: true, strictAssertion: true, openIntrospection: true, bareErrors: true,
			offlineOnly: true, shortLivedAccess: true, noIss: true, hintedLogout: true, draftLogoutTokens: true,
			assertionCodes: map[string]string{unknownKeyID: "invalid_request", usedAssertion: "jti_known"},
			authorize: func(form url.Values) *oauthError {
				if len(form.Get("state")) < 8 {
					return refuse("invalid_state", "the state is missing or has fewer than 8 characters")
				}
				return nil
			},
			metadata: func(doc map[string]any) {
				for _, field := range []string{
					"introspection_endpoint", "introspection_endpoint_auth_methods_supported", "revocation_endpoint_auth_methods_supported",
					"token_endpoint_auth_signing_alg_values_supported", "prompt_values_supported",
				} {
					delete(doc, field)
				}
				doc["token_endpoint_auth_methods_supported"] = []string{methodPost, methodBasic, methodAssertion, methodNone}
				doc["claims_supported"] = []string{"sub"}
				doc["code_challenge_methods_supported"] = []string{"plain", "S256"} // and yet plain is refused
				doc["scopes_supported"] = append([]string{"offline"}, doc["scopes_supported"].([]string)...)
			},
			callback: func(values url.Values, g *grant) { values.Set("scope", strings.Join(g.scopes, " ")) },
			access:   hydraAccess,
			id: func(claims map[string]any, i *issuance) {
				claims["aud"], claims["jti"], claims["rat"] = []string{i.client.ID}, random(), i.now.Unix()
				setUnlessEmpty(claims, "nonce", i.grant.nonce) // with every refresh too
			},
			introspection: func(answer map[string]any) {
				if scopes, ok := answer["scp"].([]string); ok {
					answer["scope"] = strings.Join(scopes, " ")
					delete(answer, "scp")
				}
				delete(answer, "jti")
				answer["token_use"] = "access_token"
			},
		},
	}
}

// hydraAccess writes the claims of an access token like Hydra's JWT strategy.
func hydraAccess(claims map[string]any, i *issuance) {
	delete(claims, "scope")
	delete(claims, "auth_time")
	delete(claims, "acr")
	claims["nbf"], claims["aud"], claims["scp"] = i.now.Unix(), i.audience, append([]string{}, i.scopes...)
}

// places parses "endpoint=path" pairs.
func places(list string) map[string]string {
	m := map[string]string{}
	for pair := range strings.FieldsSeq(list) {
		name, path, _ := strings.Cut(pair, "=")
		m[name] = path
	}
	return m
}

func keep(m map[string]any, names ...string) {
	maps.DeleteFunc(m, func(name string, _ any) bool { return !slices.Contains(names, name) })
}
