package client

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/relyingparty/oidc/internal/check"
)

// Nothing is left of records that are gone: neither their locks nor their index.
func TestMemoryStoreLeavesNothing(t *testing.T) {
	t.Parallel()
	s := NewMemoryStore(0)
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
	check.Equal(t, len(s.locks), 0, "locks")
	check.Equal(t, len(s.records), 10, "records")
	check.Equal(t, len(s.expiry), 10, "records in the heap")
	check.Equal(t, len(s.index), 11, "index keys")
	save("late", time.Now().Add(-time.Second))
	save("0", time.Now().Add(-time.Second))
	check.Equal(t, len(s.records), 9, "records, the expired ones left out")
	check.NoError(t, s.DeleteIndexed(t.Context(), "all"))
	check.Equal(t, len(s.records)+len(s.expiry)+len(s.index)+len(s.locks), 0, "what is left")
}
