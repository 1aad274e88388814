package introspect_test

import (
	"context"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/relyingparty/oidc/internal/cache"
	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/internal/claims"
	"github.com/relyingparty/oidc/introspect"
)

// TestReader: the call that fetches an answer reads it, once. The result leaves
// the cache with the answer.
func TestReader(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p := newProvider()
		var read []string // subjects
		r, err := introspect.NewReader(introspect.Config{
			DiscoveryURL: issuer, ClientID: "api", ClientSecret: "s", HTTPClient: &http.Client{Transport: p},
		}, func(answer *claims.Set, issuer string, _ time.Time) string {
			subject, _, _ := answer.String("sub")
			read = append(read, subject)
			if subject == "panics" {
				panic("CANARY")
			}
			return subject + " of " + issuer
		})
		check.NoError(t, err)
		key := cache.Digest("tok")
		kept := func(want string) {
			t.Helper()
			got := r.Kept(key, time.Now())
			check.Equal(t, got != nil, want != "", "something is kept")
			if got != nil {
				check.Equal(t, *got, want, "what is kept")
			}
		}
		asked := func(opts ...introspect.Option) (string, error) {
			got, err := r.Ask(context.Background(), key, "tok", opts...)
			if err != nil {
				check.True(t, got == nil, "something beside the error")
				return "", err
			}
			return *got, nil
		}
		kept("")
		p.always(200, active(map[string]string{"iss": ""}))
		p.set(func(p *provider) { p.latency = time.Second })
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() {
				got, err := asked()
				check.NoError(t, err)
				check.Equal(t, got, "alice of "+issuer, "what was made")
			})
		}
		wg.Wait()
		kept("alice of " + issuer)
		check.DeepEqual(t, read, []string{"alice"}, "answers read")

		p.always(200, active(map[string]string{"sub": `"bob"`}))
		got, err := asked(introspect.MaxAge(0))
		check.NoError(t, err)
		check.Equal(t, got, "bob of "+issuer, "what was made")
		kept("bob of " + issuer)
		_, err = asked(introspect.Audience("other"))
		_ = reason(t, err, introspect.AudienceMismatch)
		kept("bob of " + issuer)

		p.always(200, active(map[string]string{"sub": `"panics"`}))
		_, err = asked(introspect.MaxAge(0))
		_ = reason(t, err, introspect.Unavailable)
		kept("bob of " + issuer) // a failure is no news about the token

		p.always(200, active(map[string]string{"iss": `"https://evil.example.test"`}))
		_, err = asked(introspect.MaxAge(0))
		_ = reason(t, err, introspect.IssuerUntrusted)
		kept("")

		for _, end := range []func(){
			func() { r.Invalidate("tok") },
			r.Purge,
			func() { time.Sleep(30 * time.Second) },
			func() { p.always(200, `{"active":false}`); _, _ = asked(introspect.MaxAge(0)) },
		} {
			p.always(200, active(nil))
			_, err = asked(introspect.MaxAge(0))
			check.NoError(t, err)
			kept("alice of " + issuer)
			end()
			kept("")
		}
		_, err = introspect.NewReader(introspect.Config{}, func(*claims.Set, string, time.Time) int { return 0 })
		check.True(t, err != nil, "a bad configuration is accepted")
	})
}
