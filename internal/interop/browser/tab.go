package browser

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
)

// Tab is what a person works in. Each verb waits at most 20 s; then the test fails with what the tab shows.
// Selectors are CSS.
type Tab struct {
	Traffic

	t       testing.TB
	browser *Browser
	person  cdp.BrowserContextID
	ctx     context.Context //nolint:containedctx // chromedp keeps the tab in it
}

// Tab opens the first tab of one more person: with no cookies and no history.
func (b *Browser) Tab(t testing.TB) *Tab {
	t.Helper()
	var person cdp.BrowserContextID
	b.run(t, func(ctx context.Context) (err error) {
		person, err = target.CreateBrowserContext().WithDisposeOnDetach(true).Do(ctx)
		return err
	})
	return b.open(t, person)
}

// Another opens another tab for the same person.
func (tab *Tab) Another() *Tab {
	tab.t.Helper()
	return tab.browser.open(tab.t, tab.person)
}

// open gives each tab a window of its own: without one, Chromium opens none for a new person.
func (b *Browser) open(t testing.TB, person cdp.BrowserContextID) *Tab {
	t.Helper()
	var id target.ID
	b.run(t, func(ctx context.Context) (err error) {
		id, err = target.CreateTarget("about:blank").WithBrowserContextID(person).WithNewWindow(true).Do(ctx)
		return err
	})
	ctx, closeTab := chromedp.NewContext(b.ctx, chromedp.WithTargetID(id))
	t.Cleanup(closeTab)
	tab := &Tab{Traffic: Traffic{urls: map[network.RequestID]string{}}, t: t, browser: b, person: person, ctx: ctx}
	chromedp.ListenTarget(ctx, tab.note)
	connect(ctx, t, closeTab, network.Enable(), log.Enable())
	return tab
}

// Go opens an address typed by the person.
func (tab *Tab) Go(address string) {
	tab.t.Helper()
	tab.leave("going to "+address, chromedp.ActionFunc(func(ctx context.Context) error {
		_, _, problem, _, err := page.Navigate(address).Do(ctx)
		if problem != "" {
			return fmt.Errorf("the browser says %s", problem)
		}
		return err
	}))
}

// Reload shows the page anew.
func (tab *Tab) Reload() {
	tab.t.Helper()
	tab.leave("reloading", page.Reload())
}

// Back presses the back button.
func (tab *Tab) Back() {
	tab.t.Helper()
	tab.leave("going back", chromedp.ActionFunc(func(ctx context.Context) error {
		current, entries, err := page.GetNavigationHistory().Do(ctx)
		switch {
		case err != nil:
			return err
		case current == 0:
			return errors.New("there is no page before")
		}
		return page.NavigateToHistoryEntry(entries[current-1].ID).Do(ctx)
	}))
}

// Click presses a link or a button and waits for the page it leads to.
func (tab *Tab) Click(selector string) {
	tab.t.Helper()
	tab.run("clicking "+selector, clicking(selector))
}

// WaitURL waits until the page's address starts with prefix.
func (tab *Tab) WaitURL(prefix string) {
	tab.t.Helper()
	tab.Await("coming to "+prefix, "location.href.startsWith("+strconv.Quote(prefix)+")")
}

// Await waits until a condition in JavaScript holds in the finished page.
func (tab *Tab) Await(what, condition string) {
	tab.t.Helper()
	tab.run(what, until(condition))
}

// Eval gives the value of an expression in JavaScript.
func Eval[T any](tab *Tab, expression string) (value T) {
	tab.t.Helper()
	tab.run("asking for "+expression, again(func(ctx context.Context) error {
		return chromedp.Evaluate(expression, &value).Do(ctx)
	}))
	return value
}

// URL is the page's address.
func (tab *Tab) URL() *url.URL {
	tab.t.Helper()
	u, err := url.Parse(Eval[string](tab, "location.href"))
	if err != nil {
		tab.t.Fatal(err)
	}
	return u
}

// Status is the HTTP status of the page.
func (tab *Tab) Status() int {
	tab.t.Helper()
	return Eval[int](tab, "performance.getEntriesByType('navigation')[0].responseStatus")
}

// Has tells whether the page has such an element.
func (tab *Tab) Has(selector string) bool {
	tab.t.Helper()
	return Eval[bool](tab, present(selector))
}

