package browser

import (
	"context"
	"slices"
	"strings"

	"github.com/chromedp/cdproto/storage"
)

// Cookie is one as the browser keeps it.
type Cookie struct {
	Name, Value, Host, Path, SameSite string
	HostOnly, Secure, HTTPOnly        bool
}

// Cookies are those of a host (cookies ignore ports) sorted by name.
func (tab *Tab) Cookies(host string) (found []Cookie) {
	tab.t.Helper()
	tab.browser.run(tab.t, func(ctx context.Context) error {
		all, err := storage.GetCookies().WithBrowserContextID(tab.person).Do(ctx)
		for _, c := range all {
			domain := strings.TrimPrefix(c.Domain, ".")
			if host != domain && !strings.HasSuffix(host, "."+domain) {
				continue
			}
			found = append(found, Cookie{
				Name: c.Name, Value: c.Value, Host: domain, Path: c.Path, SameSite: string(c.SameSite),
				HostOnly: domain == c.Domain, Secure: c.Secure, HTTPOnly: c.HTTPOnly,
			})
		}
		return err
	})
	slices.SortFunc(found, func(a, b Cookie) int { return strings.Compare(a.Name, b.Name) })
	return found
}
