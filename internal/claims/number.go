package claims

import "strconv"

const maxTime = 253402300799 // 9999-12-31T23:59:59Z, the last second RFC 3339 can write

func (p *parser) number() fault {
	start := p.pos
	if p.peek() == '-' {
		p.pos++
	}
	switch c := p.peek(); {
	case c == '0':
		p.pos++
	case '1' <= c && c <= '9':
		p.digits()
	default:
		return faultSyntax
	}
	if p.peek() == '.' {
		p.pos++
		if !p.digits() {
			return faultSyntax
		}
	}
	exponent := false
	if c := p.peek(); c == 'e' || c == 'E' {
		exponent = true
		p.pos++
		if c := p.peek(); c == '+' || c == '-' {
			p.pos++
		}
		if !p.digits() {
			return faultSyntax
		}
	}
	// Only an exponent or hundreds of digits can leave the range of a float64, which encoding/json refuses.
	if exponent || p.pos-start > 300 {
		if _, err := strconv.ParseFloat(string(p.raw[start:p.pos]), 64); err != nil {
			return faultNumber
		}
	}
	return 0
}

// digits skips digits and reports whether there was one.
func (p *parser) digits() bool {
	start := p.pos
	for p.pos < len(p.raw) && '0' <= p.raw[p.pos] && p.raw[p.pos] <= '9' {
		p.pos++
	}
	return p.pos > start
}

// seconds reads a JSON number.
func seconds(raw string) (sec int64, ok bool) {
	if raw[0] == '-' {
		return 0, false
	}
	for i := range len(raw) {
		c := raw[i]
		if c < '0' || c > '9' || i == 12 {
			f, err := strconv.ParseFloat(raw, 64)
			if err != nil || f >= maxTime+1 {
				return 0, false
			}
			return int64(f), true
		}
		sec = sec*10 + int64(c-'0')
	}
	return sec, sec <= maxTime
}
