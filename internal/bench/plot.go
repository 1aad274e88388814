package main

import (
	"fmt"
	"math"
	"strings"
)

// chart is one picture: nanoseconds over something that grows.
type chart struct {
	name, file, unit string
	lines            []line
}

type line struct {
	name   string
	points []point
}

type point struct{ x, y float64 }

const (
	width, height               = 680, 320
	left, right, above, beneath = 64, 16, 60, 44
)

// legend is the room for the name of one line.
const legend = 205

var colours = []string{"#1f6feb", "#2da44e", "#8b949e", "#bf3989"}

// svg draws the chart. Both axes begin at zero, so that what is flat looks flat.
func (c chart) svg() string {
	var most point
	for _, l := range c.lines {
		for _, p := range l.points {
			most.x, most.y = max(most.x, p.x), max(most.y, p.y)
		}
	}
	stepX, stepY := step(most.x), step(most.y)
	most.x, most.y = math.Ceil(most.x/stepX)*stepX, math.Ceil(most.y/stepY)*stepY
	at := func(p point) (x, y float64) {
		return left + p.x/most.x*(width-left-right), height - beneath - p.y/most.y*(height-above-beneath)
	}

	var b strings.Builder
	draw := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	draw(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="system-ui, sans-serif" font-size="12">`, width, height)
	draw(`<rect width="%d" height="%d" fill="#ffffff"/>`, width, height)
	draw(`<text x="%d" y="20" font-size="14" fill="#1f2328">Time of a request by the %s</text>`, left, c.name)
	for y := 0.0; y <= most.y*1.0001; y += stepY {
		_, py := at(point{0, y})
		draw(`<path d="M%d %.1fH%d" stroke="#d8dee4"/>`, left, py, width-right)
		draw(`<text x="%d" y="%.1f" text-anchor="end" fill="#59636e">%s</text>`, left-8, py+4, duration(y))
	}
	for x := 0.0; x <= most.x*1.0001; x += stepX {
		px, _ := at(point{x, 0})
		draw(`<text x="%.1f" y="%d" text-anchor="middle" fill="#59636e">%s</text>`, px, height-beneath+16, number(x))
	}
	draw(`<text x="%d" y="%d" text-anchor="end" fill="#59636e">%s</text>`, width-right, height-8, c.unit)
	for i, l := range c.lines {
		colour := colours[i%len(colours)]
		var path strings.Builder
		for j, p := range l.points {
			x, y := at(p)
			path.WriteString(map[bool]string{true: "M", false: "L"}[j == 0])
			fmt.Fprintf(&path, "%.1f %.1f", x, y)
			draw(`<circle cx="%.1f" cy="%.1f" r="2.5" fill="%s"/>`, x, y, colour)
		}
		draw(`<path d="%s" fill="none" stroke="%s" stroke-width="1.5"/>`, path.String(), colour)
		draw(`<text x="%d" y="40" fill="%s">%s</text>`, left+i*legend, colour, l.name)
	}
	draw(`</svg>`)
	return b.String()
}

// step is the distance of some five round marks.
func step(most float64) float64 {
	unit := math.Pow(10, math.Floor(math.Log10(most/5)))
	for _, n := range []float64{1, 2, 5, 10} {
		if most/(n*unit) <= 6 {
			return n * unit
		}
	}
	return 10 * unit
}
