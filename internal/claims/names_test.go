package claims

import (
	"fmt"
	"strings"
	"testing"

	"github.com/relyingparty/oidc/internal/check"
)

// TestManyNamesGoThroughAMap: only so many names of an object are compared one by one, however many it has.
func TestManyNamesGoThroughAMap(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	for i := range maxMembers {
		fmt.Fprintf(&b, `,"m%d":0`, i)
	}
	p := parser{raw: []byte("{" + b.String()[1:] + "}"), registered: registeredClaims}
	check.Equal(t, p.document(), 0, "fault")
	check.Equal(t, len(p.members), maxMembers, "members")
	check.True(t, cap(p.names) <= 2*maxLinear, "room for %d names to compare", cap(p.names))
}

// TestVocabulary: hashPlain takes plain names for well spelt, so a registered name that has a capital must not be plain.
func TestVocabulary(t *testing.T) {
	t.Parallel()
	for _, registered := range []map[string]string{registeredClaims, registeredHeaders} {
		for folded, right := range registered {
			_, plain := hashPlain([]byte(right))
			_, lowerPlain := hashPlain([]byte(strings.ToLower(right)))
			check.True(t, plain || !lowerPlain, "%s would pass in lower case", right)
			check.True(t, strings.EqualFold(folded, right), "%s is under %s", right, folded)
		}
	}
}

// TestPlainHash: both ways to hash a name agree, or duplicates would go unseen.
func TestPlainHash(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"", "a", "iss", "auth_time", "x5c", "0123456789_abcdefghijklmnopqrstuvwxyz"} {
		h, plain := hashPlain([]byte(name))
		check.True(t, plain, "%q is not plain", name)
		check.Equal(t, h, hash(appendFolded(nil, []byte(name), false)), name)
	}
}
