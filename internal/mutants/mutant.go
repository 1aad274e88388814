package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strconv"
)

// mutant is one check, taken out or weakened.
type mutant struct {
	Package string // the folder of its package, relative to the module
	Name    string // unique in its package
	File    string // in the package's folder
	Old     string // occurs exactly once in File
	New     string
	// Equivalent explains a mutant that survives: why no test can tell it
	// from the original, or which other check makes this one redundant on
	// purpose. If empty, a test must kill the mutant.
	Equivalent string
}

// change makes a mutant.
func change(name, file, old, replacement string) mutant {
	return mutant{Name: name, File: file, Old: old, New: replacement}
}

// equivalent explains why the mutant survives.
func (m mutant) equivalent(why string) mutant {
	m.Equivalent = why
	return m
}

// all returns the mutants of every list, in the order of the lists.
func all() []mutant {
	var every []mutant
	for _, list := range lists {
		for _, m := range list.mutants {
			m.Package = list.folder
			every = append(every, m)
		}
	}
	return every
}

// id is the mutant's unique name.
func (m mutant) id() string { return m.Package + "/" + m.Name }

// path is the file's, relative to the module.
func (m mutant) path() string { return path.Join(m.Package, m.File) }

// String is the mutant on one line.
func (m mutant) String() string {
	return fmt.Sprintf("%s\t%s\t%s => %s", m.id(), m.File, strconv.Quote(m.Old), strconv.Quote(m.New))
}

var (
	errAbsent   = errors.New("its old text is not in the file any more")
	errRepeated = errors.New("its old text occurs more than once in the file")
	errSame     = errors.New("its old and its new text are the same")
)

// apply returns the source of the file with the mutant in it.
func (m mutant) apply(source []byte) ([]byte, error) {
	switch n := bytes.Count(source, []byte(m.Old)); {
	case m.Old == m.New:
		return nil, errSame
	case n == 0:
		return nil, errAbsent
	case n > 1:
		return nil, errRepeated
	}
	return bytes.Replace(source, []byte(m.Old), []byte(m.New), 1), nil
}

// mutated reads the mutant's file below root and applies the mutant.
func (m mutant) mutated(root string) ([]byte, error) {
	source, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(m.path())))
	if err != nil {
		return nil, err
	}
	return m.apply(source)
}
