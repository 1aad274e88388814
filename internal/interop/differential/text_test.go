package differential

import "strings"

// textMutations act on the finished token, whose signature is right unless another mutation saw to that.
var textMutations = []mutation{
	{"padding", written, func(d *draft) { d.part(func(s string) string { return s + pick(d, "=", "==", "===", "%3D") }) }},
	{"the other alphabet", written, func(d *draft) {
		d.part(func(s string) string { return strings.NewReplacer("-", "+", "_", "/").Replace(s) })
	}},
	{"line break within", written, func(d *draft) { d.insert(pick(d, "\n", "\r", "\r\n", "\n\n")) }},
	{"white space within", written, func(d *draft) { d.insert(pick(d, " ", "\t", "\v", "\u00a0", "\x00", "%20", "\u200b", "\u2028")) }},
	{"around it", written, func(d *draft) {
		d.raw = pick(d, "\n", "\r\n", " ", "\t", "\ufeff", "Bearer ", `"`, "<", "'", ",") + d.raw
		if d.IntN(2) == 0 {
			d.raw += pick(d, "\n", "\r\n", " ", "\x00", `"`, ">", "=", ";", ",", "#", "?")
		}
	}},
	{"line break behind it", written, func(d *draft) { d.raw += pick(d, "\n", "\r", "\r\n") }},
	{"trailing bits", written, func(d *draft) { d.part(d.trailing) }},
	{"character more", written, func(d *draft) { d.part(func(s string) string { return s + string(alphabet[d.IntN(64)]) }) }},
	{"part added", written, func(d *draft) { d.raw += "." + pick(d, "", b64("x"), strings.Split(d.raw, ".")[0]) }},
	{"part in front", written, func(d *draft) { d.raw = pick(d, "", b64("{}")) + "." + d.raw }},
	{"part missing", written, func(d *draft) {
		parts := strings.Split(d.raw, ".")
		d.raw = strings.Join(pick(d, parts[1:], parts[:len(parts)-1], parts[:1]), ".")
	}},
	{"part empty", written, func(d *draft) { d.part(func(string) string { return "" }) }},
	{"parts in another order", written, func(d *draft) {
		parts := strings.Split(d.raw, ".")
		d.Shuffle(len(parts), func(i, j int) { parts[i], parts[j] = parts[j], parts[i] })
		d.raw = strings.Join(parts, ".")
	}},
	{"dots", written, func(d *draft) {
		d.raw = strings.ReplaceAll(d.raw, ".", pick(d, "..", "", "\u3002", "%2e", ",", ":", " .", "~"))
	}},
	{"five parts", written, func(d *draft) {
		d.raw = b64(`{"alg":"dir","enc":"A128GCM"}`) + "." + pick(d, "", b64("key")) + "." + b64("iv") + "." + b64(d.payload) + "." + b64("tag")
	}},
	{"JSON, flattened", written, func(d *draft) {
		parts := strings.Split(d.raw+"..", ".")
		d.raw = `{"payload":"` + parts[1] + `","protected":"` + parts[0] + `","signature":"` + parts[2] + `"}`
	}},
	{"JSON, general", written, func(d *draft) {
		parts := strings.Split(d.raw+"..", ".")
		d.raw = pick(d, "", " ", "\n") + `{"payload":"` + parts[1] + `","signatures":[{"protected":"` + parts[0] + `","signature":"` + parts[2] + `"}]}`
	}},
	{"detached payload", written, func(d *draft) {
		if parts := strings.Split(d.raw, "."); len(parts) == 3 {
			d.raw = parts[0] + ".." + parts[2]
		}
	}},
	{"payload not encoded", written, func(d *draft) {
		if parts := strings.Split(d.raw, "."); len(parts) == 3 {
			d.raw = parts[0] + "." + d.payload + "." + parts[2]
		}
	}},
	{"another case", written, func(d *draft) { d.raw = pick(d, strings.ToUpper(d.raw), strings.ToLower(d.raw)) }},
	{"twice", written, func(d *draft) { d.raw = d.raw + pick(d, "", ".", " ", ",", "\n") + d.raw }},
	{"cut off", written, func(d *draft) { d.raw = d.raw[:d.IntN(len(d.raw)+1)] }},
	{"bytes", written, func(d *draft) { d.raw = d.disturb(d.raw) }},
	{"nothing", written, func(d *draft) { d.raw = pick(d, "", ".", "..", "...", "a.b.c", "\x00", strings.Repeat(".", 1000)) }},
	{"very long", written, func(d *draft) { d.raw += strings.Repeat(pick(d, "A", ".", "é"), 20_000) }},
}

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

// part edits one of the token's parts.
func (d *draft) part(edit func(string) string) {
	parts := strings.Split(d.raw, ".")
	i := d.IntN(len(parts))
	parts[i] = edit(parts[i])
	d.raw = strings.Join(parts, ".")
}

func (d *draft) insert(s string) {
	i := d.IntN(len(d.raw) + 1)
	d.raw = d.raw[:i] + s + d.raw[i:]
}

// trailing changes bits of the last character that decoding drops, if there are any.
func (d *draft) trailing(s string) string {
	unused := map[int]int{2: 4, 3: 2}[len(s)%4]
	if unused == 0 || s == "" {
		return s
	}
	i := strings.IndexByte(alphabet, s[len(s)-1])
	if i < 0 {
		return s
	}
	return s[:len(s)-1] + string(alphabet[i^(1+d.IntN(1<<unused-1))])
}
