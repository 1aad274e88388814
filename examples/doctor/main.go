// Command doctor explains what is missing, contradictory or insecure at an OpenID provider, and why a token of it is or is
// not accepted by an API.
//
//	go run ./examples/doctor https://id.example.com
//	go run ./examples/doctor https://id.example.com -token - -audience https://api.example.com < token.txt
//
// The first form asks the provider for its metadata and its keys, two GET requests, and prints one line per finding, the
// gravest first: "problem" will not work or is insecure, "warning" works but is weaker or odder than it should be, "note"
// is worth knowing, "ok" is as it should be. It needs no client and no secret.
//
// With -token - it also reads an access token from stdin (never from the command line, where the shell's history and every
// process list would keep it) and has it judged by the very guard that protects an API. The first line is the verdict, with
// the status, the reason and the text that middleware would answer. Then come the checks in the guard's order: what the
// token says there, and which one stopped it. Neither the token nor its signature is printed or sent anywhere.
//
// The exit code is 0 when nothing is wrong, 1 when a problem was found or the token was refused, 2 for bad usage. (go run
// turns every code but 0 into 1: go build tells them apart.)
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

// maxInput bounds what is read from stdin, in bytes: four times what a guard takes for a token.
const maxInput = 64 << 10

const (
	exitOK       = 0
	exitProblems = 1
	exitUsage    = 2
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run is the program; what it returns is the exit code.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	o, err := parse(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return exitOK
	}
	var d *doctor
	var token string
	if err == nil {
		d, err = newDoctor(ctx, o)
	}
	if err == nil && o.token {
		token, err = readToken(stdin)
	}
	if err != nil {
		_, _ = fmt.Fprintln(stderr, "doctor:", err)
		return exitUsage
	}
	findings, ok := d.provider(ctx)
	write(stdout, "provider "+o.url, findings)
	if o.token {
		findings, accepted := d.token(ctx, token)
		_, _ = fmt.Fprintln(stdout)
		write(stdout, "token", findings)
		ok = ok && accepted
	}
	if !ok {
		return exitProblems
	}
	return exitOK
}

// readToken reads the token. White space around it is the shell's or the editor's.
func readToken(stdin io.Reader) (string, error) {
	input, err := io.ReadAll(io.LimitReader(stdin, maxInput+1))
	if err != nil {
		return "", fmt.Errorf("stdin cannot be read: %w", err)
	}
	if len(input) > maxInput {
		return "", fmt.Errorf("stdin holds more than %d KiB: give one token and nothing else", maxInput>>10)
	}
	token := strings.TrimSpace(string(input))
	if token == "" {
		return "", errors.New("stdin holds no token")
	}
	return token, nil
}
