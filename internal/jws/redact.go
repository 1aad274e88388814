package jws

import (
	"fmt"
	"io"
	"log/slog"
)

const redacted = "[redacted]"

// Format prints [redacted], whatever the verb: a token is a credential.
func (Token) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// LogValue is [redacted].
func (Token) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalJSON gives "[redacted]".
func (Token) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }
