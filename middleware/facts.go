package middleware

import (
	"slices"
	"time"

	"github.com/relyingparty/oidc/internal/claims"
	"github.com/relyingparty/oidc/internal/keyset"
)

// facts are the contents of a verified token. They are immutable, shared by
// requests, and contain no decision of a policy. They are a single piece of
// memory, because among a million cached tokens a cache hit costs as much as
// the number of pieces it touches.
type facts struct {
	subject, issuer, clientID string
	few                       [6]string // audience, then scopes, if they fit
	many                      []string  // otherwise
	audiences, texts          int       // the length of the audience, and of audience and scopes
	expiry, issuedAt          time.Time
	notBefore                 time.Time // the later of nbf and iat; zero if the token has neither
	claimed                   string    // the tenant claim; empty if it is absent or not a valid tenant
	captured                  string    // the tenant in the issuer of a template
	method                    Method
	set                       *claims.Set

	vouching *vouching // of the token's issuer

	source *source           // whose key verified the token; nil for an introspected token
	key    keyset.Thumbprint // the key

	// These fields belong to introspection.
	answer  *facts // the response that confirms a token verified with keys
	refused *Error // why the response must not be used; the other fields are then empty
	unbound *Error // why the response alone is not enough
	// unkept is when the provider was asked, if the client caches no responses.
	// Otherwise it is zero.
	unkept time.Time
}

// lists stores audience and scopes.
func (g *Guard) lists(f *facts, audience, scopes []string) {
	for i, aud := range audience {
		if at := slices.Index(g.cfg.Audience, aud); at >= 0 {
			audience[i] = g.cfg.Audience[at] // equal pointers: a cache hit then compares without reading the token's memory
		}
	}
	f.audiences, f.texts, f.many = len(audience), len(audience)+len(scopes), nil
	if f.texts > len(f.few) {
		f.many = slices.Concat(audience, scopes)
		return
	}
	copy(f.few[copy(f.few[:], audience):], scopes)
}

// all returns the audience, followed by the scopes.
func (f *facts) all() []string {
	if f.many != nil {
		return f.many
	}
	return f.few[:f.texts]
}

func (f *facts) audience() []string { return f.all()[:f.audiences] }

func (f *facts) scopes() []string { return f.all()[f.audiences:] }

// begins stores the later of iat and nbf.
func (f *facts) begins(issuedAt, notBefore time.Time) {
	f.notBefore = notBefore
	if issuedAt.After(notBefore) {
		f.notBefore = issuedAt
	}
}

// read reads the claims of a token or of an introspection response into f. Its
// error names a claim that has a wrong type.
func (g *Guard) read(set *claims.Set, f *facts) error {
	f.set = set
	var audience, scopes []string
	var notBefore time.Time
	var errs [8]error
	f.issuer, _, errs[0] = set.String("iss")
	f.subject, _, errs[1] = set.String("sub")
	f.clientID, _, errs[2] = set.String("client_id")
	if f.clientID == "" {
		f.clientID, _, errs[2] = set.String("azp")
	}
	audience, errs[3] = set.Strings("aud")
	audience = slices.DeleteFunc(audience, func(aud string) bool { return aud == "" })
	scopes, errs[4] = set.Scopes()
	f.expiry, _, errs[5] = set.Time("exp")
	f.issuedAt, _, errs[6] = set.Time("iat")
	notBefore, _, errs[7] = set.Time("nbf")
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	f.begins(f.issuedAt, notBefore)
	g.lists(f, audience, scopes)
	if g.tenants != nil && len(g.tenants.Claim) > 0 {
		value, _, err := set.Lookup(g.tenants.Claim...)
		if err != nil {
			return err
		}
		f.claimed = tenantOf(value)
	}
	return nil
}
