package simulator

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"
)

// Bounds of what a client sends on a socket: one message, and what waits while
// an answer is sent.
const (
	messageLimit = 16 << 20 // bytes
	waitingBytes = 32 << 20
	waitingMost  = 1024 // messages
)

// A socket is a WebSocket whose messages are the events of a stream.
type socket struct {
	x    *exchange
	conn *websocket.Conn
	ctx  context.Context //nolint:containedctx // of the socket; writing is the ResponseWriter's, which has no parameter for it

	in      chan inbound // closed when the client has left
	gone    bool         // in has been closed
	err     error        // why, once it is
	waiting []inbound    // what came while an answer was sent
	held    int          // bytes of it

	count int // messages that came
	size  int // bytes of them
	hash  hash.Hash
	kept  []byte // the first of them, if bodies are to be kept
}

// An inbound is one message of the client.
type inbound struct {
	data   []byte
	binary bool
}

// isUpgrade reports whether r asks for a WebSocket.
func isUpgrade(r *http.Request) bool {
	return r.Method == http.MethodGet && strings.EqualFold(r.Header.Get("Upgrade"), "websocket")
}

// socketKey returns the credential that browsers send as a subprotocol.
func socketKey(h http.Header) string {
	for _, name := range subprotocols(h) {
		if key, ok := strings.CutPrefix(name, insecureKey); ok {
			return key
		}
	}
	return ""
}

// insecureKey begins the subprotocol that is a credential.
const insecureKey = "openai-insecure-api-key."

func subprotocols(h http.Header) []string {
	var list []string
	for name := range strings.SplitSeq(strings.Join(h["Sec-Websocket-Protocol"], ","), ",") {
		list = append(list, strings.TrimSpace(name))
	}
	return list
}

// socket upgrades the connection and hands it to serve, until that returns. Then
// it closes the socket as the misbehaviour wants it.
func (x *exchange) socket(serve func(*socket)) {
	h := x.header("")
	delete(h, "Content-Type")
	conn, err := websocket.Accept(x.w, x.r, &websocket.AcceptOptions{
		Subprotocols:       []string{"realtime"},
		InsecureSkipVerify: true, // who may ask is the credential's matter
	})
	if err != nil {
		x.status, x.over = http.StatusBadRequest, true // Accept has answered
		return
	}
	x.status = http.StatusSwitchingProtocols
	conn.SetReadLimit(messageLimit)
	ctx, cancel := context.WithCancel(x.r.Context())
	s := &socket{x: x, conn: conn, ctx: ctx, in: make(chan inbound), hash: sha256.New()}
	var reading sync.WaitGroup
	reading.Go(s.read)
	x.w, x.rc, x.on = s, http.NewResponseController(s), s
	x.pieces, x.wild = true, x.m.wild()
	serve(s)
	s.close()
	cancel()
	_ = conn.CloseNow() // what is left of it
	reading.Wait()
	s.record()
}

// read takes in what the client sends until it leaves or the socket ends.
func (s *socket) read() {
	defer close(s.in)
	for {
		kind, data, err := s.conn.Read(s.ctx)
		if err != nil {
			s.err = err
			return
		}
		select {
		case s.in <- inbound{data, kind == websocket.MessageBinary}:
		case <-s.ctx.Done():
			return
		}
	}
}

// close ends the socket: cut off, after an error, or as one closes a socket.
func (s *socket) close() {
	switch {
	case s.x.abort:
		_ = s.conn.CloseNow()
		s.x.abort = false // there is no connection left to end
	case s.gone:
	case s.x.failed:
		_ = s.conn.Close(websocket.StatusInternalError, "failed")
	default:
		_ = s.conn.Close(websocket.StatusNormalClosure, "")
	}
}

// received notes that m came, or that the client has left.
func (s *socket) received(m inbound, ok bool) {
	if !ok {
		s.gone = true
		s.x.over = true
		if websocket.CloseStatus(s.err) < 0 {
			s.x.leave()
		}
		return
	}
	s.count++
	s.size += len(m.data)
	_, _ = s.hash.Write(m.data) // never fails
	if s.x.sim.options.KeepBodies && s.size <= keptBody {
		s.kept = append(s.kept, m.data...)
	}
}

// record adds what came to the record of the request.
func (s *socket) record() {
	sum := hex.EncodeToString(s.hash.Sum(nil))
	s.x.sim.served.update(s.x.rec, func(r *Record) {
		r.Messages, r.BodySize, r.BodySHA256 = s.count, s.size, sum
		if s.size <= keptBody {
			r.Body = string(s.kept)
		}
	})
}

// next returns the client's next message.
func (s *socket) next() (inbound, bool) {
	if len(s.waiting) > 0 {
		m := s.waiting[0]
		s.waiting = s.waiting[1:]
		s.held -= len(m.data)
		return m, true
	}
	m, ok := <-s.in
	s.received(m, ok)
	return m, ok
}

// hold keeps a message for later. If too much waits, the client is treated as
// one that has left.
func (s *socket) hold(m inbound, ok bool) {
	s.received(m, ok)
	if !ok {
		return
	}
	s.waiting = append(s.waiting, m)
	if s.held += len(m.data); s.held > waitingBytes || len(s.waiting) > waitingMost {
		s.x.cut()
	}
}

// poll holds what has come meanwhile, and takes out the first message that
// wanted names.
func (s *socket) poll(wanted func(inbound) bool) bool {
	for !s.x.over {
		select {
		case m, ok := <-s.in:
			s.hold(m, ok)
			continue
		default:
		}
		break
	}
	i := slices.IndexFunc(s.waiting, wanted)
	if i < 0 {
		return false
	}
	s.held -= len(s.waiting[i].data)
	s.waiting = slices.Delete(s.waiting, i, i+1)
	return true
}

// sleep waits for d and reports whether the client is still there. What comes
// meanwhile waits too, but for the longest of waits, which nothing follows.
func (s *socket) sleep(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	for !s.x.over {
		select {
		case <-timer.C:
			return true
		case m, ok := <-s.in:
			if d >= stallLimit {
				s.received(m, ok)
			} else {
				s.hold(m, ok)
			}
		}
	}
	return false
}

// Header is there for [http.ResponseWriter]; the headers have gone.
func (s *socket) Header() http.Header { return make(http.Header) }

// WriteHeader is there for [http.ResponseWriter].
func (s *socket) WriteHeader(int) {}

// Flush is there for [http.ResponseController]: a message is flushed when it is
// written.
func (s *socket) Flush() {}

// Write sends b as one message, and nothing as none.
func (s *socket) Write(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	kind := websocket.MessageText
	if int(s.x.rec.events.Load()) == s.x.m.binary {
		kind = websocket.MessageBinary
	}
	if !s.x.m.oneByte {
		return len(b), s.conn.Write(s.ctx, kind, b)
	}
	w, err := s.conn.Writer(s.ctx, kind)
	if err != nil {
		return 0, err
	}
	for i := range b { // a frame for each byte
		if _, err := w.Write(b[i : i+1]); err != nil {
			return i, err
		}
	}
	return len(b), w.Close()
}
