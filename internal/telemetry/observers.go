package telemetry

import (
	"context"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/weir-gateway/weir/internal/ledger"
	"github.com/weir-gateway/weir/internal/llm"
)

// nothing is an observer that takes no notice.
type nothing struct{}

func (nothing) ExchangeStarted(string, time.Time)                       {}
func (nothing) StepDone(string, string, time.Duration)                  {}
func (nothing) AttemptDone(string, *ledger.Attempt, *llm.Error, string) {}
func (nothing) FirstToken(string, time.Duration)                        {}
func (nothing) Event(string, int)                                       {}
func (nothing) ExchangeDone(*ledger.Entry, *llm.Error)                  {}
func (nothing) Refused(_, _, _, _ string, _ *llm.Error)                 {}
func (nothing) ObjectDone(_ *ledger.Entry, _, _ string, _ *llm.Error)   {}
func (nothing) KeepFailed(*ledger.Entry, error)                         {}
func (nothing) LedgerFailed(*ledger.Entry, error)                       {}
func (nothing) ConfigLoaded([]string)                                   {}
func (nothing) ConfigRefused(error)                                     {}

// maxCause bounds the text of an error's cause in a log line.
const maxCause = 1000

// Log writes one line per exchange, and a bounded number of lines for the
// requests that never became one. It may be used by several goroutines at
// once.
type Log struct {
	nothing
	log  *slog.Logger
	json io.Writer // where lines of exchanges go at once; nil: through log

	mu      sync.Mutex
	refused map[llm.Code]*allowance // guarded by mu
}

// NewLog returns an observer that writes to log. If json is not nil, log is one
// that writes JSON to json, and the lines of exchanges are written there in the
// same form without its help, for a third of the time.
func NewLog(log *slog.Logger, json io.Writer) *Log {
	return &Log{log: log, json: json, refused: make(map[llm.Code]*allowance)}
}

// ExchangeDone writes the exchange's line: info for success and for what
// clients do wrong, warn and error as somebody should look.
func (l *Log) ExchangeDone(e *ledger.Entry, err *llm.Error) {
	level := slog.LevelInfo
	if err != nil {
		level = levelOf(err.Code)
	}
	ctx := context.Background()
	if !l.log.Enabled(ctx, level) {
		return
	}
	cause := ""
	if err != nil {
		cause = Scrub(err.Error(), maxCause)
	}
	if l.json == nil {
		all := make(attrs, 0, 32)
		describe(&all, e, cause)
		l.log.LogAttrs(ctx, level, "exchange", all...)
		return
	}
	b := newLine(time.Now(), level, "exchange")
	describe(b, e, cause)
	_ = b.writeTo(l.json) // as slog: a log that cannot be written stops nobody
}

// AttemptDone writes why an attempt has failed after which there is another:
// the line of the exchange tells of the last one alone.
func (l *Log) AttemptDone(id string, a *ledger.Attempt, err *llm.Error, next string) {
	if next == "" || err == nil {
		return
	}
	l.log.LogAttrs(context.Background(), slog.LevelWarn, "attempt failed",
		slog.String("request_id", id),
		slog.String("upstream", a.Upstream), slog.String("target", Scrub(a.Target, 256)), slog.String("lane", string(a.Lane)),
		slog.Int("status", a.Status), slog.String("code", string(a.Code)),
		slog.Float64("total_ms", ms(a.Total)),
		slog.String("upstream_request_id", a.UpstreamRequestID),
		slog.String("next", next), slog.String("error", Scrub(err.Error(), maxCause)),
	)
}

