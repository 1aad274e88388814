package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// module is what `go list` knows of the module that the mutants belong to.
type module struct {
	root     string
	name     string
	packages map[string]*pkg // by folder, relative to root
}

// pkg is a package of the module.
type pkg struct {
	folder  string
	imports []string // folders of the module's packages that the package itself imports
	tests   []string // and those that its tests import
}

// load lists the module around dir.
func load(ctx context.Context, dir string) (*module, error) {
	var where struct {
		Path, Dir string
	}
	if err := golist(ctx, dir, &where, nil, "-m"); err != nil {
		return nil, err
	}
	m := &module{root: where.Dir, name: where.Path, packages: map[string]*pkg{}}
	var listed struct {
		ImportPath                         string
		Imports, TestImports, XTestImports []string
	}
	err := golist(ctx, m.root, &listed, func() {
		p := &pkg{folder: m.folder(listed.ImportPath)}
		p.imports = m.folders(listed.Imports)
		p.tests = m.folders(slices.Concat(listed.TestImports, listed.XTestImports))
		m.packages[p.folder] = p
		listed.Imports, listed.TestImports, listed.XTestImports = nil, nil, nil
	}, "./...")
	return m, err
}

// golist runs `go list -json ARGS` in dir, decodes one object after the other
// into v and calls each, unless it is nil, after each of them.
func golist(ctx context.Context, dir string, v any, each func(), args ...string) error {
	cmd := exec.CommandContext(ctx, "go", append([]string{"list", "-json"}, args...)...)
	cmd.Dir = dir
	out, err := cmd.Output()
	if err != nil {
		if exit, ok := errors.AsType[*exec.ExitError](err); ok {
			return fmt.Errorf("go list %q: %s", args, bytes.TrimSpace(exit.Stderr))
		}
		return fmt.Errorf("go list %q: %w", args, err)
	}
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		switch err := dec.Decode(v); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("go list %q: %w", args, err)
		}
		if each != nil {
			each()
		}
	}
}

// folder of a package of the module: "." for the module's own.
func (m *module) folder(importPath string) string {
	return cmp.Or(strings.TrimPrefix(strings.TrimPrefix(importPath, m.name), "/"), ".")
}

// folders keeps the packages of the module.
func (m *module) folders(importPaths []string) []string {
	var folders []string
	for _, p := range importPaths {
		if p == m.name || strings.HasPrefix(p, m.name+"/") {
			folders = append(folders, m.folder(p))
		}
	}
	return folders
}

// linked are the packages whose code the tests of a package run, itself
// included, sorted.
func (m *module) linked(folder string) []string {
	seen := map[string]bool{}
	var visit func(string)
	visit = func(f string) {
		p := m.packages[f]
		if p == nil || seen[f] {
			return
		}
		seen[f] = true
		for _, i := range p.imports {
			visit(i)
		}
	}
	visit(folder)
	if p := m.packages[folder]; p != nil {
		for _, t := range p.tests {
			visit(t)
		}
	}
	return slices.Sorted(maps.Keys(seen))
}

// dependents are the packages whose tests run the package's code, those that
// import it themselves first. This program is none.
func (m *module) dependents(folder string) []string {
	var direct, others []string
	for _, f := range slices.Sorted(maps.Keys(m.packages)) {
		p := m.packages[f]
		switch {
		case f == folder || f == "internal/mutants":
		case slices.Contains(p.imports, folder):
			direct = append(direct, f)
		case slices.Contains(m.linked(f), folder):
			others = append(others, f)
		}
	}
	return append(direct, others...)
}

// digest is of everything that decides what the tests of a package say: the
// files of all packages they run code of, and what lies in folders called
// testdata beside these and at the root.
func (m *module) digest(folder string) (string, error) {
	sum := sha256.New()
	add := func(name string) error {
		b, err := os.ReadFile(filepath.Join(m.root, filepath.FromSlash(name)))
		if err == nil {
			fmt.Fprintf(sum, "%s %d\n%s\n", name, len(b), b)
		}
		return err
	}
	tree := func(dir string) error {
		err := fs.WalkDir(os.DirFS(m.root), dir, func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			return add(name)
		})
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	}
	errs := []error{add("go.mod"), tree("testdata")}
	if _, err := os.Stat(filepath.Join(m.root, "go.sum")); err == nil {
		errs = append(errs, add("go.sum"))
	}
	for _, f := range m.linked(folder) {
		entries, err := os.ReadDir(filepath.Join(m.root, filepath.FromSlash(f)))
		errs = append(errs, err)
		for _, e := range entries {
			if e.Type().IsRegular() {
				errs = append(errs, add(path.Join(f, e.Name())))
			}
		}
		errs = append(errs, tree(path.Join(f, "testdata")))
	}
	return hex.EncodeToString(sum.Sum(nil)), errors.Join(errs...)
}
