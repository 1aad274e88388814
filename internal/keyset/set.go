package keyset

import (
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"encoding/binary"
	"slices"

	"github.com/relyingparty/oidc/internal/jws"
)

// maxTried bounds the keys one token is tried with.
const maxTried = 8

// Thumbprint identifies a public key together with its kid and alg (a digest).
type Thumbprint [32]byte

// Key is one usable verification key.
type Key struct {
	ID         string // kid; may be empty
	Alg        string // may be empty
	Public     crypto.PublicKey
	Thumbprint Thumbprint
}

// set is the keys of one fetch, indexed for Verify. It is immutable.
type set struct {
	byID        map[idAlg][]Key // fitting keys of a kid and alg; kid "" holds those of every kid
	ids         map[string]struct{}
	thumbprints map[Thumbprint]struct{}
}

type idAlg struct{ id, alg string }

func newSet(keys []Key) *set {
	s := &set{byID: make(map[idAlg][]Key), ids: make(map[string]struct{}), thumbprints: make(map[Thumbprint]struct{})}
	for _, k := range keys {
		s.thumbprints[k.Thumbprint] = struct{}{}
		if k.ID != "" {
			s.ids[k.ID] = struct{}{}
		}
		for _, alg := range algs(k.Alg, k.Public) {
			s.add(idAlg{"", alg}, k)
			if k.ID != "" {
				s.add(idAlg{k.ID, alg}, k)
			}
		}
	}
	return s
}

func (s *set) add(at idAlg, k Key) {
	if len(s.byID[at]) < maxTried {
		s.byID[at] = append(s.byID[at], k)
	}
}

// verify tries the keys that fit t. rotated: the set cannot judge t, newer keys might (its kid is unknown; or it has
// none, and no key here made its signature). A bad signature under a known kid is final.
func (s *set) verify(t *jws.Token) (thumbprint Thumbprint, rotated bool, err error) {
	_, known := s.ids[t.KeyID]
	if err = ErrKeyUnknown; known {
		err = ErrKeyUnfit
	}
	for _, k := range s.byID[idAlg{t.KeyID, t.Alg}] {
		if err = t.Verify(k.Public); err == nil {
			return k.Thumbprint, false, nil
		}
	}
	return Thumbprint{}, !known, err
}

// algs are the algorithms that a key is for: the one it names, under each of its
// names, or all that fit its type and curve.
func algs(alg string, public crypto.PublicKey) []string {
	fitting := jws.AlgsOf(public)
	if alg == "" {
		return fitting
	}
	return slices.DeleteFunc(fitting, func(one string) bool { return !jws.Same(one, alg) })
}

// thumbprint digests kid, alg and the key's PKIX form, each with its length before it.
func thumbprint(id, alg string, public crypto.PublicKey) (Thumbprint, error) {
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return Thumbprint{}, err
	}
	var b []byte
	for _, part := range [][]byte{[]byte(id), []byte(alg), der} {
		b = binary.BigEndian.AppendUint64(b, uint64(len(part)))
		b = append(b, part...)
	}
	return sha256.Sum256(b), nil
}
