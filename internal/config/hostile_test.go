package config_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/weir-gateway/weir/internal/config"
)

// TestParseRefusesHostileDocumentsCheaply feeds documents of the largest size
// that are built to be expensive. A stack that overflows would end the test
// binary: it cannot be recovered.
func TestParseRefusesHostileDocumentsCheaply(t *testing.T) {
	const most = 20 * time.Second // all take less than one on an idle machine; what is hostile takes minutes
	fill := func(s string) string { return strings.Repeat(s, config.MaxSource/len(s)) }
	bomb := new(strings.Builder)
	bomb.WriteString("a: &a [x, y, z]\n")
	for name := 'b'; name < 'k'; name++ {
		fmt.Fprintf(bomb, "%c: &%[1]c [%s]\n", name, strings.Repeat("*"+string(name-1)+", ", 9))
	}
	stairs := new(strings.Builder)
	for i := range 1400 {
		stairs.WriteString(strings.Repeat(" ", i) + "a:\n")
	}
	distinct := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "upstream_%d_%s: 1\n", i, strings.Repeat("x", i%23))
		}
		return b.String()
	}
	many := func(head, item, tail string) string {
		n := (config.MaxSource - len(head) - len(tail)) / len(item)
		return head + strings.Repeat(item, n) + tail
	}
	const upstream = "upstreams: [{name: a, kind: simulator}]\n"

	for _, tt := range []struct{ name, doc string }{
		{"alias bomb", bomb.String()},
		{"brackets", fill("[")},
		{"braces", fill("{")},
		{"mixed brackets", fill("[{a: ")},
		{"dashes on one line", fill("- ")},
		{"question marks on one line", fill("? ")},
		{"colons on one line", fill("a: ")},
		{"stairs", stairs.String()},
		{"anchors on one line", fill("&a ")},
		{"tags on one line", fill("!a ")},
		{"documents", fill("---\n")},
		{"directives", fill("%YAML 1.2\n")},
		{"merge keys", fill("<<: a\n")},
		{"unknown keys", distinct(30_000)},
		{"just not too many unknown keys", distinct(9_500)},
		{"just not too many items", strings.Repeat("-\n", 9_500)},
		{"just not too many items in brackets", "[" + strings.Repeat("a,", 49_000) + "]"},
		{"just not too many keys in brackets", "{" + strings.Repeat("a: b,", 24_000) + "}"},
		{"just not too many lists in a list", "keys:\n" + strings.Repeat("- - a\n", 4_500)},
		{"just not too many mappings in a list", "keys:\n" + strings.Repeat("- a: b\n", 4_500)},
		{"the same key", fill("keys: 1\n")},
		{"empty lines", fill("\n")},
		{"spaces", fill(" ")},
		{"comments", fill("#\n")},
		{"one long key", fill("k")},
		{"one long text", "a: \"" + fill("x")[:config.MaxSource-8] + "\""},
		{"an open quote", "a: \"" + fill("\\n")[:config.MaxSource-8]},
		{"lines of an open quote", "a: '" + fill("\n b")[:config.MaxSource-8]},
		{"a block text", "a: |\n" + fill("  x\n")[:config.MaxSource-8]},
		{"a folded text", "a: >\n" + fill("  x\n\n")[:config.MaxSource-8]},
		{"models", many(upstream+"models:\n", "- {name: a, targets: [{upstream: a}]}\n", "")},
		{"targets", many(upstream+"models: [{name: a, targets: [", "{upstream: a},", "]}]")},
		{"unknown upstreams", many("upstreams: ["+strings.Repeat("{name: abcdefgh, kind: simulator},", 8000)+"]\nmodels: [{name: a, targets: [", "{upstream: abcdxfgh},", "]}]")},
		{"keys", many(upstream+"keys: [", "{},", "]")},
		{"dashes on lines", fill("-\n")},
		{"a dash above a dash", fill("-\n -\n")},
		{"references", "log: {level: \"" + fill("${A:-a}")[:config.MaxSource-32] + "\"}"},
		{"dollars", "log: {level: \"" + fill("$$")[:config.MaxSource-32] + "\"}"},
		{"open references", "log: {level: \"" + fill("${")[:config.MaxSource-32] + "\"}"},
		{"more than the largest size", strings.Repeat("#", config.MaxSource+1)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			start := time.Now()
			_, err := config.Parse([]byte(tt.doc), config.Options{Path: "weir.yaml"})
			if took := time.Since(start); took > most {
				t.Errorf("Parse took %v, want at most %v", took, most)
			}
			var faults config.Faults
			if !errors.As(err, &faults) || len(faults) == 0 {
				t.Fatalf("Parse error = %v, want Faults", err)
			}
			if got := len(err.Error()); got > 64<<10 {
				t.Errorf("the message has %d bytes, want one that can be read", got)
			}
		})
	}
}
