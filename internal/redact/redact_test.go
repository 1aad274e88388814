package redact_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"testing"

	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/internal/redact"
)

type secret struct {
	redact.All
	Text   string `json:"text"`
	hidden string
}

func TestAll(t *testing.T) {
	t.Parallel()
	const canary = "canary-41c7"
	v := secret{Text: canary, hidden: canary}
	for name, v := range map[string]any{
		"value": v, "pointer": &v, "slice": []secret{v}, "map": map[string]*secret{"k": &v}, "field": struct{ S secret }{v},
	} {
		var out bytes.Buffer
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d", "%t"} {
			fmt.Fprintf(&out, verb+"\n", v)
		}
		for _, h := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
			slog.New(h).Info("x", "v", v, slog.Group("g", "v", v))
		}
		raw, err := json.Marshal(v)
		check.NoError(t, err)
		out.Write(raw)
		check.Lacks(t, out.String(), canary, fmt.Sprintf("%x", canary))
		check.Contains(t, out.String(), "[redacted]")
		check.Contains(t, string(raw), "[redacted]")
		_ = name
	}
	check.Equal(t, v.Text, canary, "the field")
	check.Equal(t, v.hidden, canary, "the unexported field")
}
