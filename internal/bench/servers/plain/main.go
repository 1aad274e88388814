// Command plain is the API without protection: it answers everybody as it would answer the holder of a token with the
// claims in BENCH_CLAIMS.
package main

import (
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"strings"

	"github.com/relyingparty/oidc/internal/bench/servers/whoami"
)

func main() {
	claims := []byte(os.Getenv("BENCH_CLAIMS"))
	var who whoami.Identity
	var more struct {
		Scope string `json:"scope"`
	}
	if err := errors.Join(json.Unmarshal(claims, &who), json.Unmarshal(claims, &more)); err != nil {
		whoami.Fail(err)
	}
	who.Scopes, who.Method, who.Claims = strings.Fields(more.Scope), "jwt", claims
	whoami.Run(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { whoami.Answer(w, who) }))
}
