package main

import (
	"bytes"
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

// typeChecker compiles a mutant's package as far as its types, which is much
// faster than building it.
type typeChecker struct {
	module *module
	set    *token.FileSet
	from   types.Importer
	units  map[string][]unitFile // by folder
}

// unitFile is a file of a package as it is, and without what its functions do:
// no mutant of another function's body can make a difference to that.
type unitFile struct {
	name           string
	source         []byte
	whole, outline *ast.File
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
	return &typeChecker{mod, set, importer.ForCompiler(set, "gc", open), map[string][]unitFile{}}, nil
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
	unit, err := c.unit(m.Package)
	if err != nil {
		return err
	}
	inside := false
	for _, f := range unit {
		inside = inside || f.name == m.File && c.inBody(m, f, changed)
	}
	files := []*ast.File{changed}
	for _, f := range unit {
		switch {
		case f.name == m.File:
		case inside:
			files = append(files, f.outline)
		default:
			files = append(files, f.whole)
		}
	}
	var first error
	config := types.Config{Importer: c.from, Error: func(err error) {
		e, ok := errors.AsType[types.Error](err)
		// An outline need not use all that it imports.
		unused := ok && e.Soft && inside && c.set.Position(e.Pos).Filename != m.path()
		if first == nil && !unused {
			first = err
		}
	}}
	_, _ = config.Check(c.module.name+"/"+m.Package, c.set, files, nil)
	return first
}

// unit parses a package, once.
func (c *typeChecker) unit(folder string) ([]unitFile, error) {
	if c.units[folder] != nil {
		return c.units[folder], nil
	}
	dir := filepath.Join(c.module.root, filepath.FromSlash(folder))
	listed, err := build.ImportDir(dir, 0)
	if err != nil {
		return nil, err
	}
	var unit []unitFile
	for _, name := range listed.GoFiles {
		source, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return nil, err
		}
		whole, err := parser.ParseFile(c.set, filepath.Join(dir, name), source, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		outline := *whole
		outline.Decls = nil
		for _, d := range whole.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Body != nil {
				// A loop without end needs no return.
				d = &ast.FuncDecl{Recv: f.Recv, Name: f.Name, Type: f.Type, Body: &ast.BlockStmt{
					List: []ast.Stmt{&ast.ForStmt{Body: &ast.BlockStmt{}}},
				}}
			}
			outline.Decls = append(outline.Decls, d)
		}
		unit = append(unit, unitFile{name, source, whole, &outline})
	}
	c.units[folder] = unit
	return unit, nil
}

// inBody reports whether the mutant changes the body of one function and nothing
// else: the body holds the old text, and begins and ends where it did.
func (c *typeChecker) inBody(m mutant, original unitFile, changed *ast.File) bool {
	from := bytes.Index(original.source, []byte(m.Old))
	start := func(p token.Pos) int { return c.set.Position(p).Offset }
	rest := func(f *ast.File, p token.Pos) int { return int(f.FileEnd - p) }
	for i, d := range original.whole.Decls {
		was, ok := d.(*ast.FuncDecl)
		if !ok || was.Body == nil || from <= start(was.Body.Lbrace) || from+len(m.Old) > start(was.Body.Rbrace) {
			continue
		}
		if i >= len(changed.Decls) {
			return false
		}
		is, ok := changed.Decls[i].(*ast.FuncDecl)
		return ok && is.Body != nil && start(is.Body.Lbrace) == start(was.Body.Lbrace) &&
			rest(changed, is.Body.Rbrace) == rest(original.whole, was.Body.Rbrace)
	}
	return false
}
