// Package interop holds this module against others on this machine: servers written by others, started on loopback by the
// test and driven as a person and as a service would drive them; and the token and key parsers of go-jose, with mutated
// input and Wycheproof's vectors.
//
//	INTEROP_REQUIRE=1 go test -C internal/interop -v ./...
//	go test -C internal/interop -run 'Differential|Vectors' ./...    # DIFFERENTIAL_SEED=n replays a run, DIFFERENTIAL_COUNT=n sizes it
//
// A server that cannot be had here (no Node, no network to install it) skips its test; with INTEROP_REQUIRE=1, as in
// .ci/run, it fails it. What is installed is kept in the user's cache directory, by the digest of its lockfile.
package interop
