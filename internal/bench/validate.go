package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
)

// validate measures the verification of one token with the keys in memory and no memory of the token.
func (b *bench) validate(alg string, limit, allocs float64) *section {
	s := &section{title: "Validate a token: " + alg}
	key := newSigner(alg, "key-2026-01")
	p := newProvider(issuer, key)
	token := key.sign(standard())
	s.note("a token of %d bytes, a set of one key, no memory of tokens seen; the floor is the standard library's verification of the decoded signature", len(token))

	subjects := []subject{{name: "floor: standard library", do: rawVerify(key, token)}}
	for _, v := range append([]verifier{ours}, peers...) {
		one, err := v.subject(b.ctx, p, key, token)
		if err != nil {
			s.absent(v.name, err)
			continue
		}
		subjects = append(subjects, one)
	}
	list := b.plan.measure(subjects...)
	s.figures(list)
	s.atMost("ours to the floor", list[1].ratio, limit, "x")
	if allocs > 0 {
		s.atMost("our allocations", list[1].allocs, allocs, "")
	}
	if best := fastest(list[2:]); best != nil {
		s.sum("validate a token ("+alg+"), to its signature alone", number(list[1].ratio)+"x",
			number(best.ratio)+"x ("+best.name+") to "+number(slowest(list[2:]).ratio)+"x")
		s.atMost("ours to the fastest peer ("+best.name+")", list[1].ratio/best.ratio, 1, "x")
	}
	return s
}

// subject sets v up, makes sure that it verifies, and returns what there is to measure.
func (v verifier) subject(ctx context.Context, p *provider, key *signer, token string) (subject, error) {
	accept, err := v.ready(ctx, p, key.alg)
	if err != nil {
		return subject{}, err
	}
	lacks, err := inspect(ctx, accept, key)
	if err != nil {
		return subject{}, err
	}
	return subject{v.name, lacks, func() {
		if err := accept(ctx, token); err != nil {
			panic(fmt.Sprintf("%s: %v", v.name, err))
		}
	}}, nil
}

func slowest(list []figure) figure {
	return slices.MaxFunc(list, func(a, b figure) int { return cmp.Compare(a.ratio, b.ratio) })
}

// fastest returns the figure with the least time, nil of none.
func fastest(list []figure) *figure {
	var best *figure
	for i := range list {
		if best == nil || list[i].ratio < best.ratio {
			best = &list[i]
		}
	}
	return best
}
