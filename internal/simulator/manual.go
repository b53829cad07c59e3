package simulator

import (
	_ "embed"
	"strings"
)

//go:embed doc.go
var source string

// Manual returns the sections of the package comment that say what prompts and
// headers do, for a terminal.
func Manual() string {
	var b strings.Builder
	shown := false
	for line := range strings.Lines(source) {
		text, ok := strings.CutPrefix(line, "//")
		if !ok {
			break
		}
		if title, ok := strings.CutPrefix(text, " # "); ok {
			title = strings.TrimSpace(title)
			if shown = title == "What it says" || title == "Misbehaviour"; shown {
				b.WriteString(title + ":\n")
			}
			continue
		}
		if shown {
			b.WriteString(strings.Replace(strings.TrimPrefix(text, " "), "\t", "  ", 1))
		}
	}
	return strings.TrimSpace(b.String()) + "\n"
}
