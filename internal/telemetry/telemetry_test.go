package telemetry_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weir-gateway/weir/internal/ledger"
	"github.com/weir-gateway/weir/internal/llm"
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
	mu    sync.Mutex
	buf   bytes.Buffer
	calls int
}

func (s *slowly) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls++
	return s.buf.Write(p)
}

// written returns what was written, and in how many calls.
func (s *slowly) written() (string, int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.buf.String(), s.calls
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
		if _, calls := out.written(); calls != 0 {
			t.Errorf("%d writes before it was time", calls)
		}
		<-time.After(2 * time.Millisecond)
		synctest.Wait()
		if got, calls := out.written(); calls != 1 || got != want {
			t.Errorf("%d writes of %d bytes, want all %d at once", calls, len(got), len(want))
		}
		large := strings.Repeat("x", 100_000)
		for _, line := range []string{"a", large, "b"} {
			want += line
			if _, err := b.Write([]byte(line)); err != nil {
				t.Fatal(err)
			}
		}
		err := b.Close()
		if got, _ := out.written(); err != nil || got != want {
			t.Errorf("after Close (%v) %d bytes are written, want %d, in order", err, len(got), len(want))
		}
		_, err = b.Write([]byte("late"))
		if got, _ := out.written(); err != nil || got != want+"late" {
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

// TestExchangeLine: the line of an exchange has exactly these members, whether
// slog encodes it or not.
func TestExchangeLine(t *testing.T) {
	failed := &llm.Error{Code: llm.CodeUpstreamLost, Op: "upstream.do", Err: errors.New("reset \"by\" <peer>\n")}
	for _, tt := range []struct {
		name  string
		entry ledger.Entry
		err   *llm.Error
	}{
		{"success", ledger.Entry{
			ID: "req_1", Tenant: "t", Key: "alice", Remote: "127.0.0.1:1", Operation: llm.OpChat, Model: "gpt-5", Stream: true,
			Upstream: "up", Target: "dep", Lane: llm.Express, Status: 200, BytesIn: 1, BytesOut: 2,
			FirstByte: 1234567, Total: 3 * time.Second,
			Attempts: []ledger.Attempt{{Status: 200, UpstreamRequestID: "theirs"}},
			Usage:    llm.Usage{Input: 3, CachedInput: 1, CacheWrite: 1, Output: 4, Reasoning: 2, Provenance: llm.UsageReported},
		}, nil},
		{"failure, and names that must be quoted", ledger.Entry{
			ID: "req_2", Model: "a\"b\\c\x01é\u2028<&>", Status: 502, Code: llm.CodeUpstreamLost, Attempts: []ledger.Attempt{{}},
		}, failed},
		{"nothing known", ledger.Entry{}, nil},
		{"what was not read", ledger.Entry{Operation: llm.OpTransparent, Method: "POST", Path: "/v1/x"}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			lines := make([]map[string]any, 2)
			for i := range lines {
				var out bytes.Buffer
				var direct io.Writer
				if i == 1 {
					direct = &out
				}
				telemetry.NewLog(telemetry.NewLogger(&out, slog.LevelInfo, false), direct).ExchangeDone(&tt.entry, tt.err)
				if strings.Count(out.String(), "\n") != 1 {
					t.Fatalf("log = %q, want one line", out.String())
				}
				if err := json.Unmarshal(out.Bytes(), &lines[i]); err != nil {
					t.Fatalf("%v: %s", err, out.String())
				}
				if _, err := time.Parse(time.RFC3339Nano, fmt.Sprint(lines[i]["time"])); err != nil {
					t.Error(err)
				}
				delete(lines[i], "time")
			}
			if diff := cmp.Diff(lines[0], lines[1]); diff != "" {
				t.Errorf("slog's line and the direct one differ (-slog +direct):\n%s", diff)
			}
			want := []string{
				"attempts", "bytes_in", "bytes_out", "cache_write_tokens", "cached_tokens", "code", "first_byte_ms", "input_tokens", "key", "lane",
				"level", "model", "msg", "operation", "output_tokens", "reasoning_tokens", "remote", "request_id", "status", "stream", "target",
				"tenant", "total_ms", "upstream", "usage",
			}
			if len(tt.entry.Attempts) > 0 {
				want = append(want, "upstream_status")
			}
			if tt.name == "success" {
				want = append(want, "upstream_request_id")
			}
			if tt.err != nil {
				want = append(want, "error")
			}
			if tt.entry.Path != "" {
				want = append(want, "method", "path")
			}
			slices.Sort(want)
			if diff := cmp.Diff(want, slices.Sorted(maps.Keys(lines[1]))); diff != "" {
				t.Errorf("members (-want +got):\n%s", diff)
			}
		})
	}
}
