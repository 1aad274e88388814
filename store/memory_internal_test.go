package store

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/relyingparty/oidc/internal/check"
)

// Nothing is left of records that are gone: neither their leases nor their index.
func TestMemoryLeavesNothing(t *testing.T) {
	t.Parallel()
	s := NewMemory(0)
	save := func(id string, expires time.Time) {
		check.NoError(t, s.Update(t.Context(), id, func(*Record) (*Record, error) {
			return &Record{Expires: expires, Index: []string{"all", id}}, nil
		}))
	}
	var all sync.WaitGroup
	for i := range 100 {
		all.Go(func() { save(fmt.Sprint(i%10), time.Now().Add(time.Hour)) })
	}
	all.Wait()
	check.Equal(t, len(s.leases), 0, "leases")
	check.Equal(t, len(s.records), 10, "records")
	check.Equal(t, len(s.expiry), 10, "records in the heap")
	check.Equal(t, len(s.index), 11, "index keys")
	save("late", time.Now().Add(-time.Second))
	save("0", time.Now().Add(-time.Second))
	check.Equal(t, len(s.records), 9, "records, the expired ones left out")
	deleted, err := s.DeleteByIndex(t.Context(), "all")
	check.NoError(t, err)
	check.Equal(t, len(deleted), 9, "records deleted")
	check.Equal(t, len(s.records)+len(s.expiry)+len(s.index)+len(s.leases), 0, "what is left")
}
