package upstream

import (
	"context"
	"io"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/weir-gateway/weir/internal/llm"
)

// A phase is how far an attempt has come. It only grows.
type phase uint8

const (
	connecting phase = iota // no connection yet
	waiting                 // connection there; waiting for the first byte (or, of a whole answer, the status)
	reading                 // the answer is arriving
	ended
)

// never is later than every deadline.
const never = time.Duration(1<<63 - 1)

// An attempt is one call under way: its context, its one timer, and the body
// of its answer.
//
// The timer is not reset for every read. It fires, looks what is due by now,
// and sets itself to the next time at which something could be; a read only
// notes when it began. Times are measured from start.
type attempt struct {
	upstream *Upstream
	sent     func()

	ctx    context.Context //nolint:containedctx // the attempt is the call
	cancel context.CancelCauseFunc
	trace  httptrace.ClientTrace
	start  time.Time

	wrote  atomic.Bool  // sent was called
	reused atomic.Bool  // the connection had served another request before
	since  atomic.Int64 // when the read under way began; 0: none is

	mu        sync.Mutex    // guards what follows
	stream    bool          // what is asked for, then what is answered
	phase     phase         //
	connected time.Duration // when phase became waiting; 0: it has not
	timer     *time.Timer   // nil as long as nothing can become due
	armed     time.Duration // what timer is set to

	// Used by the reading goroutine alone.
	body  io.ReadCloser
	begun bool  // the phase is reading
	err   error // what Read returns from now on
}

// begin starts the clock of a call.
func (u *Upstream) begin(ctx context.Context, stream bool, sent func()) *attempt {
	a := &attempt{upstream: u, stream: stream, sent: sent, start: time.Now(), armed: never}
	a.ctx, a.cancel = context.WithCancelCause(ctx)
	a.trace = httptrace.ClientTrace{GotConn: a.gotConn, WroteRequest: a.wroteRequest}
	a.mu.Lock()
	a.arm()
	a.mu.Unlock()
	return a
}

// tracedContext returns the context of the request.
func (a *attempt) tracedContext() context.Context {
	return httptrace.WithClientTrace(a.ctx, &a.trace)
}

func (a *attempt) gotConn(info httptrace.GotConnInfo) {
	if info.Reused {
		take(info.Conn)
	}
	a.reused.Store(info.Reused)
	a.advance(waiting)
}

// wroteRequest is called when the transport has written the request or given
// up writing it. In neither case does it read the body again: there is no
// GetBody to replay it with.
func (a *attempt) wroteRequest(httptrace.WroteRequestInfo) {
	if a.wrote.CompareAndSwap(false, true) && a.sent != nil {
		a.sent()
	}
}

// answered takes over the body of the answer. One that is no event stream, a
// refusal above all, is a whole answer, whatever was asked for.
func (a *attempt) answered(resp *http.Response) {
	a.body = resp.Body
	a.mu.Lock()
	a.stream = a.stream && isStream(resp)
	stream := a.stream
	a.mu.Unlock()
	if !stream {
		a.begun = true
		a.advance(reading)
	}
}

// isStream reports whether an answer is a stream of events, or of lines as
// Ollama's own protocol has them.
func isStream(resp *http.Response) bool {
	media, _, _ := strings.Cut(resp.Header.Get("Content-Type"), ";")
	media = strings.TrimSpace(media)
	return resp.StatusCode/100 == 2 && (strings.EqualFold(media, "text/event-stream") || strings.EqualFold(media, "application/x-ndjson"))
}

// Read reads the body of the answer; see [Answer.Body].
func (a *attempt) Read(p []byte) (int, error) {
	if a.err != nil {
		return 0, a.err
	}
	if len(p) == 0 {
		return 0, nil
	}
	a.since.Store(max(int64(time.Since(a.start)), 1))
	n, err := a.body.Read(p)
	a.since.Store(0)
	if n > 0 && !a.begun {
		a.begun = true
		a.advance(reading)
	}
	if err != nil {
		a.stop()
		if err != io.EOF { //nolint:errorlint // io.Reader's contract
			err = a.notFinished(err)
		}
		a.err = err
	}
	return n, err
}

// Close ends the attempt.
func (a *attempt) Close() error {
	a.end()
	if a.err == nil {
		a.err = errClosed
	}
	return a.body.Close()
}

// Rest reads what is left of the body and drops it, for at most so long and at
// most so many bytes: only a body that was read to its end leaves a connection
// that can be used again. It is for whoever reads the body, has all of the
// answer and closes it next.
func (a *Answer) Rest(most time.Duration, bytes int64) {
	body, ok := a.Body.(*attempt)
	if !ok || body.err != nil {
		return
	}
	timer := time.AfterFunc(most, func() { body.cancel(nil) })
	defer timer.Stop()
	_, _ = io.CopyN(io.Discard, body, bytes) // it does not matter how it ends
}

// end stops the timer and lets the context go.
func (a *attempt) end() {
	a.stop()
	a.cancel(nil)
}

// advance enters phase p and sees to it that the timer fires in time for it.
func (a *attempt) advance(p phase) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if p <= a.phase {
		return
	}
	a.phase = p
	if p == waiting {
		a.connected = max(time.Since(a.start), 1)
	}
	a.arm()
}

// stop stops the timer for good.
func (a *attempt) stop() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.phase = ended
	if a.timer != nil {
		a.timer.Stop()
	}
}

// arm sets the timer if something is due earlier than it would fire. It is
// called with mu held.
func (a *attempt) arm() {
	now := time.Since(a.start)
	at, _ := a.due(now)
	if at >= a.armed {
		return
	}
	a.armed = at
	if a.timer == nil {
		a.timer = time.AfterFunc(at-now, a.tick)
	} else {
		a.timer.Reset(at - now)
	}
}

// tick cancels the call if a limit is reached, and otherwise comes again.
func (a *attempt) tick() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.phase == ended {
		return
	}
	now := time.Since(a.start)
	at, code := a.due(now)
	if at > now {
		a.armed = at
		a.timer.Reset(at - now)
		return
	}
	a.phase = ended
	a.cancel(&llm.Error{Code: code, Err: a.upstream.timeouts.spent(code)})
}

// due returns when the next limit is reached, and the limit's code. It is
// called with mu held.
func (a *attempt) due(now time.Duration) (at time.Duration, code llm.Code) {
	limits := &a.upstream.timeouts
	at = never
	limit := func(from, d time.Duration, c llm.Code) {
		if d > 0 && d < never-from && from+d < at {
			at, code = from+d, c
		}
	}
	switch a.phase {
	case connecting:
		limit(0, limits.Connect, llm.CodeConnectTimeout)
	case waiting:
		limit(a.connected, limits.FirstByte, llm.CodeFirstByteTimeout)
	case reading:
		from := time.Duration(a.since.Load())
		if from == 0 {
			from = now // no read is waiting; look again when one that begins now would be due
		}
		limit(from, limits.Idle, llm.CodeIdleTimeout)
	case ended:
		return never, ""
	}
	if a.stream {
		limit(0, limits.StreamTotal, llm.CodeTotalTimeout)
	}
	if !a.stream || a.phase < reading {
		limit(0, limits.Total, llm.CodeTotalTimeout)
	}
	return at, code
}
