package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
)

// outcome is what the tests said to a mutant.
type outcome struct {
	// Digest is of the mutant and of what the tests below are made of.
	Digest string `json:"digest"`
	// Tested are the packages whose tests ran, in order; those of the last
	// one killed the mutant, unless it survived.
	Tested   []string `json:"tested"`
	Survived bool     `json:"survived"`
	Killer   string   `json:"killer,omitempty"` // what killed it: a test, "a panic", "timeout"
	Seconds  float64  `json:"seconds"`
}

// progress keeps outcomes between runs.
type progress struct {
	file string
	mu   sync.Mutex
	kept map[string]outcome // by the mutant's name
}

// openProgress reads what an earlier run kept; a file that is not there is
// empty.
func openProgress(file string) (*progress, error) {
	p := &progress{file: file, kept: map[string]outcome{}}
	b, err := os.ReadFile(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return p, nil
	case err != nil:
		return nil, err
	}
	if err := json.Unmarshal(b, &p.kept); err != nil {
		return nil, fmt.Errorf("%s: %w: remove the file", file, err)
	}
	return p, nil
}

// find returns the outcome of an earlier run, unless something has changed.
func (p *progress) find(m mutant, mod *module) (outcome, bool) {
	p.mu.Lock()
	o, ok := p.kept[m.id()]
	p.mu.Unlock()
	if !ok {
		return outcome{}, false
	}
	digest, err := o.digest(m, mod)
	return o, err == nil && digest == o.Digest
}

// digest is what Digest must be for the outcome to hold. A killed mutant
// depends on the tests that killed it alone, one that survived on all.
func (o outcome) digest(m mutant, mod *module) (string, error) {
	sum := sha256.New()
	fmt.Fprintf(sum, "%q %q %q\n", m.path(), m.Old, m.New)
	tested := o.Tested
	if !o.Survived && len(tested) > 0 {
		tested = tested[len(tested)-1:]
	} else {
		fmt.Fprintf(sum, "%q %q\n", tested, mod.dependents(m.Package))
	}
	for _, folder := range tested {
		digest, err := mod.digest(folder)
		if err != nil {
			return "", err
		}
		fmt.Fprintln(sum, folder, digest)
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// add keeps an outcome and writes the file.
func (p *progress) add(m mutant, o outcome) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.kept[m.id()] = o
	b, err := json.MarshalIndent(p.kept, "", "\t")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(p.file), 0o750); err != nil {
		return err
	}
	if err := os.WriteFile(p.file+".new", b, 0o600); err != nil {
		return err
	}
	return os.Rename(p.file+".new", p.file)
}
