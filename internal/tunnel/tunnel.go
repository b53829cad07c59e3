package tunnel

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"

	"github.com/weir-gateway/weir/internal/llm"
)

// Options are what a tunnel is made of. All fields are required unless said
// otherwise.
type Options struct {
	Client   *End
	Upstream *End
	Traffic  Traffic

	// Buffer returns an empty buffer.
	Buffer func() Buffer

	// MaxMessage is the size of the largest message of either side, in bytes.
	MaxMessage int

	// Start is when the time of the tunnel began.
	Start time.Time

	// Idle is how long no message may pass in either direction, Total how long
	// the tunnel may last. WriteTimeout is how long one write to the client
	// may take. Zero means no limit.
	Idle         time.Duration
	Total        time.Duration
	WriteTimeout time.Duration
}

// Traffic sees what passes, and agrees to it. FromClient is called by one
// goroutine, FromUpstream and Sent by another one.
type Traffic interface {
	// FromClient is called with each message of the client. It returns what
	// goes upstream, which may be message itself, or nil for nothing, and an
	// answer for the client, nil if there is none. message is valid until
	// the next call.
	FromClient(text bool, message []byte) (forward, answer []byte)

	// FromUpstream is called with each piece of a message of the upstream
	// before it is written to the client; last says that it is the last one.
	FromUpstream(text bool, piece []byte, last bool)

	// Sent is called when bytes of a message have been written to the client.
	Sent(bytes int)

	// LastWords returns the message that tells the client of err before the
	// socket is closed; nil if nothing does.
	LastWords(err *llm.Error) []byte

	// Reason returns an upstream's reason to close as the client may see it.
	Reason(said string) string
}

// A Buffer is memory that is counted.
type Buffer interface {
	// Extend returns used, bytes that an earlier call has returned, with room
	// for n bytes in all. Its error is an *llm.Error.
	Extend(used []byte, n int) ([]byte, error)

	// Drop gives the bytes back.
	Drop()
}

// A Result is how a tunnel has ended, and what has passed through it.
type Result struct {
	// Err is why it has ended; nil if one of the sides has closed it in good
	// order.
	Err *llm.Error

	// ByClient is true if the client has ended it, in whatever way.
	ByClient bool

	In  Count // from the client
	Out Count // written to the client
}

// A Count is how much has passed in one direction.
type Count struct{ Messages, Bytes int64 }

const (
	pingInterval = 30 * time.Second // how long a side is left in peace
	pingTimeout  = 45 * time.Second // how long its answer may take: some clients read only when they have time

	// clientPatience is what a client gets to answer a close frame,
	// upstreamPatience what an upstream gets: nobody waits for what it says.
	clientPatience   = 4 * time.Second
	upstreamPatience = time.Second
)

// statusTimeout is the code of sockets that are closed for a limit of time.
// Source: IANA, WebSocket Close Code Number Registry.
const statusTimeout websocket.StatusCode = 3008

const (
	opRun  = "tunnel.run"
	opRead = "tunnel.read"
)

// A tunnel is one run.
type tunnel struct {
	Options
	moved   atomic.Int64 // when a message last passed, since Start
	writing atomic.Int64 // when the write to the upstream under way began, since Start; 0: there is none
	torn    atomic.Bool  // the client has been sent the beginning of a message and not its end
	in, out Count        // each its pump's own

	once sync.Once
	over chan struct{} // closed when how is known
	how  ending
}

// An ending is why a tunnel ends, and what each side is told.
type ending struct {
	err      *llm.Error
	byClient bool
	told     bool // the client is told by a message too
	client   Goodbye
	upstream Goodbye
}

// Run passes messages until one of the sides, a limit or the end of ctx, which
// is taken for a shutdown, ends the tunnel. Both sockets are closed when it
// returns, and nothing of it runs any more.
func Run(ctx context.Context, o Options) Result {
	t := &tunnel{Options: o, over: make(chan struct{})}
	t.touch()
	var all sync.WaitGroup
	all.Go(t.safely(t.up))
	all.Go(t.safely(t.down))
	all.Go(t.safely(func() { t.keep(t.Client, t.clientLost) }))
	all.Go(t.safely(func() { t.keep(t.Upstream, t.upstreamLost) }))
	t.watch(ctx)
	t.close()
	all.Wait()
	return Result{Err: t.how.err, ByClient: t.how.byClient, In: t.in, Out: t.out}
}

