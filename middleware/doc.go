// Package middleware protects an API. It verifies bearer tokens with the
// issuer's keys or by introspection, enforces tenants, and refuses requests as
// RFC 6750 describes. This is the whole program:
//
//	http.ListenAndServe(":8080", middleware.Protect(middleware.Config{
//		DiscoveryURL: "https://id.example.com/realms/acme",
//		Audience:     []string{"https://api.example.com"},
//		Tenant:       middleware.RequireTenant("tenant"),
//	})(mux))
//
// Handlers read the caller from the context:
//
//	principal, _ := middleware.FromContext(r.Context())
//
// [New] returns a [Guard] for everything else: [Guard.Require] adds policies to
// single routes, [Guard.Optional] lets requests without a token through, and
// [Guard.Authenticate] works without HTTP.
//
// The guard holds these rules for every request:
//
//   - It reads exactly one credential, the Authorization header. It never
//     reads a token from the query or the body.
//   - A made-up token causes no call for keys, because the guard checks
//     form, header, issuer and obvious expiry first.
//   - It checks times, audience, tenant and policies on every request, even
//     when it has verified the signature before. A verified signature
//     counts for at most five minutes, and never beyond the token's exp or
//     the withdrawal of its key.
//   - It never accepts a token that one issuer's keys verify as a token of
//     another issuer. With several issuers, each may only name tenants of
//     its own.
//   - An outage of the provider is a 503, never a 401. While the guard
//     holds the issuer's keys, it verifies JWTs during an outage.
//   - Responses to refused requests use fixed texts and never repeat
//     anything from the token.
//
// Every refusal is an *[Error] with one of a closed list of reasons; see
// [Reason].
package middleware
