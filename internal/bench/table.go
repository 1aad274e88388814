package main

import (
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"
)

// bar is a promise of DESIGN.md, held or not. It is a ratio or a count, never a time.
type bar struct {
	what       string
	got, limit float64
	atLeast    bool // else at most
	unit       string
}

func (b bar) held() bool {
	if b.atLeast {
		return b.got >= b.limit
	}
	return b.got <= b.limit
}

func (b bar) String() string {
	word := "at most"
	if b.atLeast {
		word = "at least"
	}
	return fmt.Sprintf("%s: %s%s, %s %s%s", b.what, number(b.got), b.unit, word, number(b.limit), b.unit)
}

// section is one part of the table.
type section struct {
	title   string
	head    []string
	rows    [][]string
	bars    []bar
	missing []string // peers that could not be measured: bars missed
	notes   []string
	sums    [][]string // rows of the README's table: the work, ours, others
}

// figuresHead are the columns of rows made by figures.
var figuresHead = []string{"", "time", "ratio", "allocs", "accepts, though it should not"}

func (s *section) figures(list []figure) {
	s.head = figuresHead
	for _, f := range list {
		s.rows = append(s.rows, []string{f.name, duration(f.ns), number(f.ratio) + "x", number(f.allocs), f.lacks})
	}
}

// narrow leaves out the last column.
func (s *section) narrow() {
	last := len(s.head) - 1
	s.head = s.head[:last]
	for i := range s.rows {
		s.rows[i] = s.rows[i][:last]
	}
}

func (s *section) atMost(what string, got, limit float64, unit string) {
	s.bars = append(s.bars, bar{what: what, got: got, limit: limit, unit: unit})
}

func (s *section) atLeast(what string, got, limit float64, unit string) {
	s.bars = append(s.bars, bar{what: what, got: got, limit: limit, atLeast: true, unit: unit})
}

func (s *section) note(format string, args ...any) {
	s.notes = append(s.notes, fmt.Sprintf(format, args...))
}

// sum puts a row into the README's table.
func (s *section) sum(work, own, others string) { s.sums = append(s.sums, []string{work, own, others}) }

func (s *section) absent(name string, err error) {
	s.missing = append(s.missing, fmt.Sprintf("%s: %v", name, err))
}

func (s *section) count() (passed, failed int) {
	for _, b := range s.bars {
		if b.held() {
			passed++
		} else {
			failed++
		}
	}
	return passed, failed + len(s.missing)
}

// print writes a section for a terminal.
func (s *section) print(w io.Writer) {
	_, _ = fmt.Fprintf(w, "\n%s\n", s.title)
	lines := append([][]string{s.head}, s.rows...)
	widths := make([]int, len(s.head))
	for _, line := range lines {
		for i, cell := range line {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	for _, line := range lines {
		var b strings.Builder
		for i, cell := range line {
			pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
			switch {
			case i == 0, i == len(line)-1 && !isNumeric(cell):
				b.WriteString("  " + cell + pad)
			default:
				b.WriteString("  " + pad + cell)
			}
		}
		_, _ = fmt.Fprintln(w, strings.TrimRight(b.String(), " "))
	}
	for _, n := range s.notes {
		_, _ = fmt.Fprintln(w, "  - "+n)
	}
	for _, b := range s.bars {
		_, _ = fmt.Fprintf(w, "  %s  %s\n", verdict(b.held()), b)
	}
	for _, m := range s.missing {
		_, _ = fmt.Fprintf(w, "  %s  missing: %s\n", verdict(false), m)
	}
}

// markdown writes a section for docs.
func (s *section) markdown(w io.Writer) {
	_, _ = fmt.Fprintf(w, "\n### %s\n\n%s\n", s.title, markdownTable(s.head, s.rows))
	for _, n := range s.notes {
		_, _ = fmt.Fprintln(w, "- "+n)
	}
	for _, b := range s.bars {
		_, _ = fmt.Fprintf(w, "- %s: %s\n", verdict(b.held()), b)
	}
	for _, m := range s.missing {
		_, _ = fmt.Fprintf(w, "- %s: missing: %s\n", verdict(false), m)
	}
}

func markdownTable(head []string, rows [][]string) string {
	var b strings.Builder
	_, _ = fmt.Fprintf(&b, "| %s |\n|%s\n", strings.Join(head, " | "), strings.Repeat("---|", len(head)))
	for _, row := range rows {
		_, _ = fmt.Fprintf(&b, "| %s |\n", strings.Join(row, " | "))
	}
	return b.String()
}

func verdict(held bool) string {
	if held {
		return "pass"
	}
	return "FAIL"
}

func isNumeric(cell string) bool { return cell != "" && cell[0] >= '0' && cell[0] <= '9' }

// number prints three digits or so.
func number(v float64) string {
	switch {
	case v == float64(int64(v)):
		return fmt.Sprintf("%d", int64(v))
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}

// duration prints nanoseconds.
func duration(ns float64) string {
	switch {
	case ns < float64(time.Microsecond):
		return fmt.Sprintf("%.0f ns", ns)
	case ns < float64(time.Millisecond):
		return number(ns/1e3) + " µs"
	case ns < float64(time.Second):
		return number(ns/1e6) + " ms"
	}
	return number(ns/1e9) + " s"
}
