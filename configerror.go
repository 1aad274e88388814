package oidc

// ConfigError is one mistake in a configuration. The constructors of this module
// join all that they find (errors.Join), so that one start of a program shows
// every mistake:
//
//	if joined, ok := err.(interface{ Unwrap() []error }); ok {
//		for _, err := range joined.Unwrap() {
//			if wrong, ok := errors.AsType[*oidc.ConfigError](err); ok {
//				log.Printf("%s: %s", wrong.Field, wrong.Problem)
//			}
//		}
//	}
type ConfigError struct {
	// Package is the package whose configuration is wrong, such as "client" or
	// "middleware".
	Package string
	// Field is the field of that package's Config to change, such as
	// "DiscoveryURL" or "Issuers[1].Audience". If empty, the mistake belongs to no
	// single field.
	Field string
	// Problem says what is wrong and what to do about it. It never holds a secret.
	Problem string
}

// Error names package, field and problem.
func (e *ConfigError) Error() string {
	text := e.Problem
	if e.Field != "" {
		text = "Config." + e.Field + ": " + text
	}
	if e.Package != "" {
		text = e.Package + ": " + text
	}
	return text
}
