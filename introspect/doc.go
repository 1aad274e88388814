// Package introspect asks a provider whether a token is active (RFC 7662), and
// caches the answer for a short time.
//
//	c, err := introspect.New(introspect.Config{
//		DiscoveryURL: "https://id.example.com/realms/acme",
//		ClientID:     "api", ClientSecret: secret,
//	})
//	if err != nil {
//		log.Fatal(err) // the configuration is wrong: New does no I/O
//	}
//	result, err := c.Introspect(ctx, token, introspect.Audience("https://api.example.com"))
//	switch {
//	case errors.Is(err, introspect.ErrInactive):    // 401: the token is not active
//	case errors.Is(err, introspect.ErrUnavailable): // 503: the provider is unavailable
//	case errors.Is(err, introspect.ErrProtocol):    // 503: the answer is invalid
//	case err != nil:                                // 401: see (*Error).Reason
//	default:
//		fmt.Println(result.Subject, result.Scopes)
//	}
//
// Concurrent calls for the same token share one request, and a client sends at
// most 64 requests at a time. It caches what the provider says about a token,
// and checks times, issuer and audience on every call. It neither caches nor
// logs tokens, because its caches use digests.
//
// An active answer means only that the provider issued the token. It does not
// mean that the token is an access token, because some providers introspect
// refresh tokens too (and say so in token_use or typ). Nor does it mean that
// the caller may do what it asks.
package introspect
