package middleware

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"time"
)

const metadataPath = "/.well-known/oauth-protected-resource"

// metadataURL returns the URL of a resource's metadata (RFC 9728 section 3.1).
func metadataURL(resource string) string {
	if resource == "" {
		return ""
	}
	scheme, rest, _ := strings.Cut(resource, "://")
	host, path := rest, ""
	if i := strings.IndexAny(rest, "/?"); i >= 0 {
		host, path = rest[:i], rest[i:]
	}
	if path == "/" || strings.HasPrefix(path, "/?") {
		path = path[1:]
	}
	return scheme + "://" + host + metadataPath + path
}

// ResourceMetadata returns a handler for the protected resource metadata of
// Config.ResourceURL (RFC 9728). Without ResourceURL it responds with a 404.
// The metadata is public, so mount the handler outside the guard, at
// /.well-known/oauth-protected-resource followed by the path of ResourceURL.
func (g *Guard) ResourceMetadata() http.Handler {
	return http.HandlerFunc(g.serveMetadata)
}

type resourceMetadata struct {
	Resource             string   `json:"resource"`
	AuthorizationServers []string `json:"authorization_servers,omitempty"`
	BearerMethods        []string `json:"bearer_methods_supported"`
}

func (g *Guard) serveMetadata(w http.ResponseWriter, r *http.Request) {
	if g.cfg.ResourceURL == "" {
		http.NotFound(w, r)
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, http.StatusText(http.StatusMethodNotAllowed), http.StatusMethodNotAllowed)
		return
	}
	issuers, certain := g.issuers(r.Context())
	body, _ := json.Marshal(resourceMetadata{
		Resource:             g.cfg.ResourceURL,
		AuthorizationServers: issuers,
		BearerMethods:        []string{"header"},
	})
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "public, max-age=300")
	if !certain {
		w.Header().Set("Cache-Control", "no-store")
	}
	if r.Method != http.MethodHead {
		_, _ = w.Write(body) // an error means that the caller has gone
	}
}

// metadataWait bounds a request for metadata, however many issuers must be
// discovered, because anybody can send one.
const metadataWait = time.Second

// issuers returns the issuers whose tokens are accepted, and for a template
// those of the listed tenants. certain is false if an issuer is not discovered
// yet, because its spelling may still change.
func (g *Guard) issuers(ctx context.Context) (list []string, certain bool) {
	ctx, cancel := context.WithTimeout(ctx, metadataWait)
	defer cancel()
	spellings := make([][]string, len(g.sources))
	var wg sync.WaitGroup
	for i, src := range g.sources {
		wg.Go(func() { spellings[i] = src.spellings(ctx) })
	}
	wg.Wait()
	certain = true
	for _, names := range spellings {
		list = append(list, names[:min(len(names), 1)]...)
		certain = certain && len(names) <= 1
	}
	for _, t := range g.templates {
		for _, tenant := range t.listed {
			list = append(list, t.issuer(tenant))
		}
	}
	if list == nil && g.cfg.Issuer != "" && !isTemplate(IssuerConfig{Issuer: g.cfg.Issuer}) {
		list = []string{g.cfg.Issuer}
	}
	return list, certain
}
