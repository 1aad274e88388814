// Command quickstart runs the whole project on loopback: a development provider, a web app with login, an API that keeps
// tenants apart and a backend service that calls it. It prints one URL to open.
//
//	go run ./examples/quickstart
//	go run ./examples/quickstart -check   # the same path without a browser
package main

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:0", "where the web app listens; port 0 takes a free one")
	check := flag.Bool("check", false, "go through every step without a browser; exit 0 only if each gave the expected result")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, *addr, *check)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "quickstart:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, addr string, check bool) error {
	logger := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s, err := start(ctx, addr, logger)
	if err != nil {
		return err
	}
	if check {
		deadline, cancelCheck := context.WithTimeout(ctx, time.Minute)
		defer cancelCheck()
		return s.check(deadline, os.Stdout)
	}
	fmt.Printf("open %s   (ctrl-c ends it)\n", s.appURL)
	select {
	case <-ctx.Done():
		return nil
	case err := <-s.failed:
		return err
	}
}
