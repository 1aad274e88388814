// Command devidp is an OpenID provider for development on one machine: no installation, no passwords, nothing kept.
//
//	go run ./examples/devidp
//	go run ./examples/devidp -addr 127.0.0.1:9000 -preset voxkey
//
// It prints the environment for examples/login, examples/service and examples/api, each with the command to paste into a
// shell of its own, and then serves until it is interrupted. There are two people to sign in as, ada and grace, in two
// tenants, and three clients: "web" with a secret, "web-public" without one, and "service", which calls the API as itself.
//
// -preset makes it behave as one of the providers that docs/ has recipes for does: voxkey, miqey, vault (Docbyte), authcore
// or tokenos. What a provider does not offer is not printed. Keys are new with each start: old tokens and sessions end.
//
// Anyone who reaches it signs in as anyone, so it listens on loopback only. The provider itself is package oidctest: a
// program with other clients or users is ten lines of its own.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/relyingparty/oidc/examples/internal/serve"
	"github.com/relyingparty/oidc/oidctest"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run serves until ctx ends. It returns the exit code: 0, 1 when the server failed, 2 for bad usage.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("devidp", flag.ContinueOnError)
	flags.SetOutput(stderr)
	addr := flags.String("addr", "127.0.0.1:8090", "where to listen, on loopback; port 0 takes a free one")
	preset := flags.String("preset", "", "the provider to resemble: "+strings.Join(presetNames(), ", ")+"; empty is one by the book")
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return 2
	case flags.NArg() > 0:
		_, _ = fmt.Fprintln(stderr, "devidp: there are flags only, see -h")
		return 2
	}
	listener, err := listen(ctx, *addr)
	if err != nil {
		_, _ = fmt.Fprintln(stderr, "devidp:", err)
		return 2
	}
	defer listener.Close()
	base := "http://" + listener.Addr().String()
	s, err := newSite(*preset, base)
	if err != nil {
		_, _ = fmt.Fprintln(stderr, "devidp:", err)
		return 2
	}
	logger := slog.New(slog.NewTextHandler(stderr, nil))
	s.config.Logger = logger
	provider := oidctest.New(s.config)
	s.print(stdout, provider)
	_, _ = fmt.Fprintln(stdout, "listening on", base)
	if err := serve.Listener(ctx, listener, provider, logger); err != nil {
		logger.Error("server stopped", "error", err)
		return 1
	}
	return 0
}

// listen refuses every address that others reach.
func listen(ctx context.Context, addr string) (net.Listener, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	if at, ok := listener.Addr().(*net.TCPAddr); !ok || !at.IP.IsLoopback() {
		listener.Close()
		return nil, errors.New("-addr must be on loopback, such as 127.0.0.1:8090: this provider asks for no password")
	}
	return listener, nil
}
