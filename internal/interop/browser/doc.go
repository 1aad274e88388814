// Package browser drives a real Chromium without a window, where what counts is how a browser behaves: which cookies it
// takes, keeps and sends across sites, how it follows a redirect and posts a form, and what a person sees.
//
// Nothing leaves the machine: every host name leads to loopback, so that names like app.example.test make real origins
// and sites, and https is trusted by the key of one certificate made for the run.
//
//	go test -artifacts -outputdir DIR ./browser    # keeps the screenshots
//
// Chromium is /usr/bin/chromium of Debian, or what chromium, chromium-browser, google-chrome in PATH is.
package browser
