package store

import (
	"container/heap"
	"context"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	defaultMaxSessions = 50_000
	marksPerSession    = 4
	minMarks           = 10_000
	// maxMarkKinds bounds the budgets: further kinds share one.
	maxMarkKinds = 8
	// maxPerKey bounds the records under one index key, so that one person's
	// sign-ins do not push everybody else out.
	maxPerKey = 100
	// sweepPerCall bounds how many expired entries one call removes, so that no call stalls the others.
	sweepPerCall = 16
)

// Memory is the Store of a single process. It is bounded, expires lazily and
// starts no goroutine.
//
// When it is full, the record that would expire first makes room. A record without
// an index makes room for nobody: at most as many are kept as marks of one kind,
// and one more is an ErrFull. A subject has at most 100 sessions, and at most a
// tenth of a store that is full: the oldest of them makes room. Its content ends
// with the process: everybody signs in again.
type Memory struct {
	maxRecords, maxMarks int

	mu      sync.Mutex
	born    uint64 // of the newest record
	records map[string]*memoryEntry
	expiry  entryHeap                      // of the records with an index
	fixed   entryHeap                      // of those without, which nothing evicts
	index   map[string]map[string]struct{} // index key -> ids
	leases  map[string]*memoryLease
	marks   map[string]*memoryMarks // by kind
}

// NewMemory returns a store of at most maxSessions records (0 = 50 000) and,
// of each kind, four times as many replay marks, at least 10 000.
func NewMemory(maxSessions int) *Memory {
	if maxSessions <= 0 {
		maxSessions = defaultMaxSessions
	}
	return &Memory{
		maxRecords: maxSessions,
		maxMarks:   max(marksPerSession*maxSessions, minMarks),
		records:    map[string]*memoryEntry{},
		index:      map[string]map[string]struct{}{},
		leases:     map[string]*memoryLease{},
		marks:      map[string]*memoryMarks{},
	}
}

// memoryEntry is one version of a record: each write makes a new one, so that its identity tells whether it was replaced.
type memoryEntry struct {
	id      string
	record  *Record // never modified; nil for a mark
	born    uint64  // the same in every version: a lower one is an older record
	expires time.Time
	at      int // place in its heap
}

// Load implements Store.
func (s *Memory) Load(ctx context.Context, id string) (*Record, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	entry := s.current(id, time.Now())
	s.mu.Unlock()
	if entry == nil {
		return nil, nil
	}
	return entry.record.clone(id), nil
}

// Update implements Store.
func (s *Memory) Update(ctx context.Context, id string, fn func(*Record) (*Record, error)) error {
	mine, err := s.lease(ctx, id)
	if err != nil {
		return err
	}
	defer s.release(id, mine)

	s.mu.Lock()
	before := s.current(id, time.Now())
	s.mu.Unlock()
	var in *Record
	if before != nil {
		in = before.record.clone(id)
	}
	out, err := fn(in)
	if err != nil {
		return err
	}
	if out != nil {
		out = out.clone(id)
	}

	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	switch {
	case before != nil && s.records[id] == nil: // deleted, evicted or expired
		return ErrDeleted
	case s.leases[id] != mine:
		return errLeaseLost
	}
	born := uint64(0)
	if before != nil {
		born = before.born
		s.remove(before)
	}
	if out != nil && out.Expires.After(now) {
		return s.insert(id, out, born, now)
	}
	return nil
}

// DeleteByIndex implements Store.
func (s *Memory) DeleteByIndex(ctx context.Context, key string, except ...string) ([]Record, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var deleted []Record
	now := time.Now()
	for id := range s.index[key] {
		if slices.Contains(except, id) {
			continue
		}
		entry := s.records[id]
		s.remove(entry)
		if entry.expires.After(now) {
			deleted = append(deleted, *entry.record) // it is nobody else's any more
		}
	}
	return deleted, nil
}

// List implements Lister.
func (s *Memory) List(ctx context.Context, key string) ([]Record, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []Record
	now := time.Now()
	for id := range s.index[key] {
		if entry := s.records[id]; entry.expires.After(now) {
			found = append(found, *entry.record.clone(id))
		}
	}
	return found, nil
}

// memoryMarks are the marks of one kind.
type memoryMarks struct {
	byKey  map[string]*memoryEntry
	expiry entryHeap
}

