package remote

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/relyingparty/oidc"
)

// Observer returns o for code whose work a panic of o must not undo: the panic
// is logged and goes no further. If o is nil, so is the result.
func Observer(o oidc.Observer, log *slog.Logger) oidc.Observer {
	if o == nil {
		return nil
	}
	return func(ctx context.Context, e oidc.Event) {
		defer func() {
			if p := recover(); p != nil { // its value may hold anything, so only its type is logged
				log.ErrorContext(ctx, "the observer panicked", "panic", fmt.Sprintf("%T", p))
			}
		}()
		o(ctx, e)
	}
}

// outcome says how a fetch ended.
func (e *Error) outcome() oidc.Outcome {
	switch {
	case e == nil:
		return oidc.OutcomeOK
	case e.Kind == Unreachable, e.Kind == Status && (e.Status >= 500 || e.Status == 429):
		return oidc.OutcomeUnreachable
	case e.Kind == Status:
		return oidc.OutcomeRefused
	case e.Kind == Misconfigured:
		return oidc.OutcomeConfig
	}
	return oidc.OutcomeProtocol
}
