package interop

import "os/exec"

// Lifeline is a command for a server that does not watch its standard input: it is killed when that is closed, as the
// system does when the test process dies. It needs a POSIX shell.
func Lifeline(program string, args ...string) *exec.Cmd {
	// The pid of the shell becomes the program's; a background command gets no standard input but by another number.
	const script = `exec 3<&0; { cat <&3; kill -9 $$; } >/dev/null 2>&1 & exec "$@" 3<&- </dev/null`
	return exec.Command("sh", append([]string{"-c", script, "sh", program}, args...)...)
}
