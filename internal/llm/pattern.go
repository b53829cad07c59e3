package llm

import "strings"

// A Pattern is a model name in which each `*` stands for any run of
// characters, the empty one included. Every other character stands for
// itself, in its exact case. The zero value matches only the empty name.
type Pattern string

// Exact reports whether p has no `*` and so matches one name only.
func (p Pattern) Exact() bool { return strings.IndexByte(string(p), '*') < 0 }

// Literals returns how many bytes of p stand for themselves. Of several
// patterns that match a name, the one with the most literals is the closest.
func (p Pattern) Literals() int { return len(p) - strings.Count(string(p), "*") }

// Match reports whether p matches the whole of name. It takes time
// proportional to len(p) × len(name) at worst.
func (p Pattern) Match(name string) bool {
	head, rest, star := strings.Cut(string(p), "*")
	if !star {
		return string(p) == name
	}
	if !strings.HasPrefix(name, head) {
		return false
	}
	name = name[len(head):]
	for {
		part, more, star := strings.Cut(rest, "*")
		if !star {
			return strings.HasSuffix(name, part)
		}
		// The leftmost occurrence leaves the most for what follows.
		i := strings.Index(name, part)
		if i < 0 {
			return false
		}
		name, rest = name[i+len(part):], more
	}
}
