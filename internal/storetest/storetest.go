// Package storetest is the contract of client.Store as a test that every implementation runs.
package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/relyingparty/oidc/client"
	"github.com/relyingparty/oidc/internal/check"
)

// patience bounds what must happen and never decides what must not.
const patience = 20 * time.Second

// Run tests the contract. newStore returns an empty store, or one whose keys no other test uses; it is called for each part.
// Nothing sleeps: what has to do with the passing of time is each implementation's own to test.
func Run(t *testing.T, newStore func() client.Store) {
	t.Helper()
	for _, part := range []struct {
		name string
		test func(*testing.T, fixture)
	}{
		{"load", testLoad},
		{"update", testUpdate},
		{"an error of the function changes nothing", testUpdateError},
		{"a panic of the function leaves the lock", testUpdatePanic},
		{"update is exclusive for an id", testExclusive},
		{"other ids do not wait", testIndependent},
		{"a waiter leaves on its context", testWaiterLeaves},
		{"the result is saved though the caller left", testSavedAfterCancel},
		{"delete by index", testDeleteIndexed},
		{"an index follows its record", testIndexFollows},
		{"a deletion wins over a running update", testDeletionWins},
		{"a deletion wins though the update deletes too", testDeletionAndDelete},
		{"an update after a deletion starts from nothing", testUpdateAfterDeletion},
		{"once", testOnce},
		{"once among many", testOnceConcurrent},
		{"a done context", testDoneContext},
	} {
		t.Run(part.name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			part.test(t, fixture{newStore(), ctx, fmt.Sprintf("%d-%p", time.Now().UnixNano(), t)})
		})
	}
}

type fixture struct {
	store  client.Store
	ctx    context.Context
	unique string
}

// key makes a name nobody else uses.
func (f fixture) key(name string) string { return name + "-" + f.unique }

func (f fixture) record(data string, index ...string) *client.Record {
	return &client.Record{Data: []byte(data), Expires: time.Now().Add(time.Hour), Index: index}
}

func (f fixture) put(t *testing.T, id string, record *client.Record) {
	t.Helper()
	check.NoError(t, f.store.Update(f.ctx, id, func(*client.Record) (*client.Record, error) { return record, nil }))
}

// want checks what is stored; "" means nothing.
func (f fixture) want(t *testing.T, id, data string) {
	t.Helper()
	record, err := f.store.Load(f.ctx, id)
	check.NoError(t, err)
	if data == "" {
		check.True(t, record == nil, "the record is still there")
		return
	}
	check.True(t, record != nil, "the record is gone")
	check.Equal(t, string(record.Data), data, "data")
}

func testLoad(t *testing.T, f fixture) {
	id, key := f.key("id"), f.key("key")
	f.want(t, id, "")
	in := f.record("one", key)
	f.put(t, id, in)
	out, err := f.store.Load(f.ctx, id)
	check.NoError(t, err)
	check.Equal(t, string(out.Data), "one", "data")
	check.True(t, out.Expires.Sub(in.Expires).Abs() <= time.Second, "expires %v, want %v", out.Expires, in.Expires)
	check.DeepEqual(t, out.Index, []string{key}, "index")

	// What came in and went out is the caller's own.
	in.Data[0], in.Index[0], out.Data[0], out.Index[0] = 'X', "x", 'Y', "y"
	f.want(t, id, "one")
	check.NoError(t, f.store.DeleteIndexed(f.ctx, key))
	f.want(t, id, "")
}

func testUpdate(t *testing.T, f fixture) {
	id := f.key("id")
	calls := 0
	check.NoError(t, f.store.Update(f.ctx, id, func(r *client.Record) (*client.Record, error) {
		calls++
		check.True(t, r == nil, "a record out of nothing")
		return f.record("one"), nil
	}))
	check.NoError(t, f.store.Update(f.ctx, id, func(r *client.Record) (*client.Record, error) {
		calls++
		check.Equal(t, string(r.Data), "one", "data")
		r.Data = []byte("two")
		return r, nil
	}))
	check.Equal(t, calls, 2, "calls of the function")
	f.want(t, id, "two")
	f.put(t, id, nil)
	f.want(t, id, "")
	f.put(t, id, nil)
	f.want(t, id, "")

	f.put(t, id, f.record("three"))
	f.put(t, id, &client.Record{Data: []byte("four"), Expires: time.Now().Add(-time.Second)})
	f.want(t, id, "")
	f.put(t, id, &client.Record{Data: []byte("five")})
	f.want(t, id, "")
}

