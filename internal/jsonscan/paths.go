package jsonscan

import (
	"fmt"
	"hash/maphash"
	"strings"
	"sync"
)

// A Spec names what a scan looks at.
//
// A path is a sequence of member names from the top-level object, joined by
// dots; [] after a name stands for every element of the array found there:
// "model", "stream_options.include_usage", "messages[].role",
// "choices[].delta.tool_calls[].function.arguments". Names are ASCII letters,
// digits, '_', '-' and '$'; * stands for every member that no other path names
// there: "variables.*.file_id".
type Spec struct {
	// Watch lists the values to report. A path may be listed once; a path and
	// its extension ("usage", "usage.total_tokens") may both be listed.
	Watch []string

	// Count, if not empty, restricts [Counts.TextBytes] and
	// [Counts.Base64Bytes] to the strings at these paths. If it is empty every
	// string value counts.
	Count []string

	// Sift names arrays of the top-level object's, "input[]", and says for each
	// what is to be kept of the hits within one of its elements. It is for Scan
	// alone: a body of a thousand elements of which none matters then has no
	// hits.
	Sift map[string]Sieve

	// Mark, if not empty, is what a string value may begin with that
	// [Result.Marked] tells of: ASCII letters, digits and points. It is for
	// Scan alone.
	Mark string
}

// A Sieve looks at the hits within one element of an array, in their order,
// moves those that are to be reported to the front, and returns how many they
// are. body is the whole body.
type Sieve func(body []byte, hits []Hit) int

// Paths is a compiled [Spec]. It is immutable and may be shared by any number
// of goroutines.
type Paths struct {
	root     *node
	watched  int    // how many paths are watched
	lists    []bool // by watched path: whether it contains []
	depth    int    // how many containers can be open on a watched path
	longest  int    // bytes of the longest name
	countAll bool   // Spec.Count was empty
	mark     string // Spec.Mark
	seed     maphash.Seed
	requests sync.Pool // of *machine, for Scan
	answers  sync.Pool // of *Scanner
}

// node is one step of the tree that the paths of a Spec make.
type node struct {
	members []member // what to look for if the value is an object
	others  *node    // what to look for in the members of other names, nil for nothing
	element *node    // what to look for in an array, nil for nothing
	sieve   Sieve    // what to do with the hits in a value here, nil to keep them
	watch   int      // index into Spec.Watch, -1 if not watched itself
	arrays  int      // how many [] the path to here contains
	count   bool     // strings here are named by Spec.Count
}

type member struct {
	name string
	node *node
}

// Compile prepares a Spec. Paths are constants of the program, so it panics on
// one that is malformed or watched twice.
func Compile(spec Spec) *Paths {
	p := &Paths{
		root:     &node{watch: -1},
		watched:  len(spec.Watch),
		depth:    1,
		countAll: len(spec.Count) == 0,
		mark:     spec.Mark,
		seed:     maphash.MakeSeed(),
	}
	for i, path := range spec.Watch {
		n := p.add(path)
		if n.watch >= 0 {
			panic(fmt.Sprintf("jsonscan: path %q is watched twice", path))
		}
		n.watch = i
		p.lists = append(p.lists, n.arrays > 0)
	}
	for _, path := range spec.Count {
		p.add(path).count = true
	}
	for path, sieve := range spec.Sift {
		n := p.add(path)
		if n.arrays != 1 || strings.Count(path, ".") > 0 {
			panic(fmt.Sprintf("jsonscan: path %q cannot be sifted", path))
		}
		n.sieve = sieve
	}
	p.requests.New = func() any { return newMachine(p, true) }
	return p
}

// add returns the node at path, growing the tree to it.
func (p *Paths) add(path string) *node {
	n, depth := p.root, 1
	for step := range strings.SplitSeq(path, ".") {
		name := strings.TrimRight(step, "[]")
		if name != "*" && !validName(name) || strings.Trim(step[len(name):], "[]") != "" {
			panic(fmt.Sprintf("jsonscan: malformed path %q", path))
		}
		p.longest = max(p.longest, len(name))
		n = n.memberNode(name)
		depth++
		for rest := step[len(name):]; rest != ""; rest = rest[2:] {
			if !strings.HasPrefix(rest, "[]") {
				panic(fmt.Sprintf("jsonscan: malformed path %q", path))
			}
			n = n.elementNode()
			depth++
		}
	}
	p.depth = max(p.depth, depth)
	return n
}

func validName(name string) bool {
	for _, c := range []byte(name) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '_', c == '-', c == '$':
		default:
			return false
		}
	}
	return name != ""
}

func (n *node) memberNode(name string) *node {
	if name == "*" {
		if n.others == nil {
			n.others = &node{watch: -1, arrays: n.arrays}
		}
		return n.others
	}
	for _, m := range n.members {
		if m.name == name {
			return m.node
		}
	}
	child := &node{watch: -1, arrays: n.arrays}
	n.members = append(n.members, member{name, child})
	return child
}

func (n *node) elementNode() *node {
	if n.element == nil {
		n.element = &node{watch: -1, arrays: n.arrays + 1}
	}
	return n.element
}

// find returns the node of the member called name, nil if no path goes there.
func (n *node) find(name []byte) *node {
	for i := range n.members {
		if m := &n.members[i]; m.name == string(name) {
			return m.node
		}
	}
	return n.others
}