// Text is what the element shows.
func (tab *Tab) Text(selector string) string {
	tab.t.Helper()
	return Eval[string](tab, "document.querySelector("+strconv.Quote(selector)+").innerText")
}

// Prefer emulates a color scheme, light or dark, and the width of the window.
func (tab *Tab) Prefer(scheme string, width int64) {
	tab.t.Helper()
	tab.run("preferring "+scheme,
		emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}),
		chromedp.EmulateViewport(width, 800))
}

// Screenshot saves the whole page as NAME.png among the test's artifacts.
func (tab *Tab) Screenshot(name string) {
	tab.t.Helper()
	var png []byte
	tab.run("taking a screenshot", page.BringToFront(), chromedp.FullScreenshot(&png, 100))
	if err := os.WriteFile(filepath.Join(tab.t.ArtifactDir(), name+".png"), png, 0o600); err != nil {
		tab.t.Fatal(err)
	}
}

// attempt does what may come to nothing because the page goes on by itself meanwhile.
func (tab *Tab) attempt(actions ...chromedp.Action) error {
	ctx, cancel := context.WithTimeout(tab.ctx, 3*time.Second)
	defer cancel()
	return chromedp.Run(ctx, append([]chromedp.Action{page.BringToFront()}, actions...)...)
}

// leave does what ends this page, and waits for the next one.
func (tab *Tab) leave(what string, action chromedp.Action) {
	tab.t.Helper()
	tab.run(what, leaving(action))
}

// run does the actions in the tab that the person looks at.
func (tab *Tab) run(what string, actions ...chromedp.Action) {
	tab.t.Helper()
	ctx, cancel := context.WithTimeout(tab.ctx, patience)
	defer cancel()
	if err := chromedp.Run(ctx, append([]chromedp.Action{page.BringToFront()}, actions...)...); err != nil {
		tab.t.Fatalf("%s: %v\n%s", what, err, tab.state())
	}
}

// leaving marks the page, so that the next one, which may come out of the browser's memory, is told from it.
func leaving(action chromedp.Action) chromedp.Action {
	mark := strconv.Quote(rand.Text())
	return chromedp.Tasks{chromedp.Evaluate("window.left = "+mark, nil), action, until("window.left !== " + mark)}
}

// typing replaces what a field holds.
func typing(selector, text string) chromedp.Action {
	return chromedp.Tasks{
		chromedp.Clear(selector, chromedp.ByQuery, chromedp.NodeVisible),
		chromedp.SendKeys(selector, text, chromedp.ByQuery, chromedp.NodeVisible),
	}
}

func clicking(selector string) chromedp.Action {
	return leaving(chromedp.Click(selector, chromedp.ByQuery, chromedp.NodeVisible))
}

// until waits for a finished page of which the condition in JavaScript holds.
func until(condition string) chromedp.Action {
	return again(func(ctx context.Context) error {
		var ok bool
		if err := chromedp.Evaluate("document.readyState === 'complete' && Boolean("+condition+")", &ok).Do(ctx); err != nil || ok {
			return err
		}
		return fmt.Errorf("not so: %s", condition)
	})
}

// again asks until there is no error: between two pages there is nobody to answer.
func again(ask func(ctx context.Context) error) chromedp.Action {
	return chromedp.ActionFunc(func(ctx context.Context) error {
		for {
			err := ask(ctx)
			if err == nil {
				return nil
			}
			select {
			case <-ctx.Done():
				return err
			case <-time.After(20 * time.Millisecond):
			}
		}
	})
}

// state is what the tab shows, for a person who reads the failure.
func (tab *Tab) state() string {
	ctx, cancel := context.WithTimeout(tab.ctx, 5*time.Second)
	defer cancel()
	var address, title, text string
	var png []byte
	if err := chromedp.Run(ctx,
		chromedp.Evaluate("location.href", &address),
		chromedp.Title(&title),
		chromedp.Evaluate("document.body.innerText.slice(0, 2000)", &text),
		chromedp.FullScreenshot(&png, 100),
	); err != nil {
		return fmt.Sprintf("the tab does not answer: %v\n%s", err, tab.tail())
	}
	file := filepath.Join(tab.t.ArtifactDir(), "failure.png")
	if err := os.WriteFile(file, png, 0o600); err != nil {
		file = err.Error()
	}
	return fmt.Sprintf("at %s, %q, %s:\n%s\n%s", withoutQuery(address), title, file, text, tab.tail())
}