func testUpdateError(t *testing.T, f fixture) {
	id := f.key("id")
	refusal := errors.New("no")
	err := f.store.Update(f.ctx, id, func(*client.Record) (*client.Record, error) { return f.record("one"), refusal })
	check.Error(t, err, refusal)
	f.want(t, id, "")
	f.put(t, id, f.record("one"))
	err = f.store.Update(f.ctx, id, func(r *client.Record) (*client.Record, error) {
		r.Data[0] = 'X'
		return nil, refusal
	})
	check.Error(t, err, refusal)
	f.want(t, id, "one")
}

func testUpdatePanic(t *testing.T, f fixture) {
	id := f.key("id")
	f.put(t, id, f.record("one"))
	check.Panics(t, func() {
		_ = f.store.Update(f.ctx, id, func(*client.Record) (*client.Record, error) { panic("in the function") })
	})
	f.put(t, id, f.record("two"))
	f.want(t, id, "two")
}

func testExclusive(t *testing.T, f fixture) {
	id := f.key("id")
	var inside atomic.Int32
	var all sync.WaitGroup
	const many = 50
	for range many {
		all.Go(func() {
			err := f.store.Update(f.ctx, id, func(r *client.Record) (*client.Record, error) {
				if inside.Add(1) != 1 {
					t.Error("two functions run at once")
				}
				defer inside.Add(-1)
				if r == nil {
					r = f.record("")
				}
				r.Data = append(r.Data, 'x')
				return r, nil
			})
			if err != nil {
				t.Errorf("update: %v", err)
			}
		})
	}
	all.Wait()
	record, err := f.store.Load(f.ctx, id)
	check.NoError(t, err)
	check.Equal(t, len(record.Data), many, "updates that took effect")
}

func testIndependent(t *testing.T, f fixture) {
	one, two := f.key("one"), f.key("two")
	err := f.store.Update(f.ctx, one, func(*client.Record) (*client.Record, error) {
		// Against the contract, but it shows that the lock is one id's alone.
		f.put(t, two, f.record("two"))
		f.want(t, one, "")
		return f.record("one"), nil
	})
	check.NoError(t, err)
	f.want(t, one, "one")
	f.want(t, two, "two")
}

// hold starts an update of id that runs until release is called; done gives its error.
func (f fixture) hold(ctx context.Context, id string, out *client.Record) (release func(), done <-chan error) {
	started, goOn, result := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		result <- f.store.Update(ctx, id, func(*client.Record) (*client.Record, error) {
			close(started)
			<-goOn
			return out, nil
		})
	}()
	<-started
	return sync.OnceFunc(func() { close(goOn) }), result
}

func testWaiterLeaves(t *testing.T, f fixture) {
	id := f.key("id")
	release, done := f.hold(f.ctx, id, f.record("one"))
	defer release()
	ctx, cancel := context.WithCancel(f.ctx)
	waiter := make(chan error, 1)
	go func() {
		waiter <- f.store.Update(ctx, id, func(*client.Record) (*client.Record, error) {
			t.Error("the waiter's function ran")
			return nil, nil
		})
	}()
	cancel()
	check.Error(t, <-waiter, context.Canceled)
	release()
	check.NoError(t, <-done)
	f.put(t, id, f.record("two"))
	f.want(t, id, "two")
}

func testSavedAfterCancel(t *testing.T, f fixture) {
	id := f.key("id")
	ctx, cancel := context.WithCancel(f.ctx)
	release, done := f.hold(ctx, id, f.record("one"))
	cancel()
	release()
	check.NoError(t, <-done)
	f.want(t, id, "one")
}

func testDeleteIndexed(t *testing.T, f fixture) {
	shared, other := f.key("shared"), f.key("other")
	ids := []string{f.key("a"), f.key("b"), f.key("c")}
	f.put(t, ids[0], f.record("a", shared))
	f.put(t, ids[1], f.record("b", other, shared))
	f.put(t, ids[2], f.record("c", other))
	check.NoError(t, f.store.DeleteIndexed(f.ctx, f.key("unknown")))
	check.NoError(t, f.store.DeleteIndexed(f.ctx, shared))
	f.want(t, ids[0], "")
	f.want(t, ids[1], "")
	f.want(t, ids[2], "c")
	check.NoError(t, f.store.DeleteIndexed(f.ctx, shared))
	check.NoError(t, f.store.DeleteIndexed(f.ctx, other))
	f.want(t, ids[2], "")
}

