// Command server is Ory Hydra, whose dependencies are kept in this module. It ends when its standard input does, so that it
// cannot outlive the test that started it.
package main

import (
	"io"
	"os"

	"github.com/ory/hydra/v2/cmd"
)

func main() {
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin) // either way nobody is there any more
		os.Exit(0)
	}()
	cmd.Execute()
}
