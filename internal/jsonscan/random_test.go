package jsonscan_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weir-gateway/weir/internal/jsonscan"
)

// generator writes JSON documents that come close to every rule: watched
// names, their look-alikes and escapes, in the right and in the wrong places.
// Fuzzing by bytes seldom gets so far.
type generator struct {
	*rand.Rand
	out  bytes.Buffer
	left int // values that may still be written
}

func (g *generator) pick(from ...string) string { return from[g.IntN(len(from))] }

func (g *generator) space() {
	if g.IntN(4) == 0 {
		g.out.WriteString(g.pick(" ", "\n", "\t", "\r\n", "  "))
	}
}

func (g *generator) word(s string) {
	g.space()
	g.out.WriteString(s)
	g.space()
}

func (g *generator) name() string {
	name := g.pick("model", "stream", "stream_options", "include_usage", "messages", "role", "input", "content", "type",
		"k", "a", "", "Model", "ſtream", "x y", "é", strconv.Itoa(g.IntN(100)))
	if g.IntN(10) > 0 {
		name = g.pick("model", "stream", "stream_options", "include_usage", "messages", "role", "input", "content", "type", name)
	}
	if g.IntN(8) > 0 || name == "" {
		return `"` + name + `"`
	}
	runes := []rune(name)
	i := g.IntN(len(runes))
	return fmt.Sprintf(`"%s\u%04x%s"`, string(runes[:i]), runes[i], string(runes[i+1:]))
}

func (g *generator) value() {
	g.left--
	n := g.IntN(5)
	if g.left <= 0 {
		n = 0
	}
	switch kind := g.IntN(8); {
	case kind < 3:
		g.word("{")
		for i := range n {
			if i > 0 {
				g.word(",")
			}
			g.word(g.name())
			g.word(":")
			g.value()
		}
		g.word("}")
	case kind < 5:
		g.word("[")
		for i := range n {
			if i > 0 {
				g.word(",")
			}
			g.value()
		}
		g.word("]")
	case kind < 7:
		g.word(`"` + g.pick("", "x", "data:image/png;base64,AAAA", `a\"b`, `\ud83d\ude00`, `\u00e9é\/`, `,\"model\":1`, "{[") + `"`)
	default:
		g.word(g.pick("0", "-1", "12", "0.5", "1e9", "-1.25E-3", "true", "false", "null"))
	}
}

// document returns a random document, now and then with one byte spoilt.
func (g *generator) document() []byte {
	g.out.Reset()
	g.left = g.IntN(60)
	g.value()
	doc := bytes.Clone(g.out.Bytes())
	if g.IntN(6) == 0 {
		i := g.IntN(len(doc))
		switch g.IntN(3) {
		case 0:
			doc[i] = g.pick(`"`, `\`, `{`, `}`, `[`, `]`, `,`, `:`, `0`, `-`, `u`, "\x00", "\xff", " ")[0]
		case 1:
			doc = doc[:i]
		default:
			doc = append(doc[:i], doc[i+1:]...)
		}
	}
	return doc
}

// TestRandomDocuments checks Scan against the oracle and Scanner against Scan
// and every split against the whole.
func TestRandomDocuments(t *testing.T) {
	g := &generator{Rand: rand.New(rand.NewPCG(1, 2))}
	p := jsonscan.Compile(testSpec)
	s := p.NewScanner(1 << 20)
	documents, accepted := 20_000, 0
	if raceDetector {
		documents = 2_000
	}
	for range documents {
		doc := g.document()
		checkScan(t, p, testSpec, doc)
		if _, err := p.Scan(doc, nil); err == nil {
			accepted++
		}

		s.Reset()
		whole := scanPieces(s, testSpec, string(doc))
		checkAgainstScan(t, p, s, doc)
		var pieces []string
		for rest := string(doc); rest != ""; {
			n := 1 + g.IntN(min(len(rest), 1+g.IntN(40)))
			pieces = append(pieces, rest[:n])
			rest = rest[n:]
		}
		s.Reset()
		if diff := cmp.Diff(whole, scanPieces(s, testSpec, pieces...)); diff != "" {
			t.Errorf("split into %q, the answer differs (-whole +split):\n%s", pieces, diff)
		}
		if t.Failed() {
			return
		}
	}
	if accepted < documents/10 {
		t.Errorf("only %d documents were accepted: the generator spoils too many", accepted)
	}
}
