package telemetry_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/weir-gateway/weir/internal/telemetry"
)

func TestRequestID(t *testing.T) {
	form := regexp.MustCompile(`^req_[0-9a-f]{32}$`)
	at := time.UnixMilli(1_800_000_000_000)
	seen := map[string]bool{}
	for range 1000 {
		id := telemetry.RequestID(at)
		if !form.MatchString(id) || seen[id] {
			t.Fatalf("RequestID = %q: malformed, or given twice", id)
		}
		seen[id] = true
		if later := telemetry.RequestID(at.Add(time.Millisecond)); later <= id {
			t.Fatalf("RequestID a millisecond later = %q, sorts before %q", later, id)
		}
	}
}

func TestScrub(t *testing.T) {
	for _, tt := range []struct{ in, secret, want string }{
		{"Incorrect API key provided: sk-proj-abcdef123456", "abcdef", "[redacted]"},
		{"Authorization: Bearer abcdefghij", "abcdefghij", "Bearer [redacted]"},
		{"GET /x?api_key=hunter22&y=1", "hunter22", "api_key=[redacted]&y=1"},
		{"token eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.sig", "eyJzdWIi", "[redacted]"},
		{"line\r\nlevel=error \x1b[31m", "\n", "line··level=error ·[31m"},
	} {
		got := telemetry.Scrub(tt.in, 200)
		if strings.Contains(got, tt.secret) || !strings.Contains(got, tt.want) {
			t.Errorf("Scrub(%q) = %q, want it with %q and without %q", tt.in, got, tt.want, tt.secret)
		}
	}
	if got := telemetry.Scrub(strings.Repeat("ä", 100), 11); got != "äääää…" {
		t.Errorf("Scrub cuts a long text to %q, want five whole characters", got)
	}
}

func TestNewLogger(t *testing.T) {
	var out bytes.Buffer
	log := telemetry.NewLogger(&out, slog.LevelInfo, false)
	log.Debug("unseen")
	log.Info("seen", "model", "a\"b")
	var line map[string]any
	if err := json.Unmarshal(out.Bytes(), &line); err != nil {
		t.Fatalf("log = %q, want one line of JSON: %v", out.String(), err)
	}
	if line["msg"] != "seen" || line["model"] != `a"b` {
		t.Errorf("log line = %v, want msg and model as given", line)
	}
	out.Reset()
	telemetry.NewLogger(&out, slog.LevelDebug, true).Debug("seen")
	if !strings.Contains(out.String(), "level=DEBUG msg=seen") {
		t.Errorf("text log = %q, want key=value pairs", out.String())
	}
}
