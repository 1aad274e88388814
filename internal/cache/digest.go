package cache

import (
	"crypto/sha256"
	"encoding/binary"
)

// Digest hashes parts, each prefixed with its length, with SHA-256: lists that differ have different digests.
func Digest(parts ...string) Key {
	size := 0
	for _, p := range parts {
		size += 8 + len(p)
	}
	var room [2048]byte
	if size <= len(room) {
		b := room[:0]
		for _, p := range parts {
			b = binary.BigEndian.AppendUint64(b, uint64(len(p)))
			b = append(b, p...)
		}
		return sha256.Sum256(b)
	}
	h := sha256.New()
	for _, p := range parts {
		h.Write(binary.BigEndian.AppendUint64(room[:0], uint64(len(p))))
		for len(p) > 0 {
			n := copy(room[:], p)
			h.Write(room[:n])
			p = p[n:]
		}
	}
	var k Key
	h.Sum(k[:0])
	return k
}