// safely returns f so that a panic in it ends the tunnel and not the program.
func (t *tunnel) safely(f func()) func() {
	return func() {
		defer func() {
			if v := recover(); v != nil {
				t.fail(&llm.Error{Code: llm.CodeInternal, Op: opRun, Err: fmt.Errorf("panic: %v\n%s", v, debug.Stack())})
			}
		}()
		f()
	}
}

// end ends the tunnel. The first call counts.
func (t *tunnel) end(how ending) {
	t.once.Do(func() {
		t.how = how
		close(t.over)
	})
}

// fail ends the tunnel for a reason that is neither side's wish.
func (t *tunnel) fail(err *llm.Error) {
	how := ending{err: err, told: true, upstream: Goodbye{websocket.StatusGoingAway, ""}}
	how.client.Reason = err.Message()
	switch err.Code {
	case llm.CodeMessageTooLarge:
		how.client.Code = websocket.StatusMessageTooBig
	case llm.CodeShuttingDown:
		how.client.Code = websocket.StatusGoingAway
	case llm.CodeOverloaded:
		how.client.Code = websocket.StatusTryAgainLater
	case llm.CodeIdleTimeout, llm.CodeTotalTimeout:
		how.client.Code = statusTimeout
	case llm.CodeUpstreamTruncated, llm.CodeUpstreamInvalid:
		how.client.Code = websocket.StatusBadGateway
	default:
		how.client.Code = websocket.StatusInternalError
	}
	t.end(how)
}

// watch waits until the tunnel is over, and ends it when a limit is reached.
func (t *tunnel) watch(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-t.over:
			return
		case <-ctx.Done():
			t.fail(&llm.Error{Code: llm.CodeShuttingDown, Op: opRun, RetryAfter: time.Second, Err: context.Cause(ctx)})
		case <-timer.C:
			now := t.now()
			at, err := t.due(now)
			if at <= now {
				t.fail(err)
				return
			}
			timer.Reset(at - now)
		}
	}
}

// never is later than every deadline.
const never = time.Duration(1<<63 - 1)

// due returns when the next limit is reached, and what to say then.
func (t *tunnel) due(now time.Duration) (at time.Duration, err *llm.Error) {
	at = never
	limit := func(from, d time.Duration, c llm.Code, what string) {
		if d > 0 && d < never-from && from+d < at {
			at, err = from+d, &llm.Error{Code: c, Op: opRun, Public: what}
		}
	}
	limit(time.Duration(t.moved.Load()), t.Idle, llm.CodeIdleTimeout, fmt.Sprintf("no message has passed for %v", t.Idle))
	if since := time.Duration(t.writing.Load()); since > 0 {
		limit(since, t.Idle, llm.CodeIdleTimeout, fmt.Sprintf("the upstream has taken nothing for %v", t.Idle))
	} else if t.Idle > 0 {
		at = min(at, now+t.Idle) // a write that begins now
	}
	limit(0, t.Total, llm.CodeTotalTimeout, fmt.Sprintf("the socket has been open for %v", t.Total))
	return at, err
}

// now returns the time since Start; never zero.
func (t *tunnel) now() time.Duration { return max(time.Since(t.Start), 1) }

// touch notes that something has passed.
func (t *tunnel) touch() { t.moved.Store(int64(t.now())) }

// keep asks an end from time to time whether it is still there.
func (t *tunnel) keep(e *End, gone func(error)) {
	tick := time.NewTicker(pingInterval)
	defer tick.Stop()
	for {
		select {
		case <-t.over:
			return
		case <-tick.C:
			if e.dead(pingTimeout) {
				gone(errNoPong)
				return
			}
		}
	}
}

var errNoPong = errors.New("no answer to a ping")

// close tells both sides, at the same time.
func (t *tunnel) close() {
	var both sync.WaitGroup
	both.Go(func() { t.Upstream.Close(t.how.upstream, upstreamPatience) })
	both.Go(func() {
		if t.how.told && !t.torn.Load() {
			t.lastWords()
		}
		t.Client.Close(t.how.client, clientPatience)
	})
	both.Wait()
}

// lastWords tells the client of the failure in its own protocol.
func (t *tunnel) lastWords() {
	words := t.Traffic.LastWords(t.how.err)
	if words == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = t.Client.conn.Write(ctx, websocket.MessageText, words) // the close frame says it too
}
