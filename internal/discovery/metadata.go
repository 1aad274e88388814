package discovery

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/relyingparty/oidc/internal/claims"
	"github.com/relyingparty/oidc/internal/remote"
)

const (
	maxURL  = 4 << 10 // bytes of an endpoint
	maxList = 1000    // values of a list that are kept
)

// Metadata holds the fields this project acts on. Absent fields are empty.
type Metadata struct {
	Issuer                           string   `json:"issuer"`
	AuthorizationEndpoint            string   `json:"authorization_endpoint"`
	TokenEndpoint                    string   `json:"token_endpoint"`
	JWKSURI                          string   `json:"jwks_uri"`
	UserInfoEndpoint                 string   `json:"userinfo_endpoint"`
	IntrospectionEndpoint            string   `json:"introspection_endpoint"`
	RevocationEndpoint               string   `json:"revocation_endpoint"`
	EndSessionEndpoint               string   `json:"end_session_endpoint"`
	ScopesSupported                  []string `json:"scopes_supported"`
	ResponseTypesSupported           []string `json:"response_types_supported"`
	ResponseModesSupported           []string `json:"response_modes_supported"`
	GrantTypesSupported              []string `json:"grant_types_supported"`
	CodeChallengeMethodsSupported    []string `json:"code_challenge_methods_supported"`
	IDTokenSigningAlgs               []string `json:"id_token_signing_alg_values_supported"`
	TokenEndpointAuthMethods         []string `json:"token_endpoint_auth_methods_supported"`
	TokenEndpointAuthSigningAlgs     []string `json:"token_endpoint_auth_signing_alg_values_supported"`
	IntrospectionEndpointAuthMethods []string `json:"introspection_endpoint_auth_methods_supported"`
	RevocationEndpointAuthMethods    []string `json:"revocation_endpoint_auth_methods_supported"`
	IssParameterSupported            bool     `json:"authorization_response_iss_parameter_supported"`
	BackChannelLogoutSupported       bool     `json:"backchannel_logout_supported"`

	// Problems say which members of the document were left out, and why.
	Problems []string `json:"-"`
}

// endpoint ties a field of Endpoints to the metadata member of the same meaning.
type endpoint struct {
	field, member    string
	fixed, published *string
}

func endpoints(e *Endpoints, m *Metadata) []endpoint {
	return []endpoint{
		{"Authorization", "authorization_endpoint", &e.Authorization, &m.AuthorizationEndpoint},
		{"Token", "token_endpoint", &e.Token, &m.TokenEndpoint},
		{"JWKS", "jwks_uri", &e.JWKS, &m.JWKSURI},
		{"UserInfo", "userinfo_endpoint", &e.UserInfo, &m.UserInfoEndpoint},
		{"Introspection", "introspection_endpoint", &e.Introspection, &m.IntrospectionEndpoint},
		{"Revocation", "revocation_endpoint", &e.Revocation, &m.RevocationEndpoint},
		{"EndSession", "end_session_endpoint", &e.EndSession, &m.EndSessionEndpoint},
	}
}

// list is a member that holds an array of strings.
type list struct {
	member string
	values *[]string
}

func (m *Metadata) lists() []list {
	return []list{
		{"scopes_supported", &m.ScopesSupported},
		{"response_types_supported", &m.ResponseTypesSupported},
		{"response_modes_supported", &m.ResponseModesSupported},
		{"grant_types_supported", &m.GrantTypesSupported},
		{"code_challenge_methods_supported", &m.CodeChallengeMethodsSupported},
		{"id_token_signing_alg_values_supported", &m.IDTokenSigningAlgs},
		{"token_endpoint_auth_methods_supported", &m.TokenEndpointAuthMethods},
		{"token_endpoint_auth_signing_alg_values_supported", &m.TokenEndpointAuthSigningAlgs},
		{"introspection_endpoint_auth_methods_supported", &m.IntrospectionEndpointAuthMethods},
		{"revocation_endpoint_auth_methods_supported", &m.RevocationEndpointAuthMethods},
	}
}

// parseMetadata reads a document strictly: one JSON object without duplicates, right types in the members we act on.
// An endpoint of the document that breaks the rule for URLs is left out (and so missing when it is needed), unless
// overrides names another: one bad optional endpoint must not break login.
// from is where the document was fetched.
func parseMetadata(from string, body []byte, overrides Endpoints, allowHTTP bool) (*Metadata, error) {
	set, err := claims.Parse(body)
	if err != nil {
		return nil, fmt.Errorf("not a discovery document: %w", err)
	}
	m := &Metadata{}
	if m.Issuer, err = text(set, "issuer"); err != nil {
		return nil, err
	}
	if m.Issuer == "" {
		return nil, errors.New("the document names no issuer")
	}
	for _, e := range endpoints(&overrides, m) {
		published, err := text(set, e.member)
		switch {
		case err != nil:
			return nil, err
		case *e.fixed != "":
			*e.published = *e.fixed
		case published == "":
		case len(published) > maxURL:
			m.problem("%s: longer than %d bytes", e.member, maxURL)
		default:
			if err := remote.CheckNamedURL(published, from, allowHTTP); err != nil {
				m.problem("%s: %v", e.member, err)
				continue
			}
			*e.published = published
		}
	}
	for _, l := range m.lists() {
		if *l.values, err = texts(set, l.member); err != nil {
			return nil, err
		}
		if len(*l.values) > maxList {
			*l.values = slices.Clone((*l.values)[:maxList])
			m.problem("%s: only the first %d values are kept", l.member, maxList)
		}
	}
	if m.IssParameterSupported, _, err = set.Bool("authorization_response_iss_parameter_supported"); err != nil {
		return nil, wrongType("authorization_response_iss_parameter_supported", "a boolean")
	}
	if m.BackChannelLogoutSupported, _, err = set.Bool("backchannel_logout_supported"); err != nil {
		return nil, wrongType("backchannel_logout_supported", "a boolean")
	}
	return m, nil
}

func (m *Metadata) problem(format string, args ...any) {
	m.Problems = append(m.Problems, fmt.Sprintf(format, args...))
}

func text(set *claims.Set, member string) (string, error) {
	v, _, err := set.String(member)
	if err != nil {
		return "", wrongType(member, "a string")
	}
	return v, nil
}

// texts reads an array of strings; a lone string is not one. Empty values are dropped.
func texts(set *claims.Set, member string) ([]string, error) {
	raw, ok, err := set.Lookup(member)
	if err != nil {
		return nil, fmt.Errorf("not a discovery document: %w", err)
	}
	if !ok {
		return nil, nil
	}
	values := []string{}
	if json.Unmarshal([]byte(raw), &values) != nil {
		return nil, wrongType(member, "an array of strings")
	}
	return slices.DeleteFunc(values, func(v string) bool { return v == "" }), nil
}

func wrongType(member, want string) error {
	return fmt.Errorf("not a discovery document: %s is not %s", member, want)
}
