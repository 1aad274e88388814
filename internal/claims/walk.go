package claims

// element is an array's element; raw is a string's inside.
type element struct {
	raw             string
	isText, escaped bool
}

// elements yields the elements of an array that has been parsed.
func elements(array string) func(yield func(element) bool) {
	return func(yield func(element) bool) {
		w := walker{raw: array, pos: 1}
		for {
			w.space()
			switch w.raw[w.pos] {
			case ']':
				return
			case ',':
				w.pos++
				continue
			}
			start := w.pos
			escaped := w.skip()
			e := element{raw: array[start:w.pos]}
			if array[start] == '"' {
				e = element{raw: array[start+1 : w.pos-1], isText: true, escaped: escaped}
			}
			if !yield(e) {
				return
			}
		}
	}
}

// child returns the value of the member called name in an object that has been parsed, empty when there is none.
func child(object, name string) (v string, err error) {
	w := walker{raw: object, pos: 1}
	for {
		w.space()
		switch w.raw[w.pos] {
		case '}':
			return v, nil
		case ',':
			w.pos++
			continue
		}
		start := w.pos + 1
		escaped := w.skip()
		end := w.pos - 1
		w.space()
		w.pos++ // the colon
		w.space()
		valueStart := w.pos
		w.skip()
		same, variant := compareName(object[start:end], escaped, name)
		if variant {
			return "", variantError(name)
		}
		if same {
			v = object[valueStart:w.pos]
		}
	}
}

// walker steps over values that have been parsed before, so it checks nothing.
type walker struct {
	raw string
	pos int
}

func (w *walker) space() {
	for c := w.raw[w.pos]; c == ' ' || c == '\t' || c == '\n' || c == '\r'; c = w.raw[w.pos] {
		w.pos++
	}
}

// skip steps over one value and reports whether it is a string with escapes.
func (w *walker) skip() (escaped bool) {
	switch w.raw[w.pos] {
	case '"':
		return w.skipText()
	case '{', '[':
		depth := 0
		for {
			switch w.raw[w.pos] {
			case '"':
				w.skipText()
				continue
			case '{', '[':
				depth++
			case '}', ']':
				depth--
			}
			w.pos++
			if depth == 0 {
				return false
			}
		}
	}
	for {
		switch w.raw[w.pos] {
		case ',', ']', '}', ' ', '\t', '\n', '\r':
			return false
		}
		w.pos++
	}
}

func (w *walker) skipText() (escaped bool) {
	for w.pos++; ; w.pos++ {
		switch w.raw[w.pos] {
		case '\\':
			escaped = true
			w.pos++
		case '"':
			w.pos++
			return escaped
		}
	}
}
