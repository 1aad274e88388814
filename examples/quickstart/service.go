package main

import (
	"context"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"
)

// service calls the API again and again and remembers the last answers.
type service struct {
	url  string
	http *http.Client

	mu    sync.Mutex
	calls []serviceCall // newest first
}

type serviceCall struct {
	Time   time.Time `json:"time"`
	Status int       `json:"status"` // 0 when no answer came
	Note   string    `json:"note"`
}

// Class is the first digit of the status, for the style sheet.
func (c serviceCall) Class() int { return c.Status / 100 }

func (s *service) run(ctx context.Context, every time.Duration) {
	for {
		call := s.call(ctx)
		if ctx.Err() != nil {
			return
		}
		s.mu.Lock()
		s.calls = append([]serviceCall{call}, s.calls[:min(len(s.calls), 2)]...)
		s.mu.Unlock()
		select {
		case <-ctx.Done():
			return
		case <-time.After(every):
		}
	}
}

func (s *service) call(ctx context.Context) serviceCall {
	call := serviceCall{Time: time.Now()}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url, nil)
	if err != nil {
		call.Note = err.Error()
		return call
	}
	resp, err := s.http.Do(req)
	if err != nil {
		call.Note = err.Error()
		return call
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if err != nil {
		call.Note = err.Error()
		return call
	}
	call.Status, call.Note = resp.StatusCode, string(body)
	return call
}

func (s *service) last() []serviceCall {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.calls)
}
