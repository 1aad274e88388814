package storetest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/store"
)

// Times are a store's, so that a test may shorten them.
type Times struct {
	// Lease is how long a lease lasts: 45 to 60 s where it is not shortened.
	Lease time.Duration
	// Patience is how long an Update waits for one: 30 s where it is not shortened.
	Patience time.Duration
}

// RunLease tests what depends on the passing of time. bubble runs each part:
// synctest.Test for a store in memory, whose hours then take no time.
func RunLease(t *testing.T, open Open, times Times, bubble func(*testing.T, func(*testing.T))) {
	t.Helper()
	for _, part := range []struct {
		name string
		test func(*testing.T, fixture, Times)
	}{
		{"a lease outlasts the provider's answer", testLeaseLasts},
		{"a lost lease is no deletion", testLeaseLost},
		{"a lost lease and a deletion", testLeaseLostAndDeleted},
		{"a waiter is patient", testPatience},
		{"a waiter gives up", testGivesUp},
		{"a waiter's context ends its wait", testWaiterDeadline},
		{"a record ends", testRecordEnds},
		{"a mark ends", testMarkEnds},
	} {
		t.Run(part.name, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(t *testing.T) { part.test(t, newFixture(t.Context(), t, open), times) })
		})
	}
}

// update starts one that takes so long, and waits for its function to begin.
func (f fixture) update(s store.Store, id string, takes time.Duration, out *store.Record) <-chan error {
	began, done := make(chan struct{}), make(chan error, 1)
	go func() {
		done <- s.Update(f.ctx, id, func(*store.Record) (*store.Record, error) {
			close(began)
			time.Sleep(takes)
			return out, nil
		})
	}()
	<-began
	return done
}

// A renewal that is answered after 30 s, or is saved at the second attempt, is not lost.
func testLeaseLasts(t *testing.T, f fixture, times Times) {
	id := f.key("id")
	minimum := times.Lease * 45 / 60
	done := f.update(f.store, id, minimum-times.Patience/20, f.record("one"))
	time.Sleep(minimum - times.Patience/2)
	ctx, cancel := context.WithTimeout(f.ctx, times.Patience*4/10)
	defer cancel()
	err := f.other.Update(ctx, id, func(*store.Record) (*store.Record, error) {
		t.Error("a second function ran during the lease")
		return nil, nil
	})
	check.True(t, err != nil, "the waiter has no error")
	check.NoError(t, <-done)
	f.want(t, id, "one")
}

func testLeaseLost(t *testing.T, f fixture, times Times) {
	id, key := f.key("id"), f.key("key")
	for _, before := range []string{"", "zero"} {
		if before != "" {
			f.put(t, id, f.record(before, key))
		}
		start := time.Now()
		done := f.update(f.store, id, 2*times.Lease, f.record("late", key))
		time.Sleep(times.Lease - times.Patience/2)
		check.NoError(t, f.other.Update(f.ctx, id, func(r *store.Record) (*store.Record, error) {
			check.True(t, (r != nil) == (before != ""), "the second owner sees %v", r)
			return f.record("in time", key), nil
		}))
		check.True(t, time.Since(start) <= times.Lease+times.Lease/10, "the second owner waited %v", time.Since(start))
		err := <-done
		check.True(t, err != nil, "the late owner has no error")
		check.True(t, !errors.Is(err, store.ErrDeleted), "the record is there, and the error is %v", err)
		f.want(t, id, "in time")
		f.delete(t, key)
	}
}

// The late owner writes nothing over what came after the deletion.
func testLeaseLostAndDeleted(t *testing.T, f fixture, times Times) {
	id, key := f.key("id"), f.key("key")
	f.put(t, id, f.record("zero", key))
	done := f.update(f.store, id, 2*times.Lease, f.record("late", key))
	time.Sleep(times.Lease)
	f.delete(t, key)
	check.NoError(t, f.other.Update(f.ctx, id, func(r *store.Record) (*store.Record, error) {
		check.True(t, r == nil, "the deleted record came back")
		return f.record("new", key), nil
	}))
	err := <-done
	check.True(t, err != nil, "the late owner has no error")
	check.True(t, !errors.Is(err, store.ErrDeleted), "the record is there, and the error is %v", err)
	f.want(t, id, "new")
}

