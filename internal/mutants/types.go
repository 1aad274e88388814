package main

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/build"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"path/filepath"
)

// typeChecker compiles a mutant's file as far as its types, which is much
// faster than building the package.
type typeChecker struct {
	module *module
	set    *token.FileSet
	from   types.Importer
	units  map[string]*unit // by folder
}

// unit is a package whose functions have lost their bodies: the compiler looks
// at those of the mutant's file alone.
type unit struct {
	names []string
	files map[string]*ast.File
}

// newTypeChecker has `go list` compile what the module's packages import.
func newTypeChecker(ctx context.Context, mod *module) (*typeChecker, error) {
	exports := map[string]string{}
	var listed struct{ ImportPath, Export string }
	err := golist(ctx, mod.root, &listed, func() {
		exports[listed.ImportPath] = listed.Export
		listed.Export = ""
	}, "-export", "-deps", "./...")
	if err != nil {
		return nil, err
	}
	set := token.NewFileSet()
	open := func(path string) (io.ReadCloser, error) {
		if exports[path] == "" {
			return nil, fmt.Errorf("%s was not compiled", path)
		}
		return os.Open(exports[path])
	}
	return &typeChecker{mod, set, importer.ForCompiler(set, "gc", open), map[string]*unit{}}, nil
}

// check says why the mutant cannot run: it no longer matches, does not parse
// or does not compile.
func (c *typeChecker) check(m mutant) error {
	source, err := m.mutated(c.module.root)
	if err != nil {
		return err
	}
	changed, err := parser.ParseFile(c.set, m.path(), source, parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	u, err := c.unit(m.Package)
	if err != nil {
		return err
	}
	var files []*ast.File
	for _, name := range u.names {
		if name == m.File {
			files = append(files, changed)
		} else {
			files = append(files, u.files[name])
		}
	}
	// Imports that only a lost body needs are unused now: what counts is what is
	// wrong with the mutant's own file.
	var first error
	cfg := types.Config{Importer: c.from, Error: func(err error) {
		e, ok := errors.AsType[types.Error](err)
		if first == nil && (!ok || c.set.Position(e.Pos).Filename == m.path()) {
			first = err
		}
	}}
	_, _ = cfg.Check(c.module.name+"/"+m.Package, c.set, files, nil)
	return first
}

// unit parses a package once.
func (c *typeChecker) unit(folder string) (*unit, error) {
	if u := c.units[folder]; u != nil {
		return u, nil
	}
	dir := filepath.Join(c.module.root, filepath.FromSlash(folder))
	found, err := build.ImportDir(dir, 0)
	if err != nil {
		return nil, err
	}
	u := &unit{names: found.GoFiles, files: map[string]*ast.File{}}
	for _, name := range u.names {
		file, err := parser.ParseFile(c.set, filepath.Join(dir, name), nil, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		for _, d := range file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Name.Name != "init" {
				f.Body = nil
			}
		}
		u.files[name] = file
	}
	c.units[folder] = u
	return u, nil
}
