// Command service calls a protected API as itself (client credentials), once a second, and prints one JSON line per call.
// It is configured by the environment; see the README.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/relyingparty/oidc/client"
	"github.com/relyingparty/oidc/examples/internal/clientenv"
	"github.com/relyingparty/oidc/examples/internal/env"
)

func main() {
	count := flag.Int("n", 0, "stop after this many calls; 0 goes on until interrupted")
	every := flag.Duration("every", time.Second, "time between calls")
	flag.Parse()

	caller, err := configure(env.New())
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if !caller.run(ctx, os.Stdout, *count, *every) {
		stop()
		os.Exit(1)
	}
}

// caller calls one URL with one token source.
type caller struct {
	url    string
	tokens *client.TokenSource
	http   *http.Client
}

func configure(r *env.Reader) (*caller, error) {
	logger := r.Logger()
	cfg := clientenv.Config(r, logger)
	api := r.Require("API_URL", "what to call")
	u, err := url.Parse(api)
	if api != "" && (err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http") {
		r.Problem("API_URL", "must be an absolute URL")
	}
	if r.Err() != nil {
		return nil, r.Err()
	}
	rp, err := client.New(cfg)
	if err != nil {
		return nil, err
	}
	tokens := rp.ClientCredentials(client.TokenRequest{Scopes: cfg.Scopes, Resources: cfg.Resources, Audience: r.List("OIDC_TOKEN_AUDIENCE")})
	c := &caller{url: api, tokens: tokens, http: tokens.HTTPClient(u.Scheme + "://" + u.Host)}
	c.http.Timeout = 30 * time.Second
	return c, nil
}

// line is what is printed of one call. Status 0 means that no answer came; Error says why.
type line struct {
	Time           time.Time `json:"time"`
	Status         int       `json:"status"`
	TokenExpiresIn int       `json:"token_expires_in"`
	Error          string    `json:"error,omitempty"`
}

// run calls until ctx ends or count calls were made, and reports whether the last one was answered 2xx.
func (c *caller) run(ctx context.Context, out io.Writer, count int, every time.Duration) (ok bool) {
	ok = true
	encoder := json.NewEncoder(out)
	ticker := time.NewTicker(max(every, time.Millisecond))
	defer ticker.Stop()
	for i := 0; count == 0 || i < count; i++ {
		if i > 0 {
			select {
			case <-ctx.Done():
				return true
			case <-ticker.C:
			}
		}
		l := c.call(ctx)
		if ctx.Err() != nil {
			return true
		}
		if err := encoder.Encode(l); err != nil {
			return false
		}
		ok = l.Status/100 == 2
	}
	return ok
}

func (c *caller) call(ctx context.Context) line {
	l := line{Time: time.Now().UTC()}
	if err := c.get(ctx, &l); err != nil {
		l.Error = err.Error()
	}
	if l.Status != 0 {
		// The token that was just used is in memory: this asks nobody.
		if token, err := c.tokens.TokenContext(ctx); err == nil {
			l.TokenExpiresIn = int(time.Until(token.Expiry) / time.Second)
		}
	}
	return l
}

func (c *caller) get(ctx context.Context, l *line) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.url, nil)
	if err != nil {
		return err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		if inner, ok := errors.AsType[*url.Error](err); ok {
			err = inner.Err // without the URL, which the reader knows
		}
		return err
	}
	defer resp.Body.Close()
	l.Status = resp.StatusCode
	_, err = io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<20))
	return err
}
