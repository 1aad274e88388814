// Package interop holds this module against others on this machine. Here is what its tests share; each provider has a folder
// of its own with the server, started on loopback, and the flows that ran against it:
//
//	keycloak, hydra, oidcprovider, zitadel, glewlwyd, fosite
//
// Folder browser drives a real Chromium, faults breaks the line between us and a provider, differential compares our token
// and key parser with go-jose's.
//
//	INTEROP_REQUIRE=1 go test -C internal/interop -v ./...    # fosite is a module of its own, and so is hydra/server, Hydra itself
//	go test -C internal/interop ./keycloak -update            # accept what was seen as the provider's column of docs/real-providers.md
//
// A server that cannot be had here (no Java, no Node, no network to install it) skips its test; with INTEROP_REQUIRE=1, as
// in .ci/run, it fails it. What is installed is kept in the user's cache directory.
package interop
