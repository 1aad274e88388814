package keyset

import (
	"context"
	"time"

	"github.com/relyingparty/oidc/internal/jws"
)

// Begin is a Verify that has read the keys held now and stops there; what it returns goes on.
func (s *Source) Begin(t *jws.Token) func(context.Context) (Thumbprint, error) {
	keys, _ := s.doc.Held(time.Now())
	return func(ctx context.Context) (Thumbprint, error) { return s.judge(ctx, keys, t) }
}
