package watch

import (
	"os"
	"path/filepath"
	"strings"
)

// maxLinks is how many links may lead to a file. Linux follows 40.
const maxLinks = 40

// foldersOf returns the folders in which something must change for name to
// become another file, or to hold something else: that of the file, and that of
// each link on the way to it. Of what is not there it is the folder where it
// would have to appear.
func foldersOf(name string) []string {
	abs, err := filepath.Abs(name)
	if err != nil {
		return nil
	}
	root := filepath.VolumeName(abs) + string(filepath.Separator)
	at, rest := root, parts(strings.TrimPrefix(abs, root))
	var out []string
	for links := 0; len(rest) > 0; {
		next := filepath.Join(at, rest[0])
		info, err := os.Lstat(next)
		switch {
		case err != nil:
			return append(out, at)
		case info.Mode()&os.ModeSymlink == 0:
			if len(rest) == 1 {
				return append(out, at)
			}
			at, rest = next, rest[1:]
			continue
		}
		out = append(out, at)
		target, err := os.Readlink(next)
		if links++; err != nil || links > maxLinks {
			return out
		}
		rest = append(parts(target), rest[1:]...)
		if filepath.IsAbs(target) {
			at = root
		}
	}
	return out
}

// parts splits a path.
func parts(path string) []string {
	return strings.FieldsFunc(path, func(r rune) bool { return r == filepath.Separator })
}