func testIndexFollows(t *testing.T, f fixture) {
	id, before, after := f.key("id"), f.key("before"), f.key("after")
	f.put(t, id, f.record("one", before, before))
	f.put(t, id, f.record("two", after))
	check.NoError(t, f.store.DeleteIndexed(f.ctx, before))
	f.want(t, id, "two")
	f.put(t, id, nil)
	f.put(t, id, f.record("three"))
	check.NoError(t, f.store.DeleteIndexed(f.ctx, after))
	f.want(t, id, "three")
}

func testDeletionWins(t *testing.T, f fixture) {
	id, key := f.key("id"), f.key("key")
	f.put(t, id, f.record("one", key))
	release, done := f.hold(f.ctx, id, f.record("two", key))
	defer release()
	// The function is still running: a deletion that waited for it would never return.
	check.NoError(t, f.store.DeleteIndexed(f.ctx, key))
	f.want(t, id, "")
	release()
	check.Error(t, <-done, client.ErrDeleted)
	f.want(t, id, "")
	check.NoError(t, f.store.DeleteIndexed(f.ctx, key))
}

func testDeletionAndDelete(t *testing.T, f fixture) {
	id, key := f.key("id"), f.key("key")
	f.put(t, id, f.record("one", key))
	release, done := f.hold(f.ctx, id, nil)
	defer release()
	check.NoError(t, f.store.DeleteIndexed(f.ctx, key))
	release()
	if err := <-done; err != nil {
		check.Error(t, err, client.ErrDeleted)
	}
	f.want(t, id, "")
}

func testUpdateAfterDeletion(t *testing.T, f fixture) {
	id, key := f.key("id"), f.key("key")
	f.put(t, id, f.record("one", key))
	release, done := f.hold(f.ctx, id, f.record("two", key))
	defer release()
	check.NoError(t, f.store.DeleteIndexed(f.ctx, key))
	next := make(chan error, 1)
	go func() {
		next <- f.store.Update(f.ctx, id, func(r *client.Record) (*client.Record, error) {
			if r != nil {
				t.Errorf("the deleted record came back: %s", r.Data)
			}
			return f.record("three", key), nil
		})
	}()
	release()
	check.Error(t, <-done, client.ErrDeleted)
	check.NoError(t, <-next)
	f.want(t, id, "three")
}

func testOnce(t *testing.T, f fixture) {
	one, two := f.key("one"), f.key("two")
	until := time.Now().Add(time.Hour)
	got := []bool{}
	for _, key := range []string{one, one, two, one, two} {
		first, err := f.store.Once(f.ctx, key, until)
		check.NoError(t, err)
		got = append(got, first)
	}
	check.True(t, slices.Equal(got, []bool{true, false, true, false, false}), "got %v", got)

	// A mark whose time is over marks nothing, and records are no marks.
	past := f.key("past")
	for range 2 {
		first, err := f.store.Once(f.ctx, past, time.Now().Add(-time.Minute))
		check.NoError(t, err)
		check.True(t, first, "a mark outlives its time")
	}
	f.put(t, two, f.record("two", two))
	f.want(t, one, "")
	check.NoError(t, f.store.DeleteIndexed(f.ctx, one))
	first, err := f.store.Once(f.ctx, one, until)
	check.NoError(t, err)
	check.True(t, !first, "DeleteIndexed removed a mark")
	f.want(t, two, "two")
}

func testOnceConcurrent(t *testing.T, f fixture) {
	key, until := f.key("key"), time.Now().Add(time.Hour)
	var firsts atomic.Int32
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			first, err := f.store.Once(f.ctx, key, until)
			if err != nil {
				t.Errorf("once: %v", err)
			}
			if first {
				firsts.Add(1)
			}
		})
	}
	all.Wait()
	check.Equal(t, firsts.Load(), int32(1), "callers that were first")
}

func testDoneContext(t *testing.T, f fixture) {
	id, key := f.key("id"), f.key("key")
	f.put(t, id, f.record("one", key))
	ctx, cancel := context.WithCancel(f.ctx)
	cancel()
	_, err := f.store.Load(ctx, id)
	check.Error(t, err, context.Canceled)
	check.Error(t, f.store.Update(ctx, id, func(*client.Record) (*client.Record, error) {
		t.Error("the function ran")
		return nil, nil
	}), context.Canceled)
	check.Error(t, f.store.DeleteIndexed(ctx, key), context.Canceled)
	first, err := f.store.Once(ctx, key, time.Now().Add(time.Hour))
	check.Error(t, err, context.Canceled)
	check.True(t, !first, "first, and an error")
	f.want(t, id, "one")
}
