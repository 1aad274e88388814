package store_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/relyingparty/oidc/internal/check"
	"github.com/relyingparty/oidc/store"
	"github.com/relyingparty/oidc/store/storetest"
)

func TestMemory(t *testing.T) {
	t.Parallel()
	open := func(*testing.T) (a, b store.Store) {
		s := store.NewMemory(0)
		return s, s
	}
	storetest.Run(t, open)
	storetest.RunLease(t, open, storetest.Times{Lease: time.Minute, Patience: 30 * time.Second}, synctest.Test)
	storetest.RunFull(t, open, func(t *testing.T, s store.Store) {
		for i := range 1_000_000 {
			if _, err := s.Once(t.Context(), fmt.Sprint(i), time.Now().Add(time.Hour)); err != nil {
				check.Error(t, err, store.ErrFull)
				return
			}
		}
		t.Fatal("the store is never full")
	})
}

func putRecord(t *testing.T, s store.Store, id string, ttl time.Duration, index ...string) {
	t.Helper()
	check.NoError(t, s.Update(t.Context(), id, func(*store.Record) (*store.Record, error) {
		return &store.Record{Data: []byte(id), Expires: time.Now().Add(ttl), Index: index}, nil
	}))
}

func holdsRecord(t *testing.T, s store.Store, id string) bool {
	t.Helper()
	record, err := s.Load(t.Context(), id)
	check.NoError(t, err)
	return record != nil
}

func TestMemoryExpires(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := store.NewMemory(0)
		putRecord(t, s, "short", time.Minute, "key")
		putRecord(t, s, "long", time.Hour, "key")
		time.Sleep(time.Minute - 1)
		check.True(t, holdsRecord(t, s, "short"), "gone too early")
		time.Sleep(time.Nanosecond)
		found, err := s.List(t.Context(), "key") // before anything has removed it
		check.NoError(t, err)
		check.Equal(t, len(found), 1, "records listed")
		check.True(t, !holdsRecord(t, s, "short"), "still there at its end")
		check.NoError(t, s.Update(t.Context(), "short", func(r *store.Record) (*store.Record, error) {
			check.True(t, r == nil, "update sees an expired record")
			return nil, nil
		}))
		check.True(t, holdsRecord(t, s, "long"), "the other one is gone")
		_, err = s.DeleteByIndex(t.Context(), "key")
		check.NoError(t, err)
		check.True(t, !holdsRecord(t, s, "long"), "its index was lost")

		until := time.Now().Add(time.Minute)
		for _, step := range []struct {
			wait time.Duration
			want bool
		}{{0, true}, {time.Minute - 1, false}, {1, true}} {
			time.Sleep(step.wait)
			first, err := s.Once(t.Context(), "mark", until)
			check.NoError(t, err)
			check.Equal(t, first, step.want, "first")
		}
	})
}

// The update ran past the record's own end: that is no deletion.
func TestMemoryUpdateAcrossExpiry(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := store.NewMemory(0)
		putRecord(t, s, "id", time.Second)
		check.NoError(t, s.Update(t.Context(), "id", func(r *store.Record) (*store.Record, error) {
			time.Sleep(2 * time.Second)
			r.Expires = time.Now().Add(time.Hour)
			return r, nil
		}))
		check.True(t, holdsRecord(t, s, "id"), "the renewed record is gone")
	})
}

func TestMemoryIsBounded(t *testing.T) {
	t.Parallel()
	s := store.NewMemory(10)
	for i := range 25 {
		putRecord(t, s, fmt.Sprint(i), time.Hour+time.Duration(i)*time.Second, fmt.Sprint("key", i))
	}
	for i := range 25 {
		check.Equal(t, holdsRecord(t, s, fmt.Sprint(i)), i >= 15, fmt.Sprintf("record %d is there", i))
	}
	putRecord(t, s, "20", 2*time.Hour)
	check.True(t, holdsRecord(t, s, "15"), "replacing a record pushed another out")

	until := time.Now().Add(time.Hour)
	var marks int
	for ; marks <= 10_000; marks++ {
		first, err := s.Once(t.Context(), fmt.Sprint(marks), until)
		if err != nil {
			check.Error(t, err, store.ErrFull)
			break
		}
		check.True(t, first, "a fresh mark is not the first")
	}
	check.Equal(t, marks, 10_000, "marks")
	first, err := s.Once(t.Context(), "0", until)
	check.NoError(t, err)
	check.True(t, !first, "a full store forgot a mark")
}

// What strangers can cause to be marked leaves room for what they cannot.
func TestMemoryBoundsEachKindOfMark(t *testing.T) {
	t.Parallel()
	s := store.NewMemory(1)
	until := time.Now().Add(time.Hour)
	fill := func(kind string) (marks int) {
		for marks <= 10_000 {
			first, err := s.Once(t.Context(), kind+fmt.Sprint(marks), until)
			if err != nil {
				check.Error(t, err, store.ErrFull)
				return marks
			}
			check.True(t, first, "a fresh mark is not the first")
			marks++
		}
		return marks
	}
	for _, kind := range []string{"flow:", "logout:", ""} {
		check.Equal(t, fill(kind), 10_000, "marks of kind "+kind)
	}
	// Whoever makes up kinds gets no more room for it.
	total := 0
	for i := range 30 {
		total += fill(fmt.Sprintf("made-up-%d:", i))
	}
	check.True(t, total <= 80_000, "%d marks of made-up kinds", total)
	for _, key := range []string{"flow:0", "logout:9999", "0", "made-up-0:0"} {
		marked, err := s.Marked(t.Context(), key)
		check.NoError(t, err)
		check.True(t, marked, "%s is forgotten", key)
	}
}

