// Package differential holds the token and key parsers of this module against those of go-jose, with mutated input and
// Wycheproof's vectors: both must accept, or both refuse, but for classes of input that are named with their reason.
//
//	go test -C internal/interop ./differential    # DIFFERENTIAL_SEED=n replays a run, DIFFERENTIAL_COUNT=n sizes it
package differential
