package gateway

import "strings"

// A Glob is a pattern of paths: * is any run of characters but slashes, ** of
// any, and everything else is itself.
type Glob string

// Match reports whether g matches the whole of an escaped path. It takes time
// proportional to len(g) × len(path) at worst.
func (g Glob) Match(path string) bool {
	// Of the last star of each kind, where to go on when what follows it does
	// not fit: one more character is then the star's. A later star makes an
	// earlier one of the same kind superfluous, and ** all earlier ones; but
	// ** is gone back to when * has come to a slash.
	type place struct{ pattern, path int }
	var one, two place
	inOne, inTwo := false, false
	i, j := 0, 0
	for j < len(path) || i < len(g) {
		switch {
		case strings.HasPrefix(string(g[i:]), "**"):
			i += 2
			two, inTwo, inOne = place{i, j}, true, false
		case i < len(g) && g[i] == '*':
			i++
			one, inOne = place{i, j}, true
		case i < len(g) && j < len(path) && g[i] == path[j]:
			i++
			j++
		case inOne && one.path < len(path) && path[one.path] != '/':
			one.path++
			i, j = one.pattern, one.path
		case inTwo && two.path < len(path):
			two.path++
			i, j, inOne = two.pattern, two.path, false
		default:
			return false
		}
	}
	return true
}
