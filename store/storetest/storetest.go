// Package storetest is the contract of store.Store as a test that every
// implementation runs: Run, RunLease and RunFull.
package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/store"
)

// patience bounds what must happen and never decides what must not.
const patience = 20 * time.Second

// Open returns two handles on the same data, as two processes have them; a store
// of one process returns the same one twice. The data is empty, or no other test
// uses its keys. It is called for each part.
type Open func(*testing.T) (a, b store.Store)

// Run tests what does not depend on the passing of time. Nothing sleeps.
func Run(t *testing.T, open Open) {
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
		{"load sees completed writes", testLoadSeesWrites},
		{"reads do not wait", testReadsDoNotWait},
		{"ErrDeleted is for a record that is gone", testErrDeleted},
		{"delete by index", testDeleteByIndex},
		{"delete by index, with exceptions", testDeleteExcept},
		{"delete by index returns a record once", testDeleteOnce},
		{"list", testList},
		{"an index follows its record", testIndexFollows},
		{"a deletion wins over a running update", testDeletionWins},
		{"a deletion wins though the update deletes too", testDeletionAndDelete},
		{"an update after a deletion starts from nothing", testUpdateAfterDeletion},
		{"once", testOnce},
		{"once among many", testOnceConcurrent},
		{"marked", testMarked},
		{"a done context", testDoneContext},
	} {
		t.Run(part.name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			part.test(t, newFixture(ctx, t, open))
		})
	}
}

func newFixture(ctx context.Context, t *testing.T, open Open) fixture {
	t.Helper()
	a, b := open(t)
	return fixture{a, b, ctx, fmt.Sprintf("%d-%p", time.Now().UnixNano(), t)}
}

type fixture struct {
	store  store.Store // the handle that most parts use
	other  store.Store
	ctx    context.Context
	unique string
}

// key makes a name nobody else uses.
func (f fixture) key(name string) string { return name + "-" + f.unique }

func (f fixture) record(data string, index ...string) *store.Record {
	return &store.Record{Data: []byte(data), Expires: time.Now().Add(time.Hour), Index: index}
}

func (f fixture) put(t *testing.T, id string, record *store.Record) {
	t.Helper()
	check.NoError(t, f.store.Update(f.ctx, id, func(*store.Record) (*store.Record, error) { return record, nil }))
}

func (f fixture) delete(t *testing.T, key string) {
	t.Helper()
	_, err := f.store.DeleteByIndex(f.ctx, key)
	check.NoError(t, err)
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
	check.Equal(t, out.ID, id, "id")

	// What came in and went out is the caller's own.
	in.Data[0], in.Index[0], out.Data[0], out.Index[0] = 'X', "x", 'Y', "y"
	f.want(t, id, "one")
	f.delete(t, key)
	f.want(t, id, "")
}

