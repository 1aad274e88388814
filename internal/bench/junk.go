package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"strconv"
	"sync"
	"time"
)

const (
	interval = 30 * time.Second // within which a new key must be accepted
	patience = interval + 2*time.Second
)

// attack is what a provider and a verifier go through while strangers send rubbish.
type attack struct {
	unknown, bad int // requests to the provider for a thousand of each
	accepted     time.Duration
	err          error
}

// junk counts what a thousand tokens cost the provider that anyone can make up, and how long a key published in the
// middle of it waits to be accepted.
func (b *bench) junk() *section {
	s := &section{
		title: "1000 tokens with unknown keys, 1000 with bad signatures",
		head:  []string{"", "fetches, unknown kid", "fetches, bad signature", "a new key is accepted"},
	}
	list := append([]verifier{ours}, peers...)
	results := make([]attack, len(list))
	var wg sync.WaitGroup
	for i, v := range list {
		wg.Go(func() { results[i] = v.underAttack(b.ctx) })
	}
	wg.Wait()
	floods, stuck := 0, 0
	for i, v := range list {
		r := results[i]
		if r.err != nil {
			s.absent(v.name, r.err)
			continue
		}
		if r.unknown > 1 {
			floods++
		}
		if r.accepted > patience {
			stuck++
		}
		when := fmt.Sprintf("after %.0f s", r.accepted.Seconds())
		if r.accepted > patience {
			when = fmt.Sprintf("not within %.0f s", patience.Seconds())
		}
		s.rows = append(s.rows, []string{v.name, strconv.Itoa(r.unknown), strconv.Itoa(r.bad), when})
	}
	if results[0].err == nil {
		s.atMost("our fetches for unknown keys in 30 s", float64(results[0].unknown), 1, "")
		s.atMost("our fetches for bad signatures", float64(results[0].bad), 0, "")
		s.atMost("seconds until a new key is accepted", results[0].accepted.Seconds(), (interval + time.Second).Seconds(), "")
	}
	s.sum("1000 tokens with unknown keys, then a new key", fmt.Sprintf("%d fetch; accepted within %.0f s", results[0].unknown, interval.Seconds()),
		fmt.Sprintf("%d of %d: not accepted within %.0f s; %d: a fetch for each token", stuck, len(peers), patience.Seconds(), floods))
	s.note("a key is published right after the first thousand, and rubbish goes on coming, 50 a second")
	return s
}

func (v verifier) underAttack(ctx context.Context) (result attack) {
	key, next := newSigner("ES256", "key-2026-01"), newSigner("ES256", "key-2026-02")
	p := newProvider(issuer, key)
	accept, err := v.ready(ctx, p, key.alg)
	good := key.sign(standard())
	if err == nil {
		err = accept(ctx, good)
	}
	if err != nil {
		return attack{err: err}
	}
	fetches := func(send func()) int {
		p.forget()
		for range 1000 {
			send()
		}
		return p.total()
	}
	limited := func(token string) error { // some wait for a fetch that may not be made yet
		ctx, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		return accept(ctx, token)
	}
	stranger := func() { _ = limited(key.junk()) }
	result.unknown = fetches(stranger)
	corrupted := corrupt(good)
	result.bad = fetches(func() { _ = limited(corrupted) })

	p.publish(key, next)
	published := time.Now()
	renewed := next.sign(standard())
	for time.Since(published) <= patience {
		stranger()
		if limited(renewed) == nil {
			result.accepted = time.Since(published)
			return result
		}
		time.Sleep(20 * time.Millisecond)
	}
	result.accepted = time.Since(published)
	return result
}

// junk is a token with a key id nobody has, and a signature that is none.
func (s *signer) junk() string {
	header := with(s.header(), object{"kid": rand.Text()})
	signature := make([]byte, 64)
	_, _ = rand.Read(signature)
	return encode(marshal(header)) + "." + encode(marshal(standard())) + "." + encode(signature)
}
