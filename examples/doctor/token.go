package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/relyingparty/oidc/client"
	"github.com/relyingparty/oidc/internal/claims"
	"github.com/relyingparty/oidc/internal/jws"
	"github.com/relyingparty/oidc/internal/remote"
	"github.com/relyingparty/oidc/middleware"
)

// step is a check of a guard. They stand in its order.
type step int

const (
	stepForm step = iota
	stepHeader
	stepAlg
	stepTyp
	stepClaims
	stepIss
	stepSignature
	stepExp
	stepNbf
	stepIat
	stepAud
	stepKind
	stepBinding
	stepTenant
	stepScopes
	steps // how many there are
)

var names = [steps]string{
	"form", "header", "alg", "typ", "claims", "iss", "signature", "exp", "nbf", "iat", "aud", "kind", "binding", "tenant", "scopes",
}

func (c step) String() string { return names[c] }

// token has the guard judge a token, and explains the verdict check by check.
func (d *doctor) token(ctx context.Context, raw string) (findings []finding, accepted bool) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	_, err := d.guard.Authenticate(ctx, middleware.Credential{Token: raw}, d.policies...)
	said := read(raw, d.options.tenantClaim)
	verdict := finding{about: "verdict", text: "accepted"}
	at, passed, cause := steps, stepScopes, ""
	if refusal, ok := errors.AsType[*middleware.Error](err); ok {
		verdict.severity = client.Problem
		verdict.text = fmt.Sprintf("%d %s: %s", refusal.Status(), refusal.Reason, refusal.Description())
		at, passed = stopped(refusal, said)
		if why := refusal.Unwrap(); why != nil && !said.spaced { // white space says it all
			cause = "; " + why.Error()
		}
	}
	findings = append(findings, verdict)
	for c := range steps {
		f := finding{about: c.String(), text: said.text(c)}
		unasked := d.unasked(c)
		switch {
		case c == at:
			f.severity = client.Problem
			if f.text == "" {
				f.text = "cannot be read"
			}
			f.text += cause + d.wanted(c)
		case f.text == "":
			continue // it can be read no more, and is not why the token was refused
		case unasked != "":
			f.severity = client.Note
			if c == stepAud { // an API that does not look takes tokens that were meant for others
				f.severity = client.Warning
			}
			f.text += "; not checked: " + unasked
		case c > passed:
			f.severity = client.Note
			f.text += "; not reached"
		}
		findings = append(findings, f)
	}
	return findings, err == nil
}

// unasked says what to give for a check to be made, empty when it is made.
func (d *doctor) unasked(c step) string {
	switch {
	case c == stepAud && len(d.options.audience) == 0:
		return "say with -audience what the API expects"
	case c == stepTenant && len(d.options.tenantClaim) == 0:
		return "say with -tenant-claim which claim names the tenant"
	case c == stepScopes && len(d.options.scope) == 0:
		return "say with -scope what the API demands"
	}
	return ""
}

// wanted is what a refusal does not say by itself.
func (d *doctor) wanted(c step) string {
	switch c {
	case stepIss:
		return "; expected " + remote.Quote(d.issuer)
	case stepScopes:
		return "; demanded: " + quoted(d.options.scope)
	}
	return ""
}

// stopped is the check that a refusal comes from, and the last one that was passed before.
func stopped(refusal *middleware.Error, said *said) (at, passed step) {
	_, early := errors.AsType[*jws.Error](refusal) // before the claims were looked at, or of the signature
	switch refusal.Reason {
	case middleware.ReasonTokenMalformed:
		at = malformed(refusal, said, early)
	case middleware.ReasonAlgNotAllowed:
		at = stepAlg
	case middleware.ReasonTypeNotAllowed:
		at = stepKind
		if early {
			at = stepTyp
		}
	case middleware.ReasonIssuerUntrusted:
		at = stepIss
	case middleware.ReasonKeyUnknown, middleware.ReasonSignatureInvalid, middleware.ReasonProviderUnavailable:
		at = stepSignature
	case middleware.ReasonTokenExpired:
		at = stepExp
	case middleware.ReasonTokenNotYetValid:
		at, _ = ofClaim(refusal)
	case middleware.ReasonAudienceMismatch:
		at = stepAud
	case middleware.ReasonBindingMissing:
		at = stepBinding
	case middleware.ReasonTenantMissing, middleware.ReasonTenantUnknown, middleware.ReasonTenantMismatch, middleware.ReasonTenantAmbiguous:
		at = stepTenant
	case middleware.ReasonInsufficientScope:
		at = stepScopes
	}
	_, problem := ofClaim(refusal)
	switch {
	case at == stepExp && problem != claims.Expired && problem != claims.Missing:
		return at, stepIss // an exp long past, or one that is no time, is refused before the signature costs anything
	case at == stepClaims && said.claims != nil:
		return at, stepAud // a claim that is not of its type is met when all are read
	}
	return at, at - 1
}

// malformed is the check that found a token malformed.
func malformed(refusal *middleware.Error, said *said, early bool) step {
	switch {
	case early && said.decoded:
		return stepHeader
	case early, !said.decoded:
		return stepForm
	case said.claims == nil:
		return stepClaims
	}
	at, _ := ofClaim(refusal)
	return at
}

// ofClaim is the check of the claim that a refusal names, and what is wrong with it.
func ofClaim(refusal *middleware.Error) (step, claims.Problem) {
	e, ok := errors.AsType[*claims.Error](refusal)
	if !ok {
		return stepClaims, 0
	}
	if i := slices.Index(names[:stepKind], e.Claim); i >= int(stepIss) {
		return step(i), e.Problem
	}
	return stepClaims, e.Problem
}
