package middleware

import (
	"slices"
	"time"

	"github.com/relyingparty/oidc/internal/claims"
	"github.com/relyingparty/oidc/internal/keyset"
)

// facts is what a verified token says. It is immutable, shared by requests, and holds no verdict of policy. With a
// million of them in the cache a hit costs as much as there are pieces of memory to look at: so it is one piece.
type facts struct {
	subject, issuer, clientID string
	few                       [6]string // audience and scopes, when there are no more
	many                      []string  // else
	audiences, texts          int       // how many are audiences, and how many there are in all
	expiry, issuedAt          time.Time
	notBefore                 time.Time // the later of nbf and iat; zero when there is neither
	claimed                   string    // the tenant claim; empty when it is absent or cannot be one
	captured                  string    // the tenant in the issuer, for a template
	method                    Method
	set                       *claims.Set

	vouching *vouching // of its issuer

	source *source           // whose keys verified it; nil for an introspected token
	key    keyset.Thumbprint // which of them

	// Of introspection.
	said    *facts // the answer that confirms a token verified with keys
	refused *Error // why nothing may go by the answer; the other fields are then empty
	unbound *Error // why it cannot be all there is to go by
	// unkept is when the issuer was asked, where the client keeps no answers; else zero.
	unkept time.Time
}

// lists stores audience and scopes.
func (g *Guard) lists(f *facts, audience, scopes []string) {
	for i, aud := range audience {
		if at := slices.Index(g.cfg.Audience, aud); at >= 0 {
			audience[i] = g.cfg.Audience[at] // compared with itself on each hit: nothing of the token's is looked at
		}
	}
	f.audiences, f.texts, f.many = len(audience), len(audience)+len(scopes), nil
	if f.texts > len(f.few) {
		f.many = slices.Concat(audience, scopes)
		return
	}
	copy(f.few[copy(f.few[:], audience):], scopes)
}

// all is the audience, then the scopes.
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

// read takes the facts out of the claims of a token or of an introspection answer. Its errors are of the claims that
// cannot be understood.
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