func testPatience(t *testing.T, f fixture, times Times) {
	id := f.key("id")
	done := f.update(f.store, id, times.Patience*9/10, f.record("one"))
	check.NoError(t, f.other.Update(f.ctx, id, func(r *store.Record) (*store.Record, error) {
		check.Equal(t, string(r.Data), "one", "what the waiter sees")
		return f.record("two"), nil
	}))
	check.NoError(t, <-done)
	f.want(t, id, "two")
}

func testGivesUp(t *testing.T, f fixture, times Times) {
	id := f.key("id")
	done := f.update(f.store, id, times.Patience*5/4, f.record("one"))
	start := time.Now()
	err := f.other.Update(f.ctx, id, func(*store.Record) (*store.Record, error) {
		t.Error("the waiter's function ran")
		return nil, nil
	})
	check.True(t, err != nil, "the waiter has no error")
	check.True(t, !errors.Is(err, store.ErrDeleted), "the record is there, and the error is %v", err)
	check.True(t, time.Since(start) <= times.Patience*11/10, "it waited %v", time.Since(start))
	check.NoError(t, <-done)
	f.want(t, id, "one")
}

func testWaiterDeadline(t *testing.T, f fixture, times Times) {
	id := f.key("id")
	done := f.update(f.store, id, times.Patience/2, f.record("one"))
	ctx, cancel := context.WithTimeout(f.ctx, times.Patience/10)
	defer cancel()
	start := time.Now()
	check.Error(t, f.other.Update(ctx, id, func(*store.Record) (*store.Record, error) {
		t.Error("the waiter's function ran")
		return nil, nil
	}), context.DeadlineExceeded)
	check.True(t, time.Since(start) <= times.Patience/5, "it waited %v", time.Since(start))
	check.NoError(t, <-done)
}

func testRecordEnds(t *testing.T, f fixture, _ Times) {
	id, key := f.key("id"), f.key("key")
	record := f.record("one", key)
	record.Expires = time.Now().Add(2 * time.Second)
	f.put(t, id, record)
	time.Sleep(2 * time.Second)
	f.want(t, id, "")
	deleted, err := f.other.DeleteByIndex(f.ctx, key)
	check.NoError(t, err)
	check.Equal(t, len(deleted), 0, "expired records returned")
}

func testMarkEnds(t *testing.T, f fixture, _ Times) {
	key := f.key("key")
	until := time.Now().Add(2 * time.Second)
	first, err := f.store.Once(f.ctx, key, until)
	check.NoError(t, err)
	check.True(t, first, "not the first")
	time.Sleep(2 * time.Second)
	marked, err := f.other.Marked(f.ctx, key)
	check.NoError(t, err)
	check.True(t, !marked, "still marked")
	first, err = f.other.Once(f.ctx, key, time.Now().Add(time.Hour))
	check.NoError(t, err)
	check.True(t, first, "the mark outlives its time")
}

// RunFull tests that a full store still deletes. fill makes it refuse records or
// marks, without touching what is there.
func RunFull(t *testing.T, open Open, fill func(*testing.T, store.Store)) {
	t.Helper()
	f := newFixture(t.Context(), t, open)
	one, two, key := f.key("one"), f.key("two"), f.key("key")
	f.put(t, one, f.record("one", key))
	f.put(t, two, f.record("two", key))
	fill(t, f.store)
	f.put(t, one, nil)
	f.want(t, one, "")
	deleted, err := f.store.DeleteByIndex(f.ctx, key)
	check.NoError(t, err)
	check.Equal(t, len(deleted), 1, "records deleted")
	f.want(t, two, "")
}
