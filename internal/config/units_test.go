package config

import (
	"testing"
	"time"
)

func TestParseSizeAndFormatSize(t *testing.T) {
	for _, tt := range []struct {
		in   string
		want int64
		out  string // what formatSize makes of it; "" is in
	}{
		{"0B", 0, ""},
		{"1B", 1, ""},
		{"1000B", 1000, "1kB"},
		{"1KB", 1000, "1kB"},
		{"1KiB", 1 << 10, ""},
		{"1536KiB", 1536 << 10, ""},
		{"50MiB", 50 << 20, ""},
		{"50MB", 50e6, ""},
		{"1024MiB", 1 << 30, "1GiB"},
		{"8388607TiB", 8388607 << 40, ""},
		{"9223372036854775807B", 1<<63 - 1, ""},
	} {
		got, err := parseSize(tt.in)
		if err != nil || got != tt.want {
			t.Errorf("parseSize(%q) = %d, %v; want %d", tt.in, got, err, tt.want)
		}
		out := tt.out
		if out == "" {
			out = tt.in
		}
		if s := formatSize(tt.want); s != out {
			t.Errorf("formatSize(%d) = %q, want %q", tt.want, s, out)
		}
	}
	for _, in := range []string{"", "B", "-1B", "+1B", "1.5GiB", "1 MiB", "1mib", "8388608TiB", "9223372036854775808B", "0x1B", "1e3B"} {
		if got, err := parseSize(in); err == nil {
			t.Errorf("parseSize(%q) = %d, want an error", in, got)
		}
	}
}

func TestParseDurationAndFormatDuration(t *testing.T) {
	for _, tt := range []struct {
		in   string
		want time.Duration
		out  string // what formatDuration makes of it; "" is in
	}{
		{"0s", 0, ""},
		{"1ns", 1, ""},
		{"500ms", 500 * time.Millisecond, ""},
		{"1.5s", 1500 * time.Millisecond, ""},
		{"10s", 10 * time.Second, ""},
		{"60s", time.Minute, "1m"},
		{"90s", 90 * time.Second, "1m30s"},
		{"5m", 5 * time.Minute, ""},
		{"1h", time.Hour, ""},
		{"1h0m30s", time.Hour + 30*time.Second, ""},
		{"100m", 100 * time.Minute, "1h40m"},
	} {
		got, err := parseDuration(tt.in)
		if err != nil || got != tt.want {
			t.Errorf("parseDuration(%q) = %v, %v; want %v", tt.in, got, err, tt.want)
		}
		out := tt.out
		if out == "" {
			out = tt.in
		}
		if s := formatDuration(tt.want); s != out {
			t.Errorf("formatDuration(%v) = %q, want %q", tt.want, s, out)
		}
	}
	for _, in := range []string{"", "s", "10", "0", "-1s", "+1s", "1d", "10 s", ".5s", "1.s", "99999999999h", "1S"} {
		if got, err := parseDuration(in); err == nil {
			t.Errorf("parseDuration(%q) = %v, want an error", in, got)
		}
	}
}

func TestDistance(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want int
	}{
		{"", "", 0},
		{"", "abc", 3},
		{"abc", "abc", 0},
		{"modles", "models", 1},
		{"hots", "hosts", 1},
		{"lisetn", "listen", 1},
		{"kitten", "sitting", 3},
	} {
		if got := distance(tt.a, tt.b); got != tt.want {
			t.Errorf("distance(%q, %q) = %d, want %d", tt.a, tt.b, got, tt.want)
		}
	}
}

func TestMeet(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want bool
	}{
		{"a", "a", true},
		{"a", "b", false},
		{"*", "", true},
		{"", "", true},
		{"a*", "*b", true},
		{"a*", "b*", false},
		{"*a*", "*b*", true},
		{"gpt-*-mini", "gpt-5*", true},
		{"gpt-*-mini", "*nano", false},
		{"a*c", "ab*", true},
		{"a**c", "ac", true},
		{"abc", "a*d", false},
	} {
		for _, pair := range [][2]string{{tt.a, tt.b}, {tt.b, tt.a}} {
			if got := meet(pair[0], pair[1]); got != tt.want {
				t.Errorf("meet(%q, %q) = %v, want %v", pair[0], pair[1], got, tt.want)
			}
		}
	}
}
