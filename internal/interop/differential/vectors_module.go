//go:build vectors

package differential

import _ "github.com/c2sp/wycheproof" // its files are read from the module cache: linked in, they would be 100 MB
