// Package faults breaks the line between us and a real provider, and holds us to what we promise for an outage.
//
// A [Line] is a toxiproxy in this process; [Run] is the suite every provider's test runs as the flow interop.Faults:
//
//	c.Pass(t, interop.Faults, func(t *testing.T) string { return faults.Run(t, faults.Target{...}) })
//
// Whatever the fault: tokens that are valid keep working, nothing hangs past its deadline, a code and a refresh token are
// sent once, an API answers 503 where it cannot decide and 401 only to what is surely bad, and all of it works again by
// itself once the line is up.
package faults
