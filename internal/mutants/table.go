package main

import (
	"fmt"
	"strings"
)

const intro = `# Mutants

` + "`internal/mutants`" + ` takes one check out of the code, or weakens it, and runs the tests: a mutant that no test notices
shows a check without a test. It runs by hand: ` + "`go run ./internal/mutants`" + `. Its package comment says how to add a mutant,
and ` + "`go test ./...`" + ` holds that each still matches the source. This page is written by the program.

`

// page is docs/mutants.md: how many mutants each package has, and why some of
// them may survive.
func page(mutants []mutant) string {
	var b strings.Builder
	b.WriteString(intro)
	b.WriteString("| package | mutants | a test kills | explained below |\n|---|--:|--:|--:|\n")
	total, explained := 0, 0
	for _, list := range lists {
		n, why := 0, 0
		for _, m := range mutants {
			if m.Package == list.folder {
				n++
				if m.Equivalent != "" {
					why++
				}
			}
		}
		if n > 0 {
			fmt.Fprintf(&b, "| `%s` | %d | %d | %d |\n", list.folder, n, n-why, why)
		}
		total, explained = total+n, explained+why
	}
	fmt.Fprintf(&b, "| all | %d | %d | %d |\n", total, total-explained, explained)
	if explained == 0 {
		return b.String()
	}
	b.WriteString("\n## What survives, and why\n\n| mutant | the source | becomes | why no test fails |\n|---|---|---|---|\n")
	for _, m := range mutants {
		if m.Equivalent != "" {
			fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", m.id(), cell(m.Old), cell(m.New), m.Equivalent)
		}
	}
	return b.String()
}

// cell is source text as one cell of a table.
func cell(source string) string {
	text := strings.ReplaceAll(strings.Join(strings.Fields(source), " "), "|", `\|`)
	switch {
	case text == "":
		return "nothing"
	case strings.Contains(text, "`"):
		return "`` " + text + " ``"
	}
	return "`" + text + "`"
}
