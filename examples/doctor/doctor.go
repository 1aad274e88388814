package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"time"

	"github.com/relyingparty/oidc/client"
	"github.com/relyingparty/oidc/internal/remote"
	"github.com/relyingparty/oidc/middleware"
)

// patience is how long the provider may take while a token is judged.
const patience = 15 * time.Second

// doctor asks a client about the provider and a guard about the token: what it says is theirs.
type doctor struct {
	options  *options
	client   *client.Client
	guard    *middleware.Guard
	policies []middleware.Policy
	issuer   string // what tokens should name, as far as is known
}

// newDoctor sends nothing. Its error is of the command line.
func newDoctor(ctx context.Context, o *options) (*doctor, error) {
	d := &doctor{options: o, issuer: cmp.Or(o.issuer, o.url)}
	quiet := slog.New(slog.DiscardHandler) // what they would log is in the findings
	var err error
	// A stand-in: neither its id nor its redirect URL is ever sent. The latter makes Diagnose look at what login needs.
	d.client, err = client.New(client.Config{
		DiscoveryURL: o.url,
		Issuer:       o.issuer,
		ClientID:     "doctor",
		RedirectURL:  "http://127.0.0.1/callback",
		Logger:       quiet,
	})
	if err != nil {
		return nil, err
	}
	cfg := middleware.Config{
		DiscoveryURL:      o.url,
		Issuer:            o.issuer,
		Audience:          o.audience,
		SkipAudienceCheck: len(o.audience) == 0,
		Logger:            quiet,
	}
	if len(o.tenantClaim) > 0 {
		cfg.Tenant = &middleware.TenantPolicy{Claim: o.tenantClaim}
	}
	if d.guard, err = middleware.New(cfg); err != nil {
		return nil, err
	}
	d.policies = []middleware.Policy{middleware.Scopes(o.scope...)}
	wiring := &middleware.Error{Reason: middleware.ReasonInternalError}
	// Without a token the guard looks at the policies and asks nobody.
	if _, err = d.guard.Authenticate(ctx, middleware.Credential{}, d.policies...); errors.Is(err, wiring) {
		return nil, err
	}
	return d, nil
}

// finding is one line.
type finding struct {
	severity    client.Severity // 0 = ok
	about, text string
}

// provider examines the provider; the gravest finding comes first.
func (d *doctor) provider(ctx context.Context) (findings []finding, ok bool) {
	report := d.client.Diagnose(ctx)
	d.issuer = cmp.Or(report.Issuer, d.issuer)
	clock := report.Clock != nil
	for _, f := range report.Findings {
		clock = clock && f.About != "clock"
		findings = append(findings, finding{f.Severity, f.About, f.Text})
	}
	add := func(when bool, about, format string, args ...any) {
		if when {
			findings = append(findings, finding{0, about, fmt.Sprintf(format, args...)})
		}
	}
	add(report.Issuer != "", "issuer", "%s", remote.Quote(report.Issuer))
	add(report.Keys > 0, "keys", "%d usable", report.Keys)
	add(clock, "clock", "the provider's and ours agree")
	slices.SortStableFunc(findings, func(a, b finding) int { return cmp.Compare(b.severity, a.severity) })
	return findings, report.OK()
}

// write puts each finding on a line, in columns; a name that is very long goes beyond its own.
func write(w io.Writer, title string, findings []finding) {
	const widest = 24
	width := 0
	for _, f := range findings {
		width = max(width, min(len(f.about), widest))
	}
	_, _ = fmt.Fprintln(w, title)
	for _, f := range findings {
		severity := "ok"
		if f.severity != 0 {
			severity = f.severity.String()
		}
		_, _ = fmt.Fprintf(w, "%-8s %-*s  %s\n", severity, width, f.about, f.text)
	}
}
