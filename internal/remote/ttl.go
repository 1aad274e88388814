package remote

import (
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"
)

// lifetime is how long an answer is fresh: max-age minus Age, within the bounds; no-store, no-cache and a broken
// max-age are the least, no statement at all is the default (RFC 9111 section 4.2).
func lifetime(cacheControl []string, age string, least, most, standard time.Duration) time.Duration {
	ttl, stated := standard, false
	for directive := range strings.SplitSeq(strings.Join(cacheControl, ","), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(directive), "=")
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "no-store", "no-cache":
			return least
		case "max-age":
			said, ok := seconds(strings.Trim(strings.TrimSpace(value), `"`))
			if !ok {
				return least
			}
			if !stated || said < ttl { // stated twice: the smaller one
				ttl = said
			}
			stated = true
		}
	}
	if stated {
		if spent, ok := seconds(strings.TrimSpace(age)); ok {
			ttl -= spent
		}
	}
	return min(max(ttl, least), most)
}

// seconds reads delta-seconds; what is too large for a Duration is the largest one.
func seconds(s string) (time.Duration, bool) {
	if s == "" || strings.Trim(s, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n > math.MaxInt64/int64(time.Second) {
		return math.MaxInt64, true
	}
	return time.Duration(n) * time.Second, true
}

// refreshAfter is 80 % of a lifetime and up to a tenth more, so that replicas do not ask all at once.
func refreshAfter(ttl time.Duration) time.Duration {
	return ttl/10*8 + rand.N(ttl/10+1)
}
