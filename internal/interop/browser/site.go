package browser

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync"
	"testing"
	"time"
)

// Site serves h as https://HOST:PORT, host being a name below example.test or evil.test; the base URL comes back.
func Site(t testing.TB, host string, h http.Handler) string {
	t.Helper()
	server := httptest.NewUnstartedServer(h)
	server.TLS = &tls.Config{Certificates: []tls.Certificate{certificate().Certificate}, MinVersion: tls.VersionTLS12}
	server.StartTLS()
	t.Cleanup(server.Close)
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return "https://" + net.JoinHostPort(host, port)
}

// front is the https proxy that an app on plain http stands behind in real life. It remembers the newest request of each path.
type front struct {
	httputil.ReverseProxy

	mu     sync.Mutex
	newest map[string]*http.Request
}

func newFront(address string) *front {
	f := &front{newest: map[string]*http.Request{}}
	f.Rewrite = func(r *httputil.ProxyRequest) {
		f.mu.Lock()
		f.newest[r.In.Method+" "+r.In.URL.Path] = r.In
		f.mu.Unlock()
		r.SetURL(&url.URL{Scheme: "http", Host: address})
		r.Out.Host = r.In.Host
	}
	return f
}

// last gives the newest request of a route such as "POST /refresh"; the test fails when there was none.
func (f *front) last(t testing.TB, route string) *http.Request {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	r := f.newest[route]
	if r == nil {
		t.Fatalf("the browser sent no %s", route)
	}
	return r
}

// pinned is a certificate that the browsers of this process trust by the hash of its key, and only that.
type pinned struct {
	tls.Certificate

	pin string
}

var certificate = sync.OnceValue(func() pinned {
	p, err := newPinned()
	if err != nil {
		panic(fmt.Sprintf("making a certificate: %v", err))
	}
	return p
})

func newPinned() (pinned, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return pinned{}, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		NotBefore:    time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		DNSNames:    []string{"*.example.test", "evil.test"},
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return pinned{}, err
	}
	spki, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return pinned{}, err
	}
	sum := sha256.Sum256(spki)
	return pinned{
		Certificate: tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key},
		pin:         base64.StdEncoding.EncodeToString(sum[:]),
	}, nil
}
