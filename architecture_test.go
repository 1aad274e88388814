package oidc_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/relyingparty/oidc/internal/check"
)

const module = "github.com/relyingparty/oidc"

// goPackage is what `go list` knows of a package.
type goPackage struct {
	ImportPath                         string
	Standard                           bool
	Imports, TestImports, XTestImports []string
	Deps                               []string
}

func goList(t *testing.T, args ...string) map[string]goPackage {
	t.Helper()
	out, err := exec.Command("go", append([]string{"list", "-json=ImportPath,Standard,Imports,TestImports,XTestImports,Deps"}, args...)...).Output()
	check.NoError(t, err)
	packages := map[string]goPackage{}
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p goPackage
		err := dec.Decode(&p)
		if errors.Is(err, io.EOF) {
			return packages
		}
		check.NoError(t, err)
		packages[p.ImportPath] = p
	}
}

// TestDependencyDirections holds the arrows of ARCHITECTURE.md: what a package may link, however indirectly.
func TestDependencyDirections(t *testing.T) {
	t.Parallel()
	packages := goList(t, "-deps", "./...")

	const (
		goOIDC  = "github.com/coreos/go-oidc/v3/"
		oauth2  = "golang.org/x/oauth2"
		jwx     = "github.com/lestrrat-go/jwx/v2/"
		goCache = "github.com/patrickmn/go-cache"
	)
	// Each package links nothing under these prefixes.
	forbidden := map[string][]string{
		"client":     {module + "/middleware", module + "/introspect", module + "/oidctest", module + "/examples"},
		"middleware": {module + "/client", module + "/pkce", module + "/oidctest", module + "/examples", goOIDC, oauth2},
		"introspect": {module + "/client", module + "/pkce", module + "/middleware", module + "/oidctest", goOIDC, oauth2, jwx},
		"oidctest":   {module + "/client", module + "/middleware", module + "/introspect", goOIDC, oauth2, jwx, goCache, "testing"},
	}
	for name, prefixes := range forbidden {
		p, ok := packages[module+"/"+name]
		check.True(t, ok, "package %s is missing", name)
		for _, dep := range p.Deps {
			for _, prefix := range prefixes {
				if strings.HasPrefix(dep, prefix) {
					t.Errorf("%s links %s: it must not", name, dep)
				}
			}
		}
	}

	own := []string{module + "/internal/claims", module + "/internal/redact"}
	for _, name := range []string{"pkce", "store", "internal/claims", "internal/jws", "internal/redact"} {
		p, ok := packages[module+"/"+name]
		check.True(t, ok, "package %s is missing", name)
		for _, dep := range p.Deps {
			if !packages[dep].Standard && !slices.Contains(own, dep) && dep != p.ImportPath {
				t.Errorf("%s links %s: it uses the standard library only", name, dep)
			}
		}
	}

	for _, p := range packages {
		if strings.HasPrefix(p.ImportPath, module+"/internal/") {
			for _, dep := range p.Deps {
				if rest, ours := strings.CutPrefix(dep, module+"/"); ours && !strings.HasPrefix(rest, "internal/") {
					t.Errorf("%s links the public package %s: internal packages stand below them", p.ImportPath, dep)
				}
			}
		}
	}
}

// TestSoleImporters holds each chosen library to the one package that may import it, tests included.
func TestSoleImporters(t *testing.T) {
	t.Parallel()
	sole := map[string]string{
		"github.com/coreos/go-oidc/v3/":  module + "/client",
		"github.com/lestrrat-go/jwx/v2/": module + "/internal/keyset",
		"github.com/patrickmn/go-cache":  module + "/internal/cache",
	}
	imported := map[string]bool{}
	for _, p := range goList(t, "./...") {
		for _, path := range slices.Concat(p.Imports, p.TestImports, p.XTestImports) {
			for library, owner := range sole {
				if !strings.HasPrefix(path, library) {
					continue
				}
				imported[library] = true
				if p.ImportPath != owner && !strings.HasPrefix(p.ImportPath, module+"/examples/") {
					t.Errorf("%s imports %s: only %s may", p.ImportPath, path, owner)
				}
			}
		}
	}
	check.Equal(t, len(imported), len(sole), "libraries in use")
}

// TestDirectRequirements keeps the root module to its four libraries.
func TestDirectRequirements(t *testing.T) {
	t.Parallel()
	out, err := exec.Command("go", "list", "-m", "-f", "{{if not (or .Indirect .Main)}}{{.Path}}{{end}}", "all").Output()
	check.NoError(t, err)
	got := strings.Fields(string(out))
	slices.Sort(got)
	check.DeepEqual(t, got, []string{
		"github.com/coreos/go-oidc/v3", "github.com/lestrrat-go/jwx/v2", "github.com/patrickmn/go-cache",
		"golang.org/x/oauth2",
	}, "direct requirements")
}

// TestExportedSignatures keeps jwx and go-cache replaceable: no exported declaration of their importers names their types.
func TestExportedSignatures(t *testing.T) {
	t.Parallel()
	for _, dir := range []string{"internal/keyset", "internal/cache"} {
		files, err := filepath.Glob(filepath.Join(dir, "*.go"))
		check.NoError(t, err)
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			source, err := os.ReadFile(file)
			check.NoError(t, err)
			tree, err := parser.ParseFile(token.NewFileSet(), file, source, 0)
			check.NoError(t, err)
			for _, name := range foreignTypes(tree) {
				t.Errorf("%s: an exported declaration names %s", file, name)
			}
		}
	}
}

// foreignTypes lists the jwx and go-cache types in the exported declarations of a file; bodies and unexported fields do not count.
func foreignTypes(tree *ast.File) (found []string) {
	locals := map[string]bool{}
	for _, spec := range tree.Imports {
		path := strings.Trim(spec.Path.Value, `"`)
		if !strings.Contains(path, "lestrrat-go/") && !strings.Contains(path, "patrickmn/go-cache") {
			continue
		}
		name := strings.TrimPrefix(filepath.Base(path), "go-")
		if spec.Name != nil {
			name = spec.Name.Name
		}
		locals[name] = true
	}
	inspect := func(node ast.Node) {
		ast.Inspect(node, func(n ast.Node) bool {
			if sel, ok := n.(*ast.SelectorExpr); ok {
				if id, ok := sel.X.(*ast.Ident); ok && locals[id.Name] {
					found = append(found, id.Name+"."+sel.Sel.Name)
				}
			}
			return true
		})
	}
	for _, decl := range tree.Decls {
		switch decl := decl.(type) {
		case *ast.FuncDecl:
			if decl.Name.IsExported() {
				inspect(decl.Type)
			}
		case *ast.GenDecl:
			for _, spec := range decl.Specs {
				spec, ok := spec.(*ast.TypeSpec)
				if !ok || !spec.Name.IsExported() {
					continue
				}
				body, isStruct := spec.Type.(*ast.StructType)
				if !isStruct {
					inspect(spec.Type)
					continue
				}
				for _, field := range body.Fields.List {
					if len(field.Names) == 0 || slices.ContainsFunc(field.Names, (*ast.Ident).IsExported) {
						inspect(field.Type)
					}
				}
			}
		}
	}
	return found
}
