// Package discovery is provider metadata (OpenID Connect Discovery 1.0, RFC 8414): where it is, what it means, how it is checked.
package discovery

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/relyingparty/oidc"
	"github.com/relyingparty/oidc/internal/problem"
	"github.com/relyingparty/oidc/internal/remote"
)

// refreshEvery is the life of a document; a failed refresh keeps the old one.
const refreshEvery = 24 * time.Hour

// Endpoints are static endpoints, or overrides of single discovered ones.
type Endpoints struct {
	Authorization, Token, JWKS, UserInfo, Introspection, Revocation, EndSession string
}

// Config describes a provider.
type Config struct {
	DiscoveryURL string // issuer, or a full well-known URL; empty = static
	Issuer       string // expected issuer when it differs from the URL's, or for a static provider
	Endpoints    Endpoints
	AllowHTTP    bool
	HTTPClient   *http.Client
	Logger       *slog.Logger
	Observer     oidc.Observer
}

// Source gives the provider's metadata. Safe for concurrent use.
type Source struct {
	cfg        Config
	candidates []string                    // issuers the first document may name
	fixed      *document                   // static
	doc        *remote.Document[*document] // discovered; nil when static
	newer      *remote.Newer[*document]    // refetches out of turn; nil when static
	outcomes   outcomes
}

// document is metadata with the slice Issuers gives. It is immutable.
type document struct {
	Metadata
	issuers []string
}

// New checks the configuration and does no I/O; its error joins every problem, naming Config's field and the fix.
func New(cfg Config) (*Source, error) {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Source{cfg: cfg}
	var problems problem.List
	refuse := func(field string, err error) { problems.Add(field, "%s", strings.TrimPrefix(err.Error(), "remote: ")) }

	if cfg.Issuer != "" {
		if err := checkIssuer(cfg.Issuer, cfg.AllowHTTP); err != nil {
			refuse("Issuer", err)
		}
		s.candidates = []string{cfg.Issuer}
	}
	static := &document{Metadata: Metadata{Issuer: cfg.Issuer}, issuers: s.candidates}
	for _, e := range endpoints(&cfg.Endpoints, &static.Metadata) {
		if *e.fixed == "" {
			continue
		}
		if err := remote.CheckURL(*e.fixed, cfg.AllowHTTP); err != nil {
			refuse("Endpoints."+e.field, err)
		}
		*e.published = *e.fixed
	}
	if cfg.DiscoveryURL == "" {
		if cfg.Endpoints == (Endpoints{}) {
			refuse("DiscoveryURL", errors.New("set it to the provider's issuer or discovery URL, or set Endpoints for a provider without discovery"))
		}
		s.fixed = static
		return checked(s, problems.Err())
	}
	fetch, issuers, err := URLs(cfg.DiscoveryURL)
	if err == nil {
		err = remote.CheckURL(cfg.DiscoveryURL, cfg.AllowHTTP)
	}
	if err != nil {
		refuse("DiscoveryURL", err)
	}
	if s.candidates == nil {
		s.candidates = issuers
	}
	s.doc = remote.New(remote.Config[*document]{
		Name:   oidc.OperationDiscovery,
		URL:    func(context.Context) (string, error) { return fetch, nil },
		Parse:  s.parse,
		MinTTL: refreshEvery, MaxTTL: refreshEvery, DefaultTTL: refreshEvery,
		AllowHTTP: cfg.AllowHTTP, HTTPClient: cfg.HTTPClient, Logger: cfg.Logger, Observer: cfg.Observer,
	})
	s.newer = remote.NewNewer(s.doc)
	return checked(s, problems.Err())
}

func checked(s *Source, err error) (*Source, error) {
	if err != nil {
		return nil, err
	}
	return s, nil
}

// Metadata returns the current metadata, overrides applied; static sources never fail. It must not be modified.
// Errors are *remote.Error; an *IssuerMismatchError may be inside.
func (s *Source) Metadata(ctx context.Context) (*Metadata, error) {
	if s.fixed != nil {
		return &s.fixed.Metadata, nil
	}
	doc, err := s.doc.Get(ctx)
	if err != nil {
		return nil, err
	}
	return &doc.Metadata, nil
}

// Static reports whether nothing is discovered.
func (s *Source) Static() bool { return s.fixed != nil }

// Issuers returns the issuers a token may name: the document's once it is known; before, Config.Issuer, else the
// discovery URL's base with and without a trailing slash. No I/O. It must not be modified.
func (s *Source) Issuers() []string {
	if s.fixed != nil {
		return s.fixed.issuers
	}
	if doc, ok := s.doc.Peek(); ok {
		return doc.issuers
	}
	return s.candidates
}

// parse reads a fetched document, checks its issuer against what is expected or already known, and applies overrides.
func (s *Source) parse(from string, body []byte) (*document, error) {
	m, err := parseMetadata(from, body, s.cfg.Endpoints, s.cfg.AllowHTTP)
	if err != nil {
		return nil, err
	}
	if known, ok := s.doc.Peek(); ok && known.Issuer != m.Issuer {
		return nil, fmt.Errorf("the document has changed its issuer: %w", &IssuerMismatchError{Want: known.Issuer, Got: m.Issuer})
	}
	if !slices.Contains(s.candidates, m.Issuer) {
		return nil, &IssuerMismatchError{Want: s.candidates[0], Got: m.Issuer}
	}
	if err := checkIssuer(m.Issuer, s.cfg.AllowHTTP); err != nil {
		return nil, fmt.Errorf("issuer: %w", err)
	}
	if len(m.Problems) > 0 {
		s.cfg.Logger.Warn("members of the discovery document were left out", "issuer", remote.Quote(m.Issuer), "problems", m.Problems)
	}
	return &document{Metadata: *m, issuers: []string{m.Issuer}}, nil
}

// checkIssuer holds an issuer identifier to OpenID Connect Discovery section 3: a URL without query and fragment.
func checkIssuer(issuer string, allowHTTP bool) error {
	if err := remote.CheckURL(issuer, allowHTTP); err != nil {
		return err
	}
	if strings.Contains(issuer, "?") {
		return fmt.Errorf("%s has a query string, which an issuer cannot have: remove the ? and what follows", remote.Quote(issuer))
	}
	return nil
}

// IssuerMismatchError says that the document names another issuer; its text names the field to set.
type IssuerMismatchError struct{ Want, Got string }

func (e *IssuerMismatchError) Error() string {
	return fmt.Sprintf("the document names the issuer %s, expected %s: if that is the provider you mean, set Config.Issuer to %[1]s",
		remote.Quote(e.Got), remote.Quote(e.Want))
}
