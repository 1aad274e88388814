package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
)

const usage = `usage: doctor URL [flags]

Explains what is missing, contradictory or insecure at the OpenID provider at URL (its issuer, or the full URL of its
discovery document) and, with -token -, why an access token is or is not accepted.

  -token -             read an access token from stdin and explain it, check by check
  -audience AUD        what the API expects in aud; may be repeated, any one is enough
  -tenant-claim NAME   the claim that names the tenant, or the path to it as JSON: '["ext","tenant"]'
  -scope SCOPE         a scope the API demands; may be repeated, all are needed
  -issuer ISS          the issuer to expect, where it differs from URL

exit code: 0 nothing wrong, 1 a problem or a refused token, 2 bad usage

  doctor https://id.example.com
  doctor https://id.example.com -token - -audience https://api.example.com < token.txt
`

// options is the command line.
type options struct {
	url, issuer     string
	token           bool
	audience, scope list
	tenantClaim     []string
}

// list is a flag that may be repeated.
type list []string

func (l *list) String() string { return strings.Join(*l, " ") }

func (l *list) Set(value string) error {
	if value == "" {
		return errors.New("it is empty")
	}
	*l = append(*l, value)
	return nil
}

// parse reads the command line; flags may stand before and after the URL. Its errors repeat nothing that stands where a
// token may have been pasted.
func parse(args []string, stderr io.Writer) (*options, error) {
	o := new(options)
	flags := flag.NewFlagSet("doctor", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	token := flags.String("token", "", "")
	tenant := flags.String("tenant-claim", "", "")
	flags.StringVar(&o.issuer, "issuer", "", "")
	flags.Var(&o.audience, "audience", "")
	flags.Var(&o.scope, "scope", "")
	var urls []string
	for rest := args; ; rest = flags.Args()[1:] {
		switch err := flags.Parse(rest); {
		case errors.Is(err, flag.ErrHelp):
			_, _ = io.WriteString(stderr, usage)
			return nil, err
		case err != nil:
			return nil, fmt.Errorf("%w (-h explains the flags)", err)
		}
		if flags.NArg() == 0 {
			break
		}
		urls = append(urls, flags.Arg(0))
	}
	switch {
	case len(urls) != 1:
		return nil, errors.New("give one URL, the provider's issuer (-h explains the rest)")
	case !strings.HasPrefix(urls[0], "https://") && !strings.HasPrefix(urls[0], "http://"):
		return nil, errors.New("the URL must begin with https:// (http:// on loopback)")
	case strings.Contains(urls[0], "{tenant}"):
		return nil, errors.New("put a tenant in the place of {tenant}: each has a provider of its own")
	case *token != "" && *token != "-":
		return nil, errors.New("-token takes - only: give the token on stdin, where no shell history and no process list keeps it")
	case *token == "" && (len(o.audience) > 0 || len(o.scope) > 0 || *tenant != ""):
		return nil, errors.New("-audience, -scope and -tenant-claim are about a token: add -token -")
	}
	o.url, o.token = urls[0], *token != ""
	var err error
	o.tenantClaim, err = claimPath(*tenant)
	return o, err
}

// claimPath reads the name of a claim, or a path to it.
func claimPath(text string) (path []string, err error) {
	switch {
	case text == "":
		return nil, nil
	case !strings.HasPrefix(text, "["):
		return []string{text}, nil
	case json.Unmarshal([]byte(text), &path) != nil || len(path) == 0:
		return nil, errors.New(`-tenant-claim takes the name of a claim, or the path to it as a JSON array of strings: ["ext","tenant"]`)
	}
	return path, nil
}
