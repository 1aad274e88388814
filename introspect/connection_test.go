package introspect_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/introspect"
)

type connection struct{}

// A provider may close an idle connection in the moment of its use. An
// introspection may be repeated, so no caller gets an error.
func TestKeptConnectionThatIsClosed(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	var server *httptest.Server
	server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Context().Value(connection{}).(*atomic.Int64).Add(1) > 1 {
			panic(http.ErrAbortHandler)
		}
		w.Header().Set("Content-Type", "application/json")
		if r.Method == http.MethodGet {
			_, _ = fmt.Fprintf(w, `{"issuer":%q,"authorization_endpoint":%[1]q,"token_endpoint":%[1]q,"jwks_uri":%[1]q,"introspection_endpoint":%[1]q}`, server.URL)
			return
		}
		asked.Add(1)
		_, _ = io.WriteString(w, `{"active":true,"sub":"alice"}`)
	}))
	server.Config.ConnContext = func(ctx context.Context, _ net.Conn) context.Context {
		return context.WithValue(ctx, connection{}, new(atomic.Int64))
	}
	server.Start()
	t.Cleanup(server.Close)
	c, err := introspect.New(introspect.Config{DiscoveryURL: server.URL, ClientID: "api", ClientSecret: "s3cret", HTTPClient: server.Client()})
	check.NoError(t, err)
	for i := range 5 {
		got, err := c.Introspect(t.Context(), fmt.Sprintf("token-%d", i))
		check.NoError(t, err)
		check.Equal(t, got.Subject, "alice", "subject")
	}
	check.Equal(t, asked.Load(), 5, "answers")
}
