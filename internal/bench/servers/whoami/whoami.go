// Package whoami is the API of examples/api without what protects it: its answer, and the server around it.
package whoami

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"
)

// Identity is what GET /whoami answers.
type Identity struct {
	Subject  string          `json:"sub"`
	Issuer   string          `json:"iss"`
	Tenant   string          `json:"tenant"`
	Scopes   []string        `json:"scopes"`
	ClientID string          `json:"client_id"`
	Method   string          `json:"method"`
	Expiry   int64           `json:"exp"`
	Claims   json.RawMessage `json:"claims"`
}

// Answer writes who.
func Answer(w http.ResponseWriter, who Identity) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusOK)
	_ = json.NewEncoder(w).Encode(who) // the caller has gone
}

// Run serves GET /whoami on a free port of loopback and prints where. It ends the program when that fails.
func Run(whoami http.Handler) {
	mux := http.NewServeMux()
	mux.Handle("GET /whoami", whoami)
	server := &http.Server{
		Handler: mux, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 15 * time.Second, WriteTimeout: time.Minute,
		IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		Fail(err)
	}
	fmt.Printf("listening on http://%s\n", listener.Addr())
	Fail(server.Serve(listener))
}

// Fail ends the program.
func Fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
