package doctest

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// A block is one fenced block that is run, saved or compared.
type block struct {
	line  int    // of the fence, from 1
	lang  string // as written after the fence
	how   string // "run", "server", "config", "codex", "file", "output"
	arg   string // the address of a server, the name of a file; or ""
	wants string // what it must print, or ""
	text  string
}

// hows lists what can be done with a block of a language; the first is what
// is done if no comment says otherwise.
var hows = map[string][]string{ // immutable
	"sh":     {"run", "server", "file"},
	"bash":   {"run", "server", "file"},
	"python": {"run", "file"},
	"js":     {"run", "file"},
	"go":     {"run", "file"},
	"yaml":   {"config", "file"},
	"toml":   {"codex", "file"},
	"text":   {"", "output", "file"},
	"json":   {"", "output", "file"},
	"http":   {"", "file"},
	"ini":    {"", "file"},
}

const (
	defaultAddress = "127.0.0.1:8787"
	defaultConfig  = "weir.yaml"
)

var (
	fence  = regexp.MustCompile("^ {0,3}(```+|~~~+) *([^` ]*) *$")
	marker = regexp.MustCompile(`^<!-- test: ([a-z]+)(?: ([^" ]+))?(?: wants "(.+)")? -->$`)
)

// parse returns the blocks of a document that something is done with, and
// what is wrong with the document.
func parse(document string) (blocks []block, faults []string) {
	fault := func(line int, format string, args ...any) {
		faults = append(faults, fmt.Sprintf("line %d: %s", line, fmt.Sprintf(format, args...)))
	}
	var (
		comment     string // the comment that waits for its block
		commentLine int
		open        *block
		closing     string
		body        []string
	)
	for i, line := range strings.Split(document, "\n") {
		line = strings.TrimSuffix(line, "\r")
		m := fence.FindStringSubmatch(line)
		switch {
		case open != nil && m != nil && m[2] == "" && strings.HasPrefix(m[1], closing):
			open.text = strings.Join(append(body, ""), "\n")
			if b, why := decide(*open, comment); why != "" {
				fault(open.line, "%s", why)
			} else if b.how != "" {
				blocks = append(blocks, b)
			}
			open, body, comment = nil, nil, ""
		case open != nil:
			body = append(body, line)
		case m != nil:
			open, closing = &block{line: i + 1, lang: m[2]}, m[1]
		case strings.TrimSpace(line) == "":
		default:
			if comment != "" {
				fault(commentLine, "no block follows %s", comment)
				comment = ""
			}
			if strings.HasPrefix(line, "<!-- test:") {
				comment, commentLine = line, i+1
			}
		}
	}
	if open != nil {
		fault(open.line, "the block is not closed")
	}
	if comment != "" {
		fault(commentLine, "no block follows %s", comment)
	}
	return blocks, append(faults, unused(blocks)...)
}

// decide completes a block from the comment above it, which may be empty, and
// returns why it cannot.
func decide(b block, comment string) (_ block, why string) {
	possible, ok := hows[b.lang]
	if !ok {
		return b, fmt.Sprintf("a block in %q: use one of sh, bash, python, js, go, yaml, toml, or text, json, http, ini for what is not run", b.lang)
	}
	b.how = possible[0]
	if comment != "" {
		m := marker.FindStringSubmatch(comment)
		if m == nil {
			return b, "cannot read " + comment
		}
		b.how, b.arg, b.wants = m[1], m[2], m[3]
		if !slices.Contains(possible, b.how) {
			return b, fmt.Sprintf("%q cannot be done with a block in %s", b.how, b.lang)
		}
	}
	switch b.how {
	case "file":
		if b.arg == "" {
			return b, "a file needs a name"
		}
	case "config":
		if b.arg == "" {
			b.arg = defaultConfig
		}
	case "server":
		if b.arg == "" {
			b.arg = defaultAddress
		}
	default:
		if b.arg != "" {
			return b, fmt.Sprintf("%q takes no argument", b.how)
		}
	}
	if b.wants != "" && b.how != "run" {
		return b, fmt.Sprintf("%q prints nothing that could be wanted", b.how)
	}
	return b, ""
}

// unused reports blocks that nothing below uses, and outputs of nothing.
func unused(blocks []block) (faults []string) {
	for i, b := range blocks {
		name := filepath.Base(b.arg)
		switch b.how {
		case "codex":
			name = "codex"
		case "file":
		case "output":
			if i == 0 || (blocks[i-1].how != "run" && blocks[i-1].how != "output") {
				faults = append(faults, fmt.Sprintf("line %d: the block before this output prints nothing", b.line))
			}
			continue
		default:
			continue
		}
		if !slices.ContainsFunc(blocks[i+1:], func(later block) bool {
			return (later.how == "run" || later.how == "server") && strings.Contains(later.text, name)
		}) {
			faults = append(faults, fmt.Sprintf("line %d: no block below uses %s", b.line, name))
		}
	}
	return faults
}

// needs returns the real parts that b cannot do without: what they are called
// by people, and by realpart.Need.
func (b block) needs() [][2]string {
	switch {
	case b.how != "run" && b.how != "server":
		return nil
	case b.lang == "python":
		return [][2]string{{"the OpenAI SDK for Python", ".cache/venv/bin/python3"}}
	case b.lang == "js":
		return [][2]string{{"Node", "node"}, {"the OpenAI SDK for Node", "test/e2e/node_modules/openai"}}
	case b.lang == "go":
		return nil
	}
	var all [][2]string
	for _, part := range [][2]string{{"curl", "curl"}, {"Codex CLI", "codex"}, {"Node", "node"}, {"Python", "python3"}} {
		if regexp.MustCompile(`(?m)(^|[|&;(] *)` + part[1] + `\b`).MatchString(b.text) {
			all = append(all, part)
		}
	}
	return all
}

// contains reports whether the pieces of want between each "..." occur in got
// in their order.
func contains(got, want string) bool {
	for piece := range strings.SplitSeq(want, "...") {
		piece = strings.TrimSpace(piece)
		_, after, ok := strings.Cut(got, piece)
		if !ok {
			return false
		}
		got = after
	}
	return true
}
