package main

import "slices"

// lists holds the mutants of each package.
var lists = []struct {
	folder  string
	mutants []mutant
}{
	{"pkce", pkce},
	{"internal/jws", jws},
	{"internal/claims", claims},
	{"internal/seal", seal},
	{"internal/remote", remote},
	{"internal/endpoint", endpoint},
	{"internal/keyset", keyset},
	{"internal/discovery", discovery},
	{"store", memoryStore},
	{"introspect", introspect},
	{"middleware", middleware},
	{"client", slices.Concat(client, login)},
}
