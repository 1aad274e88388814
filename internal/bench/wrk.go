package main

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

//go:embed wrk.lua
var script []byte

// load is what wrk measured: times in nanoseconds.
type load struct{ perSecond, p50, p99 float64 }

var (
	errNoFigures = errors.New("wrk printed no figures")
	errLoad      = errors.New("not every request was answered as it should be")
)

// driver runs wrk with tokens.
type driver struct {
	wrk, script, tokens string
	duration            time.Duration
}

// newDriver keeps what wrk reads in folder. Its error is that of looking for wrk.
func newDriver(folder string, duration time.Duration, tokens []string) (*driver, error) {
	wrk, err := exec.LookPath("wrk")
	if err != nil {
		return nil, err
	}
	d := &driver{wrk, filepath.Join(folder, "wrk.lua"), filepath.Join(folder, fmt.Sprintf("tokens-%d", len(tokens))), duration}
	must(os.WriteFile(d.script, script, 0o600))
	must(os.WriteFile(d.tokens, []byte(strings.Join(tokens, "\n")+"\n"), 0o600))
	return d, nil
}

// drive sends requests over 32 connections, from one thread.
func (d *driver) drive(ctx context.Context, url string) (load, error) {
	seconds := strconv.Itoa(int(d.duration.Seconds())) + "s"
	text, err := exec.CommandContext(ctx, d.wrk, "-t1", "-c32", "-d"+seconds, "-s", d.script, url, "--", d.tokens).CombinedOutput()
	if err != nil {
		return load{}, fmt.Errorf("wrk: %w: %s", err, bytes.TrimSpace(text))
	}
	return readLoad(string(text))
}

// readLoad reads the line that wrk.lua prints: requests, microseconds, percentiles in microseconds, errors.
func readLoad(text string) (load, error) {
	_, line, ok := strings.Cut(text, "figures ")
	if !ok {
		return load{}, errNoFigures
	}
	var requests, took, p50, p99, failed float64
	if _, err := fmt.Sscan(line, &requests, &took, &p50, &p99, &failed); err != nil || took == 0 {
		return load{}, errNoFigures
	}
	if failed > 0 {
		return load{}, fmt.Errorf("%w: %.0f of %.0f", errLoad, failed, requests)
	}
	return load{perSecond: requests / took * 1e6, p50: p50 * 1e3, p99: p99 * 1e3}, nil
}
