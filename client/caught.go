package client

import (
	"context"
	"fmt"
)

// caught, deferred, makes an error of a panic in what we were given (Store, HTTPClient, Config.Auth) where nobody above
// could: in goroutines of ours it would end the process. Its value may hold anything: only its type is told.
func (c *Client) caught(ctx context.Context, err *error) {
	if p := recover(); p != nil {
		failed := configError("token", "", "getting a token ended in a panic of type %T", p)
		c.log.ErrorContext(ctx, "getting a token panicked", "panic", fmt.Sprintf("%T", p))
		*err = failed
	}
}
