package cache

import (
	"crypto/sha256"
	"encoding/binary"
)

// Digest hashes parts, each prefixed with its length, with SHA-256: lists that differ have different digests.
func Digest(parts ...string) (k Key) {
	h := sha256.New()
	var room [512]byte // strings pass through it: as bytes of their own they would be allocated
	used := 0
	for _, p := range parts {
		if used+8 > len(room) {
			h.Write(room[:used])
			used = 0
		}
		binary.BigEndian.PutUint64(room[used:], uint64(len(p)))
		used += 8
		for p != "" {
			if used == len(room) {
				h.Write(room[:])
				used = 0
			}
			n := copy(room[used:], p)
			used, p = used+n, p[n:]
		}
	}
	h.Write(room[:used])
	h.Sum(k[:0])
	return k
}
