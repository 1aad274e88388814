package client_test

import (
	"log"
	"net/http"
	"os"

	"github.com/relyingparty/oidc/client"
)

// Add login to a server app.
func ExampleClient_NewLogin() {
	mux := http.NewServeMux()
	var app http.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		session, _ := client.SessionFromContext(r.Context())
		w.Write([]byte("hello " + session.Subject))
	})
	sessionKey := []byte(os.Getenv("SESSION_KEY"))

	rp, err := client.New(client.Config{
		DiscoveryURL: "https://id.example.com/realms/acme",
		ClientID:     "web",
		ClientSecret: os.Getenv("OIDC_CLIENT_SECRET"),
		RedirectURL:  "https://app.example.com/auth/callback",
	})
	if err != nil {
		log.Fatal(err) // every mistake in the configuration at once; no network yet
	}
	login, err := rp.NewLogin(client.LoginConfig{Keys: [][]byte{sessionKey}}) // 32 random bytes
	if err != nil {
		log.Fatal(err)
	}
	mux.Handle("/auth/", login)              // /auth/login, /auth/callback, /auth/logout
	mux.Handle("/", login.RequireLogin(app)) // app calls client.SessionFromContext(r.Context())
}

// Call an API from a backend service.
func ExampleClient_ClientCredentials() {
	rp, err := client.New(client.Config{
		DiscoveryURL: "https://id.example.com/realms/acme",
		ClientID:     "nightly-report",
		ClientSecret: os.Getenv("OIDC_CLIENT_SECRET"),
	})
	if err != nil {
		log.Fatal(err)
	}
	api := rp.ClientCredentials(client.TokenRequest{
		Resources: []string{"https://api.example.com"},
	}).HTTPClient() // tokens are fetched, renewed early and sent to that origin only

	resp, err := api.Get("https://api.example.com/reports")
	if err != nil {
		log.Fatal(err)
	}
	resp.Body.Close()
}
