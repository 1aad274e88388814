// Package redact keeps structs that hold secrets out of logs.
package redact

import (
	"fmt"
	"io"
	"log/slog"
)

const text = "[redacted]"

// All makes the struct that embeds it print as [redacted] with every verb of
// fmt, with log/slog and with encoding/json. The fields stay readable one by
// one.
//
// It does not help a struct that sits in an unexported field of another: fmt
// reads such a field without calling its methods. Keep a secret that can end up
// there behind a closure.
//
// A type defined from such a struct (type wire Config) inherits All. To marshal
// one, write a struct that names the fields to keep.
type All struct{}

// Format prints [redacted], whatever the verb.
func (All) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, text) }

// LogValue is [redacted].
func (All) LogValue() slog.Value { return slog.StringValue(text) }

// MarshalJSON gives "[redacted]".
func (All) MarshalJSON() ([]byte, error) { return []byte(`"` + text + `"`), nil }
