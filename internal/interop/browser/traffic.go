package browser

import (
	"fmt"
	"strings"
	"sync"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
)

// Traffic is what a tab asked the network for and what the browser had to complain about.
type Traffic struct {
	mu         sync.Mutex
	requests   []Request
	urls       map[network.RequestID]string // the newest of each request and its redirects
	complaints []Complaint
}

// Request is one that left the browser; a redirect leads to another one.
type Request struct{ Method, URL string }

// Complaint is an error on the console, a request that failed or a cookie that the browser refused.
type Complaint struct{ URL, Text string }

// Requests gives all so far whose URL starts with prefix.
func (tr *Traffic) Requests(prefix string) (found []Request) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	for _, r := range tr.requests {
		if strings.HasPrefix(r.URL, prefix) {
			found = append(found, r)
		}
	}
	return found
}

// Complaints gives all so far about a URL that starts with prefix.
func (tr *Traffic) Complaints(prefix string) (found []Complaint) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	for _, c := range tr.complaints {
		if strings.HasPrefix(c.URL, prefix) {
			found = append(found, c)
		}
	}
	return found
}

// note takes an event of the browser.
func (tr *Traffic) note(event any) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		tr.requests = append(tr.requests, Request{e.Request.Method, e.Request.URL})
		tr.urls[e.RequestID] = e.Request.URL
	case *network.EventLoadingFailed:
		tr.complain(tr.urls[e.RequestID], "the request failed: %s %s", e.ErrorText, e.BlockedReason)
	case *network.EventResponseReceivedExtraInfo:
		for _, c := range e.BlockedCookies {
			name, _, _ := strings.Cut(c.CookieLine, "=")
			tr.complain(tr.urls[e.RequestID], "cookie %s is refused: %v", name, c.BlockedReasons)
		}
	case *log.EventEntryAdded:
		if e.Entry.Level == log.LevelError || e.Entry.Level == log.LevelWarning {
			tr.complain(e.Entry.URL, "%s: %s", e.Entry.Level, e.Entry.Text)
		}
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.APITypeError || e.Type == runtime.APITypeWarning {
			tr.complain("", "a script says: %s", e.Type)
		}
	case *runtime.EventExceptionThrown:
		tr.complain(e.ExceptionDetails.URL, "a script fails: %s", e.ExceptionDetails.Text)
	}
}

func (tr *Traffic) complain(url, format string, args ...any) {
	tr.complaints = append(tr.complaints, Complaint{url, fmt.Sprintf(format, args...)})
}

// tail is the end of both, for a person who reads a failure.
func (tr *Traffic) tail() string {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	var b strings.Builder
	for _, r := range tr.requests[max(0, len(tr.requests)-10):] {
		fmt.Fprintln(&b, r.Method, withoutQuery(r.URL))
	}
	for _, c := range tr.complaints[max(0, len(tr.complaints)-10):] {
		fmt.Fprintln(&b, withoutQuery(c.URL), c.Text)
	}
	return b.String()
}

// withoutQuery is what may be shown of an address: a callback's query holds the code.
func withoutQuery(address string) string {
	address, _, _ = strings.Cut(address, "?")
	return address
}
