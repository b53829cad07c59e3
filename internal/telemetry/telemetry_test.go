package telemetry_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
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

// A slowly is a writer that counts how often it is called.
type slowly struct {
	bytes.Buffer
	calls int
}

func (s *slowly) Write(p []byte) (int, error) {
	s.calls++
	return s.Buffer.Write(p)
}

func TestBuffered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out slowly
		b := telemetry.NewBuffered(&out)
		want := ""
		for i := range 100 {
			line := fmt.Sprintf("line %d\n", i)
			want += line
			if n, err := b.Write([]byte(line)); n != len(line) || err != nil {
				t.Fatalf("Write = %d, %v", n, err)
			}
		}
		<-time.After(49 * time.Millisecond) // of the bubble's clock
		synctest.Wait()
		if out.calls != 0 {
			t.Errorf("%d writes before it was time", out.calls)
		}
		<-time.After(2 * time.Millisecond)
		synctest.Wait()
		if out.calls != 1 || out.String() != want {
			t.Errorf("%d writes of %d bytes, want all %d at once", out.calls, out.Len(), len(want))
		}
		large := strings.Repeat("x", 100_000)
		for _, line := range []string{"a", large, "b"} {
			want += line
			if _, err := b.Write([]byte(line)); err != nil {
				t.Fatal(err)
			}
		}
		if err := b.Close(); err != nil || out.String() != want {
			t.Errorf("after Close (%v) %d bytes are written, want %d, in order", err, out.Len(), len(want))
		}
		if _, err := b.Write([]byte("late")); err != nil || out.String() != want+"late" {
			t.Errorf("what comes after Close is not written at once (%v)", err)
		}
	})
}

func TestBufferedTellsOfErrors(t *testing.T) {
	b := telemetry.NewBuffered(failing{})
	if _, err := b.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if err := b.Close(); !errors.Is(err, errFull) {
		t.Errorf("Close() = %v, want %v", err, errFull)
	}
}

var errFull = errors.New("disk full")

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errFull }