// ObjectDone writes a line for each call about an object: there is no entry to
// look it up in.
func (l *Log) ObjectDone(e *ledger.Entry, method, path string, err *llm.Error) {
	level, cause := slog.LevelInfo, ""
	if err != nil {
		level, cause = levelOf(err.Code), Scrub(err.Error(), maxCause)
	}
	if ctx := context.Background(); l.log.Enabled(ctx, level) {
		all := make(attrs, 0, 20)
		describeObject(&all, e, method, path, cause)
		l.log.LogAttrs(ctx, level, "object", all...)
	}
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// levelOf says how soon somebody should look: error for what fails until it is
// mended, warn for what upstreams and our own limits do, info for the rest.
func levelOf(c llm.Code) slog.Level {
	if c == llm.CodeModelUnavailable {
		return slog.LevelError
	}
	switch c.Row().Kind {
	case llm.Internal, llm.UpstreamAuth:
		return slog.LevelError
	case llm.Limited, llm.UpstreamLimited, llm.UpstreamUnavailable, llm.UpstreamInvalid, llm.Timeout:
		return slog.LevelWarn
	default:
		return slog.LevelInfo
	}
}

// Of refusals with one code, this many lines are written at once, and one more
// each second: who knocks a thousand times a second must not fill the disk,
// and must not hide the one request that somebody looks for.
const (
	refusedBurst = 10
	refusedEvery = time.Second
)

// allowance is what is left to be written for one code.
type allowance struct {
	lines   float64
	at      time.Time // when lines was right
	leftOut int64     // since the last line
}

// Refused writes a line that counts the ones with the same code that were left
// out before it.
func (l *Log) Refused(id, method, path, remote string, err *llm.Error) {
	l.mu.Lock()
	now := time.Now()
	a := l.refused[err.Code]
	if a == nil {
		a = &allowance{lines: refusedBurst, at: now}
		l.refused[err.Code] = a // codes are a closed table
	}
	a.lines = min(refusedBurst, a.lines+float64(now.Sub(a.at))/float64(refusedEvery))
	a.at = now
	if a.lines < 1 {
		a.leftOut++
		l.mu.Unlock()
		return
	}
	left := a.leftOut
	a.lines, a.leftOut = a.lines-1, 0
	l.mu.Unlock()
	l.log.LogAttrs(context.Background(), slog.LevelInfo, "refused",
		slog.String("request_id", id),
		slog.Int("status", err.Status()),
		slog.String("code", string(err.Code)),
		slog.String("method", Scrub(method, 32)),
		slog.String("path", Scrub(path, 256)),
		slog.String("remote", remote),
		slog.String("error", Scrub(err.Error(), maxCause)),
		slog.Int64("left_out_before", left),
	)
}

// KeepFailed writes why a response was not kept.
func (l *Log) KeepFailed(e *ledger.Entry, err error) {
	l.log.Warn("response not kept", "request_id", e.ID, "tenant", Scrub(e.Tenant, 256), "key", Scrub(e.Key, 256), "error", Scrub(err.Error(), maxCause))
}

// LedgerFailed writes the whole entry, so that it is not lost.
func (l *Log) LedgerFailed(e *ledger.Entry, err error) {
	l.log.Error("ledger did not take an entry", "error", err.Error(), "entry", *e)
}

// An Event is one line of a [Ring]: an exchange, a call about an object, or a
// request that never became one.
type Event struct {
	Entry  ledger.Entry // of a refusal only ID, Time, Status and Code are set
	Method string       // not of an exchange, as is Path
	Path   string
	Error  string // scrubbed; empty for success
}

// Ring keeps the last events in memory, for whoever asks later. It may be
// used by several goroutines at once.
type Ring struct {
	nothing
	mu      sync.Mutex
	events  []Event            // :: newest events, oldest at next once full; guarded by mu
	next    int                // guarded by mu
	refused map[llm.Code]int64 // :: code → refusals since the start; guarded by mu
}

// NewRing returns a ring of the last n events. n must be positive.
func NewRing(n int) *Ring {
	return &Ring{events: make([]Event, 0, n), refused: make(map[llm.Code]int64)}
}

// ExchangeDone keeps the exchange.
func (r *Ring) ExchangeDone(e *ledger.Entry, err *llm.Error) {
	ev := Event{Entry: *e}
	if err != nil {
		ev.Error = Scrub(err.Error(), maxCause)
	}
	r.add(ev)
}

// ObjectDone keeps the call.
func (r *Ring) ObjectDone(e *ledger.Entry, method, path string, err *llm.Error) {
	ev := Event{Entry: *e, Method: Scrub(method, 32), Path: Scrub(path, 256)}
	if err != nil {
		ev.Error = Scrub(err.Error(), maxCause)
	}
	r.add(ev)
}

// Refused counts the refusal and keeps it.
func (r *Ring) Refused(id, method, path, _ string, err *llm.Error) {
	r.mu.Lock()
	r.refused[err.Code]++ // codes are a closed table
	r.mu.Unlock()
	r.add(Event{
		Entry:  ledger.Entry{ID: id, Time: time.Now(), Status: err.Status(), Code: err.Code},
		Method: Scrub(method, 32), Path: Scrub(path, 256), Error: Scrub(err.Error(), maxCause),
	})
}

func (r *Ring) add(e Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.events) < cap(r.events) {
		r.events = append(r.events, e)
		return
	}
	r.events[r.next] = e
	r.next = (r.next + 1) % len(r.events)
}

// Events returns what is kept, oldest first.
func (r *Ring) Events() []Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append(append(make([]Event, 0, len(r.events)), r.events[r.next:]...), r.events[:r.next]...)
}

// Refusals returns how many requests were refused with code since the start.
func (r *Ring) Refusals(code llm.Code) int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.refused[code]
}
