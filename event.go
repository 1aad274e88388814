package oidc

import (
	"context"
	"time"
)

// Observer is told what happens, for metrics and traces. It is called from the
// goroutine in which it happened, from several at once, and must return soon.
// Its panic is logged and goes no further.
type Observer func(ctx context.Context, e Event)

// Event is one thing that happened. It holds no token, no secret and no subject.
// Kind, Operation, Outcome and Issuer take few values, so that each can be a
// label of a metric.
type Event struct {
	// Kind says what happened.
	Kind EventKind
	// Operation is what was asked for, one of the Operation constants.
	Operation string
	// Outcome says how it ended, one of the Outcome constants.
	Outcome Outcome
	// Issuer is the provider's issuer. If empty, it is not known at this point:
	// while metadata and keys are fetched, for example.
	Issuer string
	// URL is the address of a request, without anything secret.
	URL string
	// Duration is how long it took.
	Duration time.Duration
	// Err is why it failed. If nil, it succeeded.
	Err error
}

// EventKind says what an Event is about.
type EventKind string

// EventRequest is a request to the provider that has ended.
const EventRequest EventKind = "request"

// The operations of an EventRequest.
const (
	OperationDiscovery     = "discovery document"
	OperationKeySet        = "key set"
	OperationToken         = "token endpoint"
	OperationUserInfo      = "userinfo endpoint"
	OperationIntrospection = "introspection endpoint"
	OperationRevocation    = "revocation endpoint"
)

// Outcome says how something ended.
type Outcome string

const (
	// OutcomeOK is success. For introspection it is a verdict, whichever it was.
	OutcomeOK Outcome = "ok"
	// OutcomeRefused is a provider that said no.
	OutcomeRefused Outcome = "refused"
	// OutcomeUnreachable is a provider that did not answer in time, or said that it
	// cannot at the moment.
	OutcomeUnreachable Outcome = "unreachable"
	// OutcomeProtocol is an answer that is none: HTML, too large, broken JSON.
	OutcomeProtocol Outcome = "protocol"
	// OutcomeConfig is a request that could not be made: this program is
	// misconfigured.
	OutcomeConfig Outcome = "config"
)