// One person's sign-ins push out the oldest of their own, whatever it is used for.
func TestMemoryBoundsRecordsOfAKey(t *testing.T) {
	t.Parallel()
	s := store.NewMemory(1000)
	putRecord(t, s, "bob", time.Minute, "sub bob")
	for i := range 100 {
		putRecord(t, s, fmt.Sprint(i), time.Hour, "sub alice", fmt.Sprint(i))
	}
	putRecord(t, s, "0", 2*time.Hour, "sub alice", "0") // an update makes no record younger
	for i := range 50 {
		check.True(t, holdsRecord(t, s, fmt.Sprint(i)), "record %d is gone", i)
		putRecord(t, s, fmt.Sprint(100+i), time.Hour, "sub alice")
		check.True(t, !holdsRecord(t, s, fmt.Sprint(i)), "record %d is still there", i)
	}
	check.True(t, holdsRecord(t, s, "bob"), "somebody else's record is gone")
	found, err := s.List(t.Context(), "sub alice")
	check.NoError(t, err)
	check.Equal(t, len(found), 100, "records of the key")
	check.True(t, holdsRecord(t, s, "149"), "the newest is gone")
}

// In a full store the sign-ins of one person push out their own before anybody's.
func TestMemoryFullOfOnePerson(t *testing.T) {
	t.Parallel()
	s := store.NewMemory(50)
	for i := range 5 {
		putRecord(t, s, fmt.Sprint("bob", i), time.Minute, "sub bob") // the first to expire
	}
	for i := range 90 {
		putRecord(t, s, fmt.Sprint("alice", i), time.Hour, "sub alice")
	}
	for i := range 5 {
		check.True(t, holdsRecord(t, s, fmt.Sprint("bob", i)), "record %d of somebody else is gone", i)
	}
	check.True(t, holdsRecord(t, s, "alice89"), "the newest is gone")
}

func TestMemoryForgetsExpiredMarks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := store.NewMemory(1)
		for i := range 10_000 {
			_, err := s.Once(t.Context(), fmt.Sprint(i), time.Now().Add(time.Minute))
			check.NoError(t, err)
		}
		time.Sleep(time.Minute)
		first, err := s.Once(t.Context(), "5000", time.Now())
		check.NoError(t, err)
		check.True(t, first, "an expired mark counts")
		for i := range 10_000 {
			first, err := s.Once(t.Context(), fmt.Sprint("new", i), time.Now().Add(time.Minute))
			check.NoError(t, err)
			check.True(t, first, "not the first")
		}
	})
}

func TestMemoryWaiterIsBoundedByItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := store.NewMemory(0)
		check.NoError(t, s.Update(t.Context(), "id", func(*store.Record) (*store.Record, error) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			err := s.Update(ctx, "id", func(*store.Record) (*store.Record, error) { panic("two at once") })
			check.Error(t, err, context.DeadlineExceeded)
			return nil, nil
		}))
	})
}

// An update that outlived its lease gives back nothing but its own: whoever took
// over is still alone.
func TestMemoryLateUpdateReleasesNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := store.NewMemory(0)
		update := func(after, takes time.Duration, f func()) <-chan error {
			done := make(chan error, 1)
			go func() {
				time.Sleep(after)
				done <- s.Update(t.Context(), "id", func(*store.Record) (*store.Record, error) {
					f()
					time.Sleep(takes)
					return &store.Record{Expires: time.Now().Add(time.Hour)}, nil
				})
			}()
			return done
		}
		start := time.Now()
		late := update(0, 70*time.Second, func() {})
		second := update(40*time.Second, 30*time.Second, func() { check.Equal(t, time.Since(start), time.Minute, "the second begins after") })
		third := update(75*time.Second, 0, func() { check.Equal(t, time.Since(start), 90*time.Second, "the third begins after") })
		check.True(t, <-late != nil, "the late one has no error")
		check.NoError(t, <-second)
		check.NoError(t, <-third)
	})
}

// A record without an index is a note that somebody will look for: nothing makes
// it go before it expires.
func TestMemoryKeepsWhatHasNoIndex(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const room = 10_000 // of marks, and so of records without an index
		s := store.NewMemory(20)
		for i := range 20 {
			putRecord(t, s, fmt.Sprint("session", i), time.Hour, fmt.Sprint("sub", i))
		}
		putRecord(t, s, "note", time.Minute)
		for i := range 40 {
			putRecord(t, s, fmt.Sprint("later", i), time.Hour, fmt.Sprint("sub of later", i))
		}
		check.True(t, holdsRecord(t, s, "note"), "the note is gone")
		for i := range room - 1 {
			putRecord(t, s, fmt.Sprint("note", i), time.Minute)
		}
		putRecord(t, s, "note", time.Minute) // takes its own place
		add := func() error {
			return s.Update(t.Context(), "one more", func(*store.Record) (*store.Record, error) {
				return &store.Record{Expires: time.Now().Add(time.Minute)}, nil
			})
		}
		check.Error(t, add(), store.ErrFull)
		check.True(t, holdsRecord(t, s, "later39"), "a session is gone")
		time.Sleep(time.Minute)
		check.NoError(t, add())
	})
}
