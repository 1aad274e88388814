package main

import (
	"context"
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

// typeChecker compiles a mutant's package as far as its types, which is much
// faster than building it.
type typeChecker struct {
	module *module
	set    *token.FileSet
	from   types.Importer
	parsed map[string]*ast.File // by path
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
	return &typeChecker{mod, set, importer.ForCompiler(set, "gc", open), map[string]*ast.File{}}, nil
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
	dir := filepath.Join(c.module.root, filepath.FromSlash(m.Package))
	unit, err := build.ImportDir(dir, 0)
	if err != nil {
		return err
	}
	var files []*ast.File
	for _, name := range unit.GoFiles {
		if name == m.File {
			files = append(files, changed)
			continue
		}
		file := filepath.Join(dir, name)
		if c.parsed[file] == nil {
			if c.parsed[file], err = parser.ParseFile(c.set, file, nil, parser.SkipObjectResolution); err != nil {
				return err
			}
		}
		files = append(files, c.parsed[file])
	}
	_, err = (&types.Config{Importer: c.from}).Check(c.module.name+"/"+m.Package, c.set, files, nil)
	return err
}
