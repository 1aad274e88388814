package main

import (
	_ "embed"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"time"
)

//go:embed performance.md
var prose string

// writeDocs writes the page that shows a full run, its pictures, and the table of the README beside the folder.
func writeDocs(folder, where string, sections []*section, charts []chart, passed, failed int) error {
	var tables, pictures strings.Builder
	fmt.Fprintf(&tables, "%s, %s. %d bars held, %d missed.\n", time.Now().UTC().Format(time.DateOnly), where, passed, failed)
	for _, s := range sections {
		s.markdown(&tables)
	}
	for _, c := range charts {
		if err := os.WriteFile(filepath.Join(folder, c.file), []byte(c.svg()), 0o644); err != nil {
			return err
		}
		fmt.Fprintf(&pictures, "\n![Time of a request by the %s](%s)\n", c.name, c.file)
	}
	page := strings.NewReplacer("{{tables}}", strings.TrimSpace(tables.String()), "{{pictures}}", strings.TrimSpace(pictures.String()),
		"{{versions}}", versions()).Replace(prose)
	if err := os.WriteFile(filepath.Join(folder, "performance.md"), []byte(page), 0o644); err != nil {
		return err
	}
	path := filepath.Join(folder, "..", "README.md")
	readme, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	text, err := summed(string(readme), sections)
	if err != nil {
		return err
	}
	return os.WriteFile(path, []byte(text), 0o644)
}

const (
	begin = "<!-- measured: written by the run -->\n"
	end   = "<!-- end -->\n"
)

// summed puts the rows that sections sum up into a README, between its two marks.
func summed(readme string, sections []*section) (string, error) {
	before, rest, ok := strings.Cut(readme, begin)
	_, after, closed := strings.Cut(rest, end)
	if !ok || !closed {
		return "", fmt.Errorf("README.md has no place for the table: %q, and then %q", begin, end)
	}
	var rows [][]string
	for _, s := range sections {
		rows = append(rows, s.sums...)
	}
	return before + begin + markdownTable([]string{"work", "this module", "others"}, rows) + end + after, nil
}

// measured are the modules whose versions the page names.
var measured = []string{
	"github.com/golang-jwt/jwt/v5", "github.com/MicahParks/keyfunc/v3", "github.com/coreos/go-oidc/v3", "github.com/lestrrat-go/jwx/v2",
	"github.com/lestrrat-go/jwx/v3", "github.com/auth0/go-jwt-middleware/v2", "github.com/auth0/go-jwt-middleware/v3",
	"github.com/zitadel/oidc/v3", "github.com/modelcontextprotocol/go-sdk", "golang.org/x/oauth2",
	"github.com/AzureAD/microsoft-authentication-library-for-go", "github.com/patrickmn/go-cache",
}

func versions() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	var list []string
	for _, m := range info.Deps {
		if slices.Contains(measured, m.Path) {
			list = append(list, fmt.Sprintf("- `%s` %s", m.Path, m.Version))
		}
	}
	return strings.Join(list, "\n")
}
