package client

// IDTokenOption says which nonce [Client.VerifyIDToken] expects: Nonce or
// WithoutNonce, exactly one of them.
type IDTokenOption func(*nonceWanted)

// nonceWanted is what the options of one call say.
type nonceWanted struct {
	given, without bool
	nonce          string
}

// Nonce expects the nonce of the authorization request that the token answers.
// An empty one is an error: a lookup that found nothing must not pass for "no
// nonce was sent".
func Nonce(nonce string) IDTokenOption {
	return func(w *nonceWanted) { w.given, w.nonce = true, nonce }
}

// WithoutNonce accepts a token with any nonce, or with none. It is for a token
// whose request sent no nonce, or whose nonce only the program that began the
// login knows, such as a native app that hands the token to its server. It
// opens token injection: a token of another login at the same client passes for
// the one that was asked for.
func WithoutNonce() IDTokenOption {
	return func(w *nonceWanted) { w.without = true }
}

// read makes one expectation of the options.
func (w *nonceWanted) read(op string, opts []IDTokenOption) error {
	for _, opt := range opts {
		opt(w)
	}
	switch {
	case w.given && w.without:
		return configError(op, "", "Nonce and WithoutNonce exclude each other")
	case w.given && w.nonce == "":
		return configError(op, "", "the nonce to expect is empty: pass the one of the login, or WithoutNonce if its request sent none")
	case !w.given && !w.without:
		return configError(op, "", "needs the nonce of the login as Nonce, or WithoutNonce if its request sent none")
	}
	return nil
}