func testUpdate(t *testing.T, f fixture) {
	id := f.key("id")
	calls := 0
	check.NoError(t, f.store.Update(f.ctx, id, func(r *store.Record) (*store.Record, error) {
		calls++
		check.True(t, r == nil, "a record out of nothing")
		return f.record("one"), nil
	}))
	check.NoError(t, f.store.Update(f.ctx, id, func(r *store.Record) (*store.Record, error) {
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
	f.put(t, id, &store.Record{Data: []byte("four"), Expires: time.Now().Add(-time.Second)})
	f.want(t, id, "")
	f.put(t, id, &store.Record{Data: []byte("five")})
	f.want(t, id, "")
}

func testUpdateError(t *testing.T, f fixture) {
	id := f.key("id")
	refusal := errors.New("no")
	err := f.store.Update(f.ctx, id, func(*store.Record) (*store.Record, error) { return f.record("one"), refusal })
	check.Error(t, err, refusal)
	f.want(t, id, "")
	f.put(t, id, f.record("one"))
	err = f.store.Update(f.ctx, id, func(r *store.Record) (*store.Record, error) {
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
		_ = f.store.Update(f.ctx, id, func(*store.Record) (*store.Record, error) { panic("in the function") })
	})
	f.put(t, id, f.record("two"))
	f.want(t, id, "two")
}

func testExclusive(t *testing.T, f fixture) {
	id := f.key("id")
	var inside atomic.Int32
	var all sync.WaitGroup
	const many = 50
	for i := range many {
		handle := f.store
		if i%2 == 1 {
			handle = f.other
		}
		all.Go(func() {
			err := handle.Update(f.ctx, id, func(r *store.Record) (*store.Record, error) {
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
	err := f.store.Update(f.ctx, one, func(*store.Record) (*store.Record, error) {
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
func (f fixture) hold(ctx context.Context, id string, out *store.Record) (release func(), done <-chan error) {
	started, goOn, result := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		result <- f.store.Update(ctx, id, func(*store.Record) (*store.Record, error) {
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
		waiter <- f.store.Update(ctx, id, func(*store.Record) (*store.Record, error) {
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

func testDeleteByIndex(t *testing.T, f fixture) {
	shared, other := f.key("shared"), f.key("other")
	ids := []string{f.key("a"), f.key("b"), f.key("c")}
	f.put(t, ids[0], f.record("a", shared))
	f.put(t, ids[1], f.record("b", other, shared))
	f.put(t, ids[2], f.record("c", other))
	f.delete(t, f.key("unknown"))
	f.delete(t, shared)
	f.want(t, ids[0], "")
	f.want(t, ids[1], "")
	f.want(t, ids[2], "c")
	f.delete(t, shared)
	f.delete(t, other)
	f.want(t, ids[2], "")
}

// The records come back as they were, and are the caller's own.
func testDeleteExcept(t *testing.T, f fixture) {
	key := f.key("key")
	ids := []string{f.key("a"), f.key("b"), f.key("c")}
	for _, id := range ids {
		f.put(t, id, f.record("data of "+id, key, id))
	}
	deleted, err := f.store.DeleteByIndex(f.ctx, key, ids[1], f.key("unknown"))
	check.NoError(t, err)
	slices.SortFunc(deleted, func(a, b store.Record) int { return strings.Compare(a.ID, b.ID) })
	check.Equal(t, len(deleted), 2, "records deleted")
	for i, id := range []string{ids[0], ids[2]} {
		check.Equal(t, deleted[i].ID, id, "id")
		check.Equal(t, string(deleted[i].Data), "data of "+id, "data")
		check.DeepEqual(t, deleted[i].Index, []string{key, id}, "index")
		check.True(t, time.Until(deleted[i].Expires) > 50*time.Minute, "expires %v", deleted[i].Expires)
		f.want(t, id, "")
	}
	f.want(t, ids[1], "data of "+ids[1])
	deleted, err = f.store.DeleteByIndex(f.ctx, key)
	check.NoError(t, err)
	check.Equal(t, len(deleted), 1, "records deleted by the second call")
}

func testDeleteOnce(t *testing.T, f fixture) {
	key := f.key("key")
	const records, callers = 10, 20
	for i := range records {
		f.put(t, f.key(fmt.Sprint(i)), f.record("x", key))
	}
	var got atomic.Int32
	var all sync.WaitGroup
	for i := range callers {
		all.Go(func() {
			handle := f.store
			if i%2 == 1 {
				handle = f.other
			}
			deleted, err := handle.DeleteByIndex(f.ctx, key)
			if err != nil {
				t.Errorf("delete by index: %v", err)
			}
			got.Add(int32(len(deleted)))
		})
	}
	all.Wait()
	check.Equal(t, got.Load(), int32(records), "records returned by all calls together")
}

func testList(t *testing.T, f fixture) {
	lister, ok := f.store.(store.Lister)
	if !ok {
		return // it is optional
	}
	key := f.key("key")
	f.put(t, f.key("a"), f.record("a", key))
	f.put(t, f.key("b"), f.record("b", key, f.key("other")))
	f.put(t, f.key("c"), f.record("c", f.key("other")))
	list := func() []store.Record {
		found, err := lister.List(f.ctx, key)
		check.NoError(t, err)
		slices.SortFunc(found, func(a, b store.Record) int { return strings.Compare(a.ID, b.ID) })
		check.Equal(t, len(found), 2, "records listed")
		check.Equal(t, found[0].ID+found[1].ID, f.key("a")+f.key("b"), "ids")
		check.Equal(t, string(found[0].Data)+string(found[1].Data), "ab", "data")
		return found
	}
	list()[0].Data[0] = 'X'
	list()
	found, err := lister.List(f.ctx, f.key("unknown"))
	check.NoError(t, err)
	check.Equal(t, len(found), 0, "records under a key of none")
	ctx, cancel := context.WithCancel(f.ctx)
	cancel()
	_, err = lister.List(ctx, key)
	check.Error(t, err, context.Canceled)
}

func testLoadSeesWrites(t *testing.T, f fixture) {
	id := f.key("id")
	for i, stores := range [][2]store.Store{{f.store, f.other}, {f.other, f.store}} {
		writer, reader := fixture{store: stores[0], ctx: f.ctx}, fixture{store: stores[1], ctx: f.ctx}
		for j := range 20 {
			data := fmt.Sprint(i, j)
			writer.put(t, id, f.record(data, id))
			reader.want(t, id, data)
		}
		writer.delete(t, id)
		reader.want(t, id, "")
	}
}

func testReadsDoNotWait(t *testing.T, f fixture) {
	id, key := f.key("id"), f.key("key")
	f.put(t, id, f.record("one", key))
	release, done := f.hold(f.ctx, id, f.record("two", key))
	defer release()
	for _, handle := range []store.Store{f.store, f.other} {
		g := fixture{store: handle, ctx: f.ctx}
		g.want(t, id, "one")
		_, err := handle.Once(f.ctx, id, time.Now().Add(time.Hour))
		check.NoError(t, err)
		marked, err := handle.Marked(f.ctx, id)
		check.NoError(t, err)
		check.True(t, marked, "the mark is not there")
		g.delete(t, f.key("unknown"))
		if lister, ok := handle.(store.Lister); ok {
			found, err := lister.List(f.ctx, key)
			check.NoError(t, err)
			check.Equal(t, len(found), 1, "records listed")
		}
	}
	release()
	check.NoError(t, <-done)
	f.want(t, id, "two")
}

// To revoke a refresh token because of an ErrDeleted ends the session of whoever holds the record.
func testErrDeleted(t *testing.T, f fixture) {
	id, key := f.key("id"), f.key("key")
	hold := func(out *store.Record) (func(), <-chan error) { return f.hold(f.ctx, id, out) }

	// There was no record that a deletion could have met.
	release, done := hold(f.record("one", key))
	f.delete(t, key)
	release()
	check.NoError(t, <-done)
	f.want(t, id, "one")

	// The deletion was about others.
	release, done = hold(f.record("two", key))
	f.delete(t, f.key("unknown"))
	_, err := f.other.DeleteByIndex(f.ctx, key, id)
	check.NoError(t, err)
	release()
	check.NoError(t, <-done)
	f.want(t, id, "two")

	// The other process's deletion counts as well.
	release, done = hold(f.record("three", key))
	_, err = f.other.DeleteByIndex(f.ctx, key)
	check.NoError(t, err)
	release()
	check.Error(t, <-done, store.ErrDeleted)
	f.want(t, id, "")
}

func testIndexFollows(t *testing.T, f fixture) {
	id, before, after := f.key("id"), f.key("before"), f.key("after")
	f.put(t, id, f.record("one", before, before))
	f.put(t, id, f.record("two", after))
	f.delete(t, before)
	f.want(t, id, "two")
	f.put(t, id, nil)
	f.put(t, id, f.record("three"))
	f.delete(t, after)
	f.want(t, id, "three")
}

func testDeletionWins(t *testing.T, f fixture) {
	id, key := f.key("id"), f.key("key")
	f.put(t, id, f.record("one", key))
	release, done := f.hold(f.ctx, id, f.record("two", key))
	defer release()
	// The function is still running: a deletion that waited for it would never return.
	f.delete(t, key)
	f.want(t, id, "")
	release()
	check.Error(t, <-done, store.ErrDeleted)
	f.want(t, id, "")
	f.delete(t, key)
}

func testDeletionAndDelete(t *testing.T, f fixture) {
	id, key := f.key("id"), f.key("key")
	f.put(t, id, f.record("one", key))
	release, done := f.hold(f.ctx, id, nil)
	defer release()
	f.delete(t, key)
	release()
	if err := <-done; err != nil {
		check.Error(t, err, store.ErrDeleted)
	}
	f.want(t, id, "")
}

func testUpdateAfterDeletion(t *testing.T, f fixture) {
	id, key := f.key("id"), f.key("key")
	f.put(t, id, f.record("one", key))
	release, done := f.hold(f.ctx, id, f.record("two", key))
	defer release()
	f.delete(t, key)
	next := make(chan error, 1)
	go func() {
		next <- f.store.Update(f.ctx, id, func(r *store.Record) (*store.Record, error) {
			if r != nil {
				t.Errorf("the deleted record came back: %s", r.Data)
			}
			return f.record("three", key), nil
		})
	}()
	release()
	check.Error(t, <-done, store.ErrDeleted)
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
		marked, err := f.store.Marked(f.ctx, past)
		check.NoError(t, err)
		check.True(t, !marked, "a mark outlives its time")
	}
	f.put(t, two, f.record("two", two))
	f.want(t, one, "")
	f.delete(t, one)
	first, err := f.store.Once(f.ctx, one, until)
	check.NoError(t, err)
	check.True(t, !first, "DeleteByIndex removed a mark")
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

func testMarked(t *testing.T, f fixture) {
	key := f.key("kind:key")
	marked := func() bool {
		a, err := f.store.Marked(f.ctx, key)
		check.NoError(t, err)
		b, err := f.other.Marked(f.ctx, key)
		check.NoError(t, err)
		check.Equal(t, a, b, "what the two handles say")
		return a
	}
	check.True(t, !marked(), "marked before the mark was made")
	first, err := f.other.Once(f.ctx, key, time.Now().Add(time.Hour))
	check.NoError(t, err)
	check.True(t, first, "Marked has set the mark")
	check.True(t, marked(), "not marked")
	first, err = f.store.Once(f.ctx, key, time.Now().Add(time.Hour))
	check.NoError(t, err)
	check.True(t, !first, "Marked has removed the mark")
	check.True(t, marked(), "not marked any more")
}

func testDoneContext(t *testing.T, f fixture) {
	id, key := f.key("id"), f.key("key")
	f.put(t, id, f.record("one", key))
	ctx, cancel := context.WithCancel(f.ctx)
	cancel()
	_, err := f.store.Load(ctx, id)
	check.Error(t, err, context.Canceled)
	check.Error(t, f.store.Update(ctx, id, func(*store.Record) (*store.Record, error) {
		t.Error("the function ran")
		return nil, nil
	}), context.Canceled)
	_, err = f.store.DeleteByIndex(ctx, key)
	check.Error(t, err, context.Canceled)
	_, err = f.store.Marked(ctx, key)
	check.Error(t, err, context.Canceled)
	first, err := f.store.Once(ctx, key, time.Now().Add(time.Hour))
	check.Error(t, err, context.Canceled)
	check.True(t, !first, "first, and an error")
	f.want(t, id, "one")
}
