// Package introspect asks a provider whether a token is active (RFC 7662), and remembers the answer for a short while.
//
//	c, err := introspect.New(introspect.Config{
//		DiscoveryURL: "https://id.example.com/realms/acme",
//		ClientID:     "api", ClientSecret: secret,
//	})
//	if err != nil {
//		log.Fatal(err) // configuration only: New does no I/O
//	}
//	who, err := c.Introspect(ctx, token, introspect.Audience("https://api.example.com"))
//	switch {
//	case errors.Is(err, introspect.ErrInactive):    // 401: the provider says no
//	case errors.Is(err, introspect.ErrUnavailable): // 503: nobody could say
//	case errors.Is(err, introspect.ErrProtocol):    // 503: the provider garbled its answer
//	case err != nil:                                // 401: the token is not for us; see (*Error).Reason
//	default:
//		fmt.Println(who.Subject, who.Scopes)
//	}
//
// One call is made for any number of concurrent askers of one token, and at most 64 calls run at a time. What is kept
// are facts about a token; its times, issuer and audience are checked each time it is asked for. Tokens are neither
// kept nor logged: the caches know digests only.
//
// An active answer says that the provider knows the token. It does not say that it is an access token (some providers
// introspect refresh tokens too, and say so in token_use or typ) nor that the bearer may do what it asks.
package introspect
