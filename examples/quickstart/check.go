package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"time"
)

// check signs in as both people and goes through every button, over HTTP, and prints a line per step.
func (s *stack) check(ctx context.Context, out io.Writer) error {
	failed := 0
	step := func(name string, err error) {
		if err != nil {
			failed++
			fmt.Fprintf(out, "FAIL  %s: %v\n", name, err)
			return
		}
		fmt.Fprintf(out, "ok    %s\n", name)
	}

	for _, subject := range []string{"ada", "grace"} {
		b, err := newBrowser(s)
		if err != nil {
			return err
		}
		step(subject+" signs in with the provider", b.signIn(ctx, subject))
		for _, c := range s.cases() {
			step(fmt.Sprintf("%s calls the API: %s is answered %d", subject, strings.ToLower(c.Title), c.want), b.try(ctx, c))
		}
		step(subject+" signs out", b.signOut(ctx))
	}
	step("the backend service calls the API with a token of its own", s.checkService(ctx))

	if failed > 0 {
		return fmt.Errorf("%d steps failed", failed)
	}
	fmt.Fprintln(out, "every step gave the expected result")
	return nil
}

func (s *stack) checkService(ctx context.Context) error {
	call := s.service.call(ctx)
	if call.Status != http.StatusOK {
		return fmt.Errorf("answered %d: %s", call.Status, call.Note)
	}
	return nil
}

// browser is what a person would use: cookies, and redirects followed one by one.
type browser struct {
	stack *stack
	http  *http.Client
}

func newBrowser(s *stack) (*browser, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	return &browser{stack: s, http: &http.Client{
		Jar:           jar,
		Timeout:       30 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

func (b *browser) signIn(ctx context.Context, subject string) error {
	resp, err := b.do(ctx, http.MethodGet, b.stack.appURL+"/auth/login")
	if err != nil {
		return err
	}
	if resp.StatusCode/100 != 3 {
		return fmt.Errorf("/auth/login answered %s", resp.Status)
	}
	callback, err := b.stack.provider.SignIn(resp.Header.Get("Location"), subject)
	if err != nil {
		return err
	}
	resp, err = b.do(ctx, http.MethodGet, callback.String())
	if err != nil {
		return err
	}
	if resp.StatusCode/100 != 3 {
		return fmt.Errorf("the callback answered %s", resp.Status)
	}
	v, err := b.home(ctx, "")
	if err != nil {
		return err
	}
	if v.User == nil || v.User.Subject != subject {
		return errors.New("the page shows somebody else, or nobody")
	}
	return nil
}

func (b *browser) try(ctx context.Context, c tryCase) error {
	v, err := b.home(ctx, "?try="+url.QueryEscape(c.Name))
	if err != nil {
		return err
	}
	if v.Exchange == nil {
		return errors.New("no call was made")
	}
	if v.Exchange.Status != c.want {
		return fmt.Errorf("answered %d:\n%s", v.Exchange.Status, v.Exchange.Answer)
	}
	return nil
}

func (b *browser) signOut(ctx context.Context) error {
	resp, err := b.do(ctx, http.MethodPost, b.stack.appURL+"/auth/logout")
	if err != nil {
		return err
	}
	if resp.StatusCode/100 != 3 {
		return fmt.Errorf("/auth/logout answered %s", resp.Status)
	}
	v, err := b.home(ctx, "")
	if err != nil {
		return err
	}
	if v.User != nil {
		return errors.New("still signed in")
	}
	return nil
}

// home reads the page as JSON.
func (b *browser) home(ctx context.Context, query string) (v view, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, b.stack.appURL+"/"+query, nil)
	if err != nil {
		return v, err
	}
	req.Header.Set("Accept", "application/json")
	resp, err := b.http.Do(req)
	if err != nil {
		return v, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return v, fmt.Errorf("the page answered %s", resp.Status)
	}
	return v, json.NewDecoder(io.LimitReader(resp.Body, 1<<20)).Decode(&v)
}

func (b *browser) do(ctx context.Context, method, url string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, url, nil)
	if err != nil {
		return nil, err
	}
	resp, err := b.http.Do(req)
	if err != nil {
		return nil, err
	}
	return resp, resp.Body.Close()
}
