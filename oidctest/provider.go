package oidctest

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/relyingparty/oidc/internal/redact"
)

// Provider is an in-memory OpenID provider. It is an http.Handler with a
// sign-in page. With HTTPClient or Transport, it works without a port. It is
// safe for concurrent use.
type Provider struct {
	redact.All

	*state
}

// state is behind a pointer. Otherwise fmt would print secrets and tokens when
// it prints a value that contains a Provider in an unexported field.
type state struct {
	cfg    Config
	base   *url.URL          // the issuer without trailing slash
	paths  map[string]string // paths by endpoint
	routes map[string]string // endpoints by path
	keys   *keyring

	mu         sync.Mutex // guards the fields below
	clients    map[string]*Client
	clientIDs  []string // in the order of registration
	users      []User
	sessions   map[string]*session
	pages      map[string]*interaction
	codes      map[string]*code
	access     map[string]*accessToken
	refresh    map[string]*refreshToken
	assertions map[string]time.Time
	sweepAt    int // number of records at which the next sweep runs

	faults faults
}

// New returns a provider. It panics if the configuration is wrong, because it
// is for tests and development.
func New(cfg Config) *Provider {
	p, err := build(cfg)
	if err != nil {
		panic("oidctest: " + err.Error())
	}
	return p
}

func build(cfg Config) (*Provider, error) {
	setDefaults(&cfg)
	base, err := url.Parse(strings.TrimSuffix(cfg.Issuer, "/"))
	if err != nil || (base.Scheme != "https" && base.Scheme != "http") || base.Host == "" || base.RawQuery != "" || base.Fragment != "" {
		return nil, fmt.Errorf("Config.Issuer %q must be an http or https URL without query and fragment", cfg.Issuer)
	}
	keys, err := newKeyring(cfg)
	if err != nil {
		return nil, err
	}
	p := &Provider{state: &state{
		cfg: cfg, base: base, keys: keys,
		paths: map[string]string{}, routes: map[string]string{},
		clients: map[string]*Client{}, sessions: map[string]*session{}, pages: map[string]*interaction{},
		codes: map[string]*code{}, access: map[string]*accessToken{}, refresh: map[string]*refreshToken{}, assertions: map[string]time.Time{},
	}}
	p.route()
	var errs []error
	for _, c := range cfg.Clients {
		errs = append(errs, p.addClient(c))
	}
	for _, u := range cfg.Users {
		errs = append(errs, p.addUser(u))
	}
	return p, errors.Join(errs...)
}

// Issuer returns the issuer exactly as tokens contain it.
func (p *Provider) Issuer() string { return p.cfg.Issuer }

// URL returns the URL of an endpoint. The names are those of
// [Provider.Requests]. It is empty if this provider has no such endpoint.
func (p *Provider) URL(endpoint string) string {
	path, ok := p.paths[endpoint]
	if !ok {
		return ""
	}
	return p.base.Scheme + "://" + p.base.Host + path
}

// AddClient registers a client, or replaces the client with the same ID. It
// panics if the client is invalid.
func (p *Provider) AddClient(c Client) {
	if err := p.addClient(c); err != nil {
		panic("oidctest: " + err.Error())
	}
}

func (p *Provider) addClient(c Client) error {
	if err := c.check(); err != nil {
		return fmt.Errorf("client %q: %w", c.ID, err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.clients[c.ID] == nil {
		p.clientIDs = append(p.clientIDs, c.ID)
	}
	p.clients[c.ID] = &c
	return nil
}

// AddUser adds a user, or replaces the user with the same subject. It panics if
// Subject is empty.
func (p *Provider) AddUser(u User) {
	if err := p.addUser(u); err != nil {
		panic("oidctest: " + err.Error())
	}
}

func (p *Provider) addUser(u User) error {
	if u.Subject == "" {
		return errors.New("set User.Subject")
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if i := slices.IndexFunc(p.users, func(o User) bool { return o.Subject == u.Subject }); i >= 0 {
		p.users[i] = u
		return nil
	}
	p.users = append(p.users, u)
	return nil
}

// RevokeSubject ends all sessions and revokes all tokens of a subject. It
// notifies the clients that have a BackChannelLogoutURI.
func (p *Provider) RevokeSubject(subject string) {
	p.mu.Lock()
	var ended []*session
	for id, s := range p.sessions {
		if s.subject == subject {
			delete(p.sessions, id)
			ended = append(ended, s)
		}
	}
	for _, t := range p.access {
		t.revoked = t.revoked || t.claims["sub"] == subject
	}
	for _, t := range p.refresh {
		if t.grant.subject == subject {
			t.grant.revoked = true
		}
	}
	for _, c := range p.codes {
		if c.grant.subject == subject {
			c.grant.revoked = true
		}
	}
	p.mu.Unlock()
	p.announce(context.Background(), ended)
}

func (p *Provider) client(id string) *Client {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.clients[id]
}

func (p *Provider) user(subject string) *User {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.lookUp(subject)
}

// lookUp is user for callers that hold p.mu.
func (p *Provider) lookUp(subject string) *User {
	for _, u := range p.users {
		if u.Subject == subject {
			return &u
		}
	}
	return nil
}
