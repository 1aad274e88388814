package interop

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/relyingparty/oidc/internal/check"
)

// RenewAtOnce signs who in at a served App and renews that session in many requests at the same time. Where a refresh
// token used twice ends the chain, one request too many would end the session.
func (a *App) RenewAtOnce(t *testing.T, who *Person) string {
	t.Helper()
	check.Equal(t, who.Visit(t, a.Base+"/orders", "").Status, http.StatusOK, "signed in")
	const rounds, requests = 3, 8
	for range rounds {
		start, statuses := make(chan struct{}), make(chan int, requests)
		for range requests {
			req := scripted(t, a.Base+"/orders?renew")
			go func() { // ends with its request
				<-start
				resp, err := who.http.Do(req)
				if err != nil {
					statuses <- 0
					return
				}
				_ = resp.Body.Close() // only its status counts
				statuses <- resp.StatusCode
			}()
		}
		close(start)
		for range requests {
			check.Equal(t, <-statuses, http.StatusOK, "status")
		}
	}
	page := who.Visit(t, a.Base+"/orders?renew", "")
	check.Equal(t, page.Status, http.StatusOK, "afterwards")
	check.Equal(t, len(page.Forms), 0, "pages of the provider afterwards")
	return fmt.Sprintf("%d times %d requests renew the rotating token at once: 200 each time, the session lives on", rounds, requests)
}
