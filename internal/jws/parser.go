package jws

import (
	"hash/maphash"
	"strings"
	"sync/atomic"
)

// Parser parses the tokens of one reader. It remembers headers that it has accepted: a provider's tokens all have the
// same, until it changes its key. It is safe for concurrent use.
type Parser struct {
	options Options
	headers headers
}

// NewParser returns a Parser that accepts what o says.
func NewParser(o Options) *Parser {
	return &Parser{options: o, headers: headers{seed: maphash.MakeSeed()}}
}

// Parse checks form, size, header and algorithm. It does not verify the signature. Keys and certificates that a header
// holds or points to (jku, jwk, x5u, x5c) are ignored.
func (p *Parser) Parse(raw string) (*Token, error) { return parse(raw, p.options, &p.headers) }

const (
	headerPlaces = 64
	maxHeader    = 512 // in bytes, as it is encoded: a longer one is read each time
)

// headers are those seen last, by their encoded text; of two with one place the later stays.
type headers struct {
	seed   maphash.Seed
	places [headerPlaces]atomic.Pointer[knownHeader]
}

type knownHeader struct {
	encoded string
	Header
}

func (h *headers) place(encoded string) *atomic.Pointer[knownHeader] {
	return &h.places[maphash.String(h.seed, encoded)%headerPlaces]
}

func (h *headers) find(encoded string) (Header, bool) {
	if h == nil || len(encoded) > maxHeader {
		return Header{}, false
	}
	if known := h.place(encoded).Load(); known != nil && known.encoded == encoded {
		return known.Header, true
	}
	return Header{}, false
}

func (h *headers) add(encoded string, header Header) {
	if h != nil && len(encoded) <= maxHeader {
		h.place(encoded).Store(&knownHeader{strings.Clone(encoded), header})
	}
}