// Once implements Store.
func (s *Memory) Once(ctx context.Context, key string, until time.Time) (bool, error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	marks := s.marksFor(key)
	for range sweepPerCall {
		if len(marks.expiry) == 0 || marks.expiry[0].expires.After(now) {
			break
		}
		marks.remove(marks.expiry[0])
	}
	if mark := marks.byKey[key]; mark != nil {
		if mark.expires.After(now) {
			return false, nil
		}
		marks.remove(mark)
	}
	if !until.After(now) {
		return true, nil
	}
	// Forgetting a mark that still counts would let what it stands for be used again.
	if len(marks.byKey) >= s.maxMarks {
		return false, ErrFull
	}
	mark := &memoryEntry{id: key, expires: until}
	marks.byKey[key] = mark
	heap.Push(&marks.expiry, mark)
	return true, nil
}

// Marked implements Store.
func (s *Memory) Marked(ctx context.Context, key string) (bool, error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	mark := s.marksFor(key).byKey[key]
	return mark != nil && mark.expires.After(time.Now()), nil
}

// marksFor returns the marks of the key's kind. A kind is never dropped: the same key is always looked for in the same
// place. s.mu is held.
func (s *Memory) marksFor(key string) *memoryMarks {
	kind, _, ok := strings.Cut(key, ":")
	if !ok || s.marks[kind] == nil && len(s.marks) >= maxMarkKinds {
		kind = ""
	}
	if s.marks[kind] == nil {
		s.marks[kind] = &memoryMarks{byKey: map[string]*memoryEntry{}}
	}
	return s.marks[kind]
}

func (m *memoryMarks) remove(mark *memoryEntry) {
	delete(m.byKey, mark.id)
	heap.Remove(&m.expiry, mark.at)
}

// current returns the live entry of id. s.mu is held.
func (s *Memory) current(id string, now time.Time) *memoryEntry {
	entry := s.records[id]
	if entry == nil {
		return nil
	}
	if !entry.expires.After(now) {
		s.remove(entry)
		return nil
	}
	return entry
}

// heapOf returns the heap that a record is in.
func (s *Memory) heapOf(record *Record) *entryHeap {
	if len(record.Index) == 0 {
		return &s.fixed
	}
	return &s.expiry
}

// insert adds a record and makes room for it; born is 0 for a new one. It fails
// only for a record without an index, for which nothing makes room. s.mu is held.
func (s *Memory) insert(id string, record *Record, born uint64, now time.Time) error {
	expiry := s.heapOf(record)
	for range sweepPerCall {
		if len(*expiry) == 0 || (*expiry)[0].expires.After(now) {
			break
		}
		s.remove((*expiry)[0])
	}
	if expiry == &s.fixed && len(s.fixed) >= s.maxMarks {
		return ErrFull
	}
	for _, key := range record.Index {
		held := len(s.index[key])
		if held >= maxPerKey || len(s.expiry) >= s.maxRecords && held > s.maxRecords/10 {
			s.remove(s.oldest(key))
		}
	}
	for expiry == &s.expiry && len(s.expiry) >= s.maxRecords {
		s.remove(s.expiry[0])
	}
	if born == 0 {
		s.born++
		born = s.born
	}
	entry := &memoryEntry{id: id, record: record, born: born, expires: record.Expires}
	s.records[id] = entry
	heap.Push(expiry, entry)
	for _, key := range record.Index {
		if s.index[key] == nil {
			s.index[key] = map[string]struct{}{}
		}
		s.index[key][id] = struct{}{}
	}
	return nil
}

// oldest returns the first of the records under key to have been stored. s.mu is held.
func (s *Memory) oldest(key string) (first *memoryEntry) {
	for id := range s.index[key] {
		if entry := s.records[id]; first == nil || entry.born < first.born {
			first = entry
		}
	}
	return first
}

// remove deletes an entry that is there. s.mu is held.
func (s *Memory) remove(entry *memoryEntry) {
	delete(s.records, entry.id)
	heap.Remove(s.heapOf(entry.record), entry.at)
	for _, key := range entry.record.Index {
		delete(s.index[key], entry.id)
		if len(s.index[key]) == 0 {
			delete(s.index, key)
		}
	}
}

// entryHeap orders entries by expiry, the first to expire on top.
type entryHeap []*memoryEntry

func (h entryHeap) Len() int           { return len(h) }
func (h entryHeap) Less(i, j int) bool { return h[i].expires.Before(h[j].expires) }
func (h entryHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].at, h[j].at = i, j
}
func (h *entryHeap) Push(x any) {
	entry := x.(*memoryEntry)
	entry.at = len(*h)
	*h = append(*h, entry)
}
func (h *entryHeap) Pop() any {
	old := *h
	last := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	return last
}
