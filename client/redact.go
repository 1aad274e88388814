package client

import (
	"fmt"
	"io"
	"log/slog"
)

// The types of this package that hold secrets print as [redacted] by every verb of fmt, by log/slog and by
// encoding/json. Their fields are there for those who need them.

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
func (*Client) Format(f fmt.State, _ rune) { redact(f) }

// LogValue is [redacted].
func (*Client) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalJSON gives "[redacted]".
func (*Client) MarshalJSON() ([]byte, error) { return redactedJSON(), nil }

// Format prints [redacted].
func (Authorization) Format(f fmt.State, _ rune) { redact(f) }

// LogValue is [redacted].
func (Authorization) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalJSON gives "[redacted]".
func (Authorization) MarshalJSON() ([]byte, error) { return redactedJSON(), nil }

// Format prints [redacted].
func (Transaction) Format(f fmt.State, _ rune) { redact(f) }

// LogValue is [redacted].
func (Transaction) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalJSON gives "[redacted]": use Seal.
func (Transaction) MarshalJSON() ([]byte, error) { return redactedJSON(), nil }

// Format prints [redacted].
func (Tokens) Format(f fmt.State, _ rune) { redact(f) }

// LogValue is [redacted].
func (Tokens) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalJSON gives "[redacted]": whoever stores tokens names the fields, and encrypts them.
func (Tokens) MarshalJSON() ([]byte, error) { return redactedJSON(), nil }

// Format prints [redacted].
func (TokenRequest) Format(f fmt.State, _ rune) { redact(f) }

// LogValue is [redacted].
func (TokenRequest) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalJSON gives "[redacted]".
func (TokenRequest) MarshalJSON() ([]byte, error) { return redactedJSON(), nil }

// Format prints [redacted].
func (EndSessionRequest) Format(f fmt.State, _ rune) { redact(f) }

// LogValue is [redacted].
func (EndSessionRequest) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalJSON gives "[redacted]".
func (EndSessionRequest) MarshalJSON() ([]byte, error) { return redactedJSON(), nil }

// Format prints [redacted].
func (*TokenSource) Format(f fmt.State, _ rune) { redact(f) }

// LogValue is [redacted].
func (*TokenSource) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalJSON gives "[redacted]".
func (*TokenSource) MarshalJSON() ([]byte, error) { return redactedJSON(), nil }
