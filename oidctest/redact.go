package oidctest

import (
	"fmt"
	"io"
	"log/slog"
)

// What holds secrets prints as [redacted] by every verb of fmt, by log/slog and by encoding/json: also secrets made up
// for a test end up in logs that somebody searches.

const redacted = "[redacted]"

func redactedJSON() []byte { return []byte(`"` + redacted + `"`) }

func redact(f fmt.State) { _, _ = io.WriteString(f, redacted) }

// Format prints [redacted].
func (Config) Format(f fmt.State, _ rune) { redact(f) }

// LogValue is [redacted].
func (Config) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalJSON gives "[redacted]".
func (Config) MarshalJSON() ([]byte, error) { return redactedJSON(), nil }

// Format prints [redacted].
func (Client) Format(f fmt.State, _ rune) { redact(f) }

// LogValue is [redacted].
func (Client) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalJSON gives "[redacted]".
func (Client) MarshalJSON() ([]byte, error) { return redactedJSON(), nil }

// Format prints [redacted].
func (*Provider) Format(f fmt.State, _ rune) { redact(f) }

// LogValue is [redacted].
func (*Provider) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalJSON gives "[redacted]".
func (*Provider) MarshalJSON() ([]byte, error) { return redactedJSON(), nil }
