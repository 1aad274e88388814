package jws_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"testing"

	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/internal/jws"
)

func TestTokenDoesNotPrint(t *testing.T) {
	t.Parallel()
	token := parse(t, compact(`{"alg":"RS256","kid":"key-1"}`, `{"sub":"someone"}`, "signature"), jws.Options{})
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		check.Equal(t, fmt.Sprintf(verb, token)+fmt.Sprintf(verb, *token), "[redacted][redacted]", verb)
	}
	var b bytes.Buffer
	slog.New(slog.NewJSONHandler(&b, nil)).Info("x", "token", token, "value", *token, "in", struct{ T *jws.Token }{token})
	slog.New(slog.NewTextHandler(&b, nil)).Info("x", "token", token, "value", *token, "in", struct{ T *jws.Token }{token})
	marshalled, err := json.Marshal([]any{token, *token})
	check.NoError(t, err)
	b.Write(marshalled)
	check.Contains(t, b.String(), "[redacted]")
	check.Lacks(t, b.String(), "someone", "key-1", b64(`{"sub":"someone"}`), b64("signature"))
}
