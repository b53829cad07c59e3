package proc

import (
	"testing"
	"time"
)

func TestParseSchedstat(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		want       time.Duration
		fails      bool
	}{
		{name: "three numbers", text: "287774 12 1\n", want: 287774},
		{name: "empty", text: "", fails: true},
		{name: "not a number", text: "x 1 2\n", fails: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := parseSchedstat(tt.text)
			if got != tt.want || (err != nil) != tt.fails {
				t.Errorf("parseSchedstat(%q) = %d, %v, want %d, fails: %t", tt.text, got, err, tt.want, tt.fails)
			}
		})
	}
}

func TestParsePSS(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		want       int64
		fails      bool
	}{
		{name: "among other lines", text: "55c3-7fff ---p 0 [rollup]\nRss:  1728 kB\nPss:   325 kB\nPss_Anon: 116 kB\n", want: 325 << 10},
		{name: "only longer names", text: "Pss_Anon: 116 kB\n", fails: true},
		{name: "another unit", text: "Pss: 325 MB\n", fails: true},
		{name: "not a number", text: "Pss: many kB\n", fails: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := parsePSS(tt.text)
			if got != tt.want || (err != nil) != tt.fails {
				t.Errorf("parsePSS(%q) = %d, %v, want %d, fails: %t", tt.text, got, err, tt.want, tt.fails)
			}
		})
	}
}
