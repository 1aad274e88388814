package main

import (
	"context"
	"crypto/rand"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/relyingparty/oidc/client"
	"github.com/relyingparty/oidc/examples/internal/serve"
	"github.com/relyingparty/oidc/middleware"
	"github.com/relyingparty/oidc/oidctest"
)

// stack is the four programs. They share a process here and nothing else: they talk over HTTP, as they would anywhere.
type stack struct {
	appURL, apiURL, providerURL string

	provider *oidctest.Provider
	service  *service
	failed   chan error // the first server that stops
}

// start listens, wires the four programs and returns once all of them answer.
func start(ctx context.Context, addr string, logger *slog.Logger) (*stack, error) {
	s := &stack{failed: make(chan error, 3)}
	appListener, err := listen(ctx, addr, &s.appURL)
	if err != nil {
		return nil, err
	}
	apiListener, err := listen(ctx, "127.0.0.1:0", &s.apiURL)
	if err != nil {
		return nil, err
	}
	providerListener, err := listen(ctx, "127.0.0.1:0", &s.providerURL)
	if err != nil {
		return nil, err
	}

	webSecret, serviceSecret := rand.Text(), rand.Text()
	s.provider = newProvider(s, webSecret, serviceSecret)
	api, err := newAPI(s.providerURL, s.apiURL, logger)
	if err != nil {
		return nil, err
	}
	app, err := newApp(s, webSecret, logger)
	if err != nil {
		return nil, err
	}
	s.service, err = newService(s.providerURL, serviceSecret, s.apiURL, logger)
	if err != nil {
		return nil, err
	}

	for listener, handler := range map[net.Listener]http.Handler{
		providerListener: s.provider, apiListener: api, appListener: app,
	} {
		go func() { s.failed <- serve.Listener(ctx, listener, handler, logger) }()
	}
	go s.service.run(ctx, 5*time.Second)
	return s, nil
}

func listen(ctx context.Context, addr string, url *string) (net.Listener, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", addr)
	if err == nil {
		*url = "http://" + l.Addr().String()
	}
	return l, err
}

// newProvider is the identity provider: two people in two tenants, and two clients.
func newProvider(s *stack, webSecret, serviceSecret string) *oidctest.Provider {
	return oidctest.New(oidctest.Config{
		Issuer:    s.providerURL,
		Resources: []string{s.apiURL},
		Users: []oidctest.User{
			{Subject: "ada", Name: "Ada Lovelace", Email: "ada@acme.example", Claims: map[string]any{"tenant": "acme"}},
			{Subject: "grace", Name: "Grace Hopper", Email: "grace@globex.example", Claims: map[string]any{"tenant": "globex"}},
		},
		Clients: []oidctest.Client{
			{
				ID: "web", Secret: webSecret,
				RedirectURIs:           []string{s.appURL + "/auth/callback"},
				PostLogoutRedirectURIs: []string{s.appURL + "/"},
			},
			{ID: "nightly-report", Secret: serviceSecret, Claims: map[string]any{"tenant": "acme"}},
		},
	})
}

// newAPI is the protected API. The guard knows who is asking and for which tenant; the route says what is needed.
func newAPI(issuer, self string, logger *slog.Logger) (http.Handler, error) {
	guard, err := middleware.New(middleware.Config{
		DiscoveryURL: issuer,
		Audience:     []string{self},
		Tenant:       middleware.RequireTenant("tenant"),
		Logger:       logger,
	})
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("GET /tenants/{tenant}/notes", guard.Require(
		middleware.Tenant(middleware.PathValue("tenant")),
		middleware.Scopes("notes:read"),
	)(http.HandlerFunc(notes)))
	return mux, nil
}

func notes(w http.ResponseWriter, r *http.Request) {
	principal, _ := middleware.FromContext(r.Context()) // the guard puts one there, or does not come here
	writeJSON(w, map[string]any{
		"tenant": principal.Tenant,
		"caller": principal.Subject,
		"notes":  []string{"Water the plants", "Rotate the keys"},
	})
}

// newService is the backend service: a token of its own, sent to the API and nowhere else.
func newService(issuer, secret, apiURL string, logger *slog.Logger) (*service, error) {
	rp, err := client.New(client.Config{
		DiscoveryURL: issuer,
		ClientID:     "nightly-report",
		ClientSecret: secret,
		Logger:       logger,
	})
	if err != nil {
		return nil, err
	}
	api := rp.ClientCredentials(client.TokenRequest{
		Scopes:    []string{"notes:read"},
		Resources: []string{apiURL},
	}).HTTPClient()
	return &service{url: apiURL + "/tenants/acme/notes", http: api}, nil
}
