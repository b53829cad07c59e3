package telemetry

import (
	"encoding/json"
	"io"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"github.com/weir-gateway/weir/internal/ledger"
	"github.com/weir-gateway/weir/internal/llm"
)

// A line is the JSON object of one log record, in the form of
// [slog.JSONHandler]. One is written for each exchange, on its way: this costs
// a third of what slog's own encoding does.
type line struct{ b []byte }

var lines sync.Pool // immutable: of *line

// newLine begins a line. It must be written.
func newLine(at time.Time, level slog.Level, msg string) *line {
	l, ok := lines.Get().(*line)
	if !ok {
		l = &line{make([]byte, 0, 1024)}
	}
	l.b = append(l.b[:0], `{"time":"`...)
	l.b = at.AppendFormat(l.b, time.RFC3339Nano)
	l.b = append(l.b, `","level":"`...)
	l.b = append(l.b, level.String()...)
	l.b = append(l.b, `","msg":"`...)
	l.b = append(l.b, msg...)
	l.b = append(l.b, '"')
	return l
}

// writeTo ends the line, writes it in one call, and gives it back.
func (l *line) writeTo(w io.Writer) error {
	l.b = append(l.b, '}', '\n')
	_, err := w.Write(l.b)
	lines.Put(l)
	return err
}

func (l *line) name(name string) {
	l.b = append(l.b, ',', '"')
	l.b = append(l.b, name...)
	l.b = append(l.b, '"', ':')
}

func (l *line) text(name, s string) {
	l.name(name)
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			quoted, err := json.Marshal(s)
			if err != nil { // a string can always be marshalled
				quoted = []byte(`""`)
			}
			l.b = append(l.b, quoted...)
			return
		}
	}
	l.b = append(l.b, '"')
	l.b = append(l.b, s...)
	l.b = append(l.b, '"')
}

func (l *line) number(name string, n int64) {
	l.name(name)
	l.b = strconv.AppendInt(l.b, n, 10)
}

func (l *line) millis(name string, d time.Duration) {
	l.name(name)
	l.b = strconv.AppendFloat(l.b, ms(d), 'f', -1, 64)
}

func (l *line) truth(name string, v bool) {
	l.name(name)
	l.b = strconv.AppendBool(l.b, v)
}

// fields is what takes the members of a log line: a line, or slog.
type fields interface {
	text(name, s string)
	number(name string, n int64)
	millis(name string, d time.Duration)
	truth(name string, v bool)
}

// attrs is fields for slog.
type attrs []slog.Attr

func (a *attrs) text(name, s string)         { *a = append(*a, slog.String(name, s)) }
func (a *attrs) number(name string, n int64) { *a = append(*a, slog.Int64(name, n)) }
func (a *attrs) truth(name string, v bool)   { *a = append(*a, slog.Bool(name, v)) }
func (a *attrs) millis(name string, d time.Duration) {
	*a = append(*a, slog.Float64(name, ms(d)))
}

// describeObject gives the members of the line of a call about an object to f.
func describeObject(f fields, e *ledger.Entry, method, path, cause string) {
	f.text("request_id", e.ID)
	f.text("tenant", e.Tenant)
	f.text("key", e.Key)
	f.text("remote", e.Remote)
	f.text("operation", string(e.Operation))
	f.text("method", Scrub(method, 32))
	f.text("path", Scrub(path, 256))
	f.text("model", e.Model)
	f.truth("stream", e.Stream)
	f.text("upstream", e.Upstream)
	f.number("status", int64(e.Status))
	f.text("code", string(e.Code))
	f.number("bytes_out", e.BytesOut)
	f.millis("first_byte_ms", e.FirstByte)
	f.millis("total_ms", e.Total)
	for i := range e.Attempts {
		describeUpstream(f, &e.Attempts[i])
	}
	if cause != "" {
		f.text("error", cause)
	}
}

// describeUpstream gives what the upstream has said of an attempt to f.
func describeUpstream(f fields, a *ledger.Attempt) {
	f.number("upstream_status", int64(a.Status))
	if a.UpstreamRequestID != "" {
		f.text("upstream_request_id", a.UpstreamRequestID)
	}
}

// describe gives the members of an exchange's line to f. cause is empty for
// success.
func describe(f fields, e *ledger.Entry, cause string) {
	f.text("request_id", e.ID)
	f.text("tenant", e.Tenant)
	f.text("key", e.Key)
	f.text("remote", e.Remote)
	f.text("operation", string(e.Operation))
	if e.Path != "" {
		f.text("method", Scrub(e.Method, 32))
		f.text("path", Scrub(e.Path, 256))
	}
	f.text("model", e.Model)
	f.truth("stream", e.Stream)
	f.text("upstream", e.Upstream)
	f.text("target", e.Target)
	f.text("lane", string(e.Lane))
	f.number("status", int64(e.Status))
	f.text("code", string(e.Code))
	f.number("attempts", int64(len(e.Attempts)))
	if e.Lossy != "" {
		f.text("lossy", e.Lossy)
	}
	f.number("bytes_in", e.BytesIn)
	f.number("bytes_out", e.BytesOut)
	f.millis("first_byte_ms", e.FirstByte)
	f.millis("total_ms", e.Total)
	f.number("input_tokens", e.Usage.Input)
	f.number("cached_tokens", e.Usage.CachedInput)
	f.number("cache_write_tokens", e.Usage.CacheWrite)
	f.number("output_tokens", e.Usage.Output)
	f.number("reasoning_tokens", e.Usage.Reasoning)
	if e.Usage.Images != 0 {
		f.number("images", e.Usage.Images)
	}
	if e.Usage.Characters != 0 {
		f.number("characters", e.Usage.Characters)
	}
	if e.Usage.Audio != 0 {
		f.millis("audio_ms", e.Usage.Audio)
	}
	f.text("usage", e.Usage.Provenance.String())
	if e.Operation == llm.OpRealtime {
		f.number("frames_in", e.FramesIn)
		f.number("frames_out", e.FramesOut)
		f.number("input_audio_tokens", e.Usage.InputAudio)
		f.number("output_audio_tokens", e.Usage.OutputAudio)
	}
	if n := len(e.Attempts); n > 0 {
		describeUpstream(f, &e.Attempts[n-1])
	}
	if cause != "" {
		f.text("error", cause)
	}
}
