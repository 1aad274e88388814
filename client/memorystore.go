package client

import (
	"container/heap"
	"context"
	"sync"
	"time"
)

const (
	defaultMaxSessions = 50_000
	marksPerSession    = 4
	minMarks           = 10_000
	// sweepPerCall bounds how many expired entries one call removes, so that no call stalls the others.
	sweepPerCall = 16
)

// MemoryStore is the Store of a single process. It is bounded, expires lazily and starts no goroutine.
//
// When it is full the session that would expire first makes room. Its content ends with the process: everybody signs in again.
type MemoryStore struct {
	maxRecords, maxMarks int

	mu      sync.Mutex
	records map[string]*memoryEntry
	expiry  entryHeap
	index   map[string]map[string]struct{} // index key -> ids
	locks   map[string]*idLock

	marks      map[string]*memoryEntry
	markExpiry entryHeap
}

// NewMemoryStore returns a store of at most maxSessions records (0 = 50 000) and four times as many replay marks, at least 10 000.
func NewMemoryStore(maxSessions int) *MemoryStore {
	if maxSessions <= 0 {
		maxSessions = defaultMaxSessions
	}
	return &MemoryStore{
		maxRecords: maxSessions,
		maxMarks:   max(marksPerSession*maxSessions, minMarks),
		records:    map[string]*memoryEntry{},
		index:      map[string]map[string]struct{}{},
		locks:      map[string]*idLock{},
		marks:      map[string]*memoryEntry{},
	}
}

// memoryEntry is one version of a record: each write makes a new one, so that its identity tells whether it was replaced.
type memoryEntry struct {
	id      string
	record  *Record // never modified; nil for a mark
	expires time.Time
	at      int // place in its heap
}

// idLock is held while a record's function runs; it exists while somebody holds or awaits it.
type idLock struct {
	held  chan struct{} // capacity 1
	users int
}

// Load implements Store.
func (s *MemoryStore) Load(ctx context.Context, id string) (*Record, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	entry := s.current(id, time.Now())
	s.mu.Unlock()
	if entry == nil {
		return nil, nil
	}
	return entry.record.clone(), nil
}

// Update implements Store.
func (s *MemoryStore) Update(ctx context.Context, id string, fn func(*Record) (*Record, error)) error {
	unlock, err := s.lock(ctx, id)
	if err != nil {
		return err
	}
	defer unlock()

	s.mu.Lock()
	before := s.current(id, time.Now())
	s.mu.Unlock()
	var in *Record
	if before != nil {
		in = before.record.clone()
	}
	out, err := fn(in)
	if err != nil {
		return err
	}
	if out != nil {
		out = out.clone()
	}

	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	// Under the lock of this id only a deletion (or eviction, or expiry) can have taken the entry away.
	if before != nil && s.records[id] != before {
		return ErrDeleted
	}
	if before != nil {
		s.remove(before)
	}
	if out != nil && out.Expires.After(now) {
		s.insert(id, out, now)
	}
	return nil
}

// DeleteIndexed implements Store.
func (s *MemoryStore) DeleteIndexed(ctx context.Context, key string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for id := range s.index[key] {
		s.remove(s.records[id])
	}
	return nil
}

// Once implements Store.
func (s *MemoryStore) Once(ctx context.Context, key string, until time.Time) (bool, error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	for range sweepPerCall {
		if len(s.markExpiry) == 0 || s.markExpiry[0].expires.After(now) {
			break
		}
		s.removeMark(s.markExpiry[0])
	}
	if mark := s.marks[key]; mark != nil {
		if mark.expires.After(now) {
			return false, nil
		}
		s.removeMark(mark)
	}
	if !until.After(now) {
		return true, nil
	}
	// Forgetting a mark that still counts would let what it stands for be used again.
	if len(s.marks) >= s.maxMarks {
		return false, ErrStoreFull
	}
	mark := &memoryEntry{id: key, expires: until}
	s.marks[key] = mark
	heap.Push(&s.markExpiry, mark)
	return true, nil
}

// lock waits for the exclusive right to update id.
func (s *MemoryStore) lock(ctx context.Context, id string) (unlock func(), err error) {
	s.mu.Lock()
	l := s.locks[id]
	if l == nil {
		l = &idLock{held: make(chan struct{}, 1)}
		s.locks[id] = l
	}
	l.users++
	s.mu.Unlock()
	leave := func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if l.users--; l.users == 0 {
			delete(s.locks, id)
		}
	}
	if err := ctx.Err(); err != nil {
		leave()
		return nil, err
	}
	select {
	case l.held <- struct{}{}:
		return func() { <-l.held; leave() }, nil
	case <-ctx.Done():
		leave()
		return nil, ctx.Err()
	}
}

// current returns the live entry of id. s.mu is held.
func (s *MemoryStore) current(id string, now time.Time) *memoryEntry {
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

// insert adds a record and makes room for it. s.mu is held.
func (s *MemoryStore) insert(id string, record *Record, now time.Time) {
	for range sweepPerCall {
		if len(s.expiry) == 0 || s.expiry[0].expires.After(now) && len(s.expiry) < s.maxRecords {
			break
		}
		s.remove(s.expiry[0])
	}
	entry := &memoryEntry{id: id, record: record, expires: record.Expires}
	s.records[id] = entry
	heap.Push(&s.expiry, entry)
	for _, key := range record.Index {
		if s.index[key] == nil {
			s.index[key] = map[string]struct{}{}
		}
		s.index[key][id] = struct{}{}
	}
}

// remove deletes an entry that is there. s.mu is held.
func (s *MemoryStore) remove(entry *memoryEntry) {
	delete(s.records, entry.id)
	heap.Remove(&s.expiry, entry.at)
	for _, key := range entry.record.Index {
		delete(s.index[key], entry.id)
		if len(s.index[key]) == 0 {
			delete(s.index, key)
		}
	}
}

func (s *MemoryStore) removeMark(mark *memoryEntry) {
	delete(s.marks, mark.id)
	heap.Remove(&s.markExpiry, mark.at)
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
