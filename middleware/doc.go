// Package middleware protects an API: it verifies bearer tokens with the issuer's keys or by introspection, enforces
// tenants, and answers what it refuses as RFC 6750 has it. The whole program:
//
//	http.ListenAndServe(":8080", middleware.Protect(middleware.Config{
//		DiscoveryURL: "https://id.example.com/realms/acme",
//		Audience:     []string{"https://api.example.com"},
//		Tenant:       middleware.RequireTenant("tenant"),
//	})(mux))
//
// Handlers read who calls from the context:
//
//	principal, _ := middleware.FromContext(r.Context())
//
// [New] gives a [Guard] for more: [Guard.Require] puts policies on single routes, [Guard.Optional] lets strangers in,
// and [Guard.Authenticate] works without HTTP.
//
// What holds for every request:
//
//   - Exactly one credential counts, the Authorization header; a token in the query or body is never read.
//   - What anyone can make up causes no network call: form, header, issuer and gross expiry are checked before.
//   - Time, audience, tenant and policies are checked each time, also when the token's signature was verified before. A
//     verified token is remembered for at most five minutes, not past its exp, and not past the withdrawal of its key.
//   - A token verified with one issuer's keys is never accepted for another's, and of several issuers each vouches for
//     its own tenants only.
//   - The provider's outages are a 503, never a 401, and no outage while keys are held.
//   - What is refused is answered from fixed texts: nothing a token says is ever repeated.
//
// An error is an *[Error] with a closed [Reason].
package middleware
