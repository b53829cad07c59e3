package simulator

import (
	"bytes"
	"net"
	"net/http"
	"strconv"
	"time"
)

// rawTimeout bounds the writing of an answer on a hijacked connection, which no
// context watches.
const rawTimeout = time.Minute

// whole answers with the JSON text body, indented, and reports u.
func (x *exchange) whole(body []byte, u usage) error {
	x.writeWhole(x.success(), "application/json", indent(body))
	x.used(u, !x.m.noUsage)
	return nil
}

// success is the status of an answer that is no error.
func (x *exchange) success() int {
	if x.m.status != 0 {
		return x.m.status
	}
	return http.StatusOK
}

// streaming reports whether the answer is a stream, whatever was wanted.
func (x *exchange) streaming(wanted bool) bool {
	return wanted && !x.m.jsonToStream || !wanted && x.m.streamToJSON
}

// streamFault is the failure that x-sim-error asks for.
func (x *exchange) streamFault() *fault {
	f := &fault{status: http.StatusInternalServerError, code: x.m.errorCode, message: "The simulator was asked to fail."}
	if f.code == "" {
		f.code = "server_error"
	}
	return f
}

// used records what the answer cost and, if it was reported to the client and
// the answer got that far, that it was.
func (x *exchange) used(u usage, reported bool) {
	reported = reported && !x.over
	x.sim.served.update(x.rec, func(r *Record) {
		r.FullUsage = exported(u)
		if reported {
			r.Usage = r.FullUsage
		}
	})
}

// writeWhole sends one answer that is no stream. Cutting and stalling leave the
// client with the number of bytes that x-sim-cut-bytes says, else with half.
func (x *exchange) writeWhole(status int, contentType string, body []byte) {
	h := x.header(contentType)
	h["Content-Length"] = []string{strconv.Itoa(len(body))}
	if x.m.endlessLine {
		delete(h, "Content-Length")
	}
	x.status = status
	x.w.WriteHeader(status)
	part := len(body) / 2
	if x.m.cutBytes > 0 {
		part = min(x.m.cutBytes, len(body))
	}
	switch {
	case x.m.endlessLine:
		x.endlessLine()
	case x.m.stall != never:
		x.put(body[:part])
		x.stall()
	case x.m.cut != never || x.m.endEarly != never:
		x.put(body[:part])
		x.cut()
	case x.m.oneByte:
		x.putBytes(body)
	default:
		if _, err := x.w.Write(body); err != nil {
			x.leave()
		}
	}
}

// open sends the headers of a stream; failure sends the dialect's event for a
// failure of it.
func (x *exchange) open(contentType string, failure func()) {
	x.failure, x.wild = failure, x.m.wild()
	h := x.header(contentType)
	if !x.pieces {
		h["Cache-Control"] = []string{"no-cache"}
	}
	x.status = x.success()
	x.w.WriteHeader(x.status)
}

// fresh begins the bytes of an event with s, in the memory of the last one.
func (x *exchange) fresh(s string) []byte { return append(x.buf[:0], s...) }

// event sends the event in b, which lacks the line ends that close it, and
// keeps b's memory for the next one.
func (x *exchange) event(b []byte) {
	b = append(b, '\n')
	if !x.lines {
		b = append(b, '\n')
	}
	x.buf = b[:0]
	x.send(b)
}

// delta sends an event that carries output of the model.
func (x *exchange) delta(b []byte) {
	x.event(b)
	x.spoke = true
}

// send sends one whole event. Once the answer is over it does nothing.
func (x *exchange) send(event []byte) {
	if x.over {
		return
	}
	if x.wild && !x.misbehave(&event) {
		return
	}
	if x.m.oneByte && x.on == nil {
		x.putBytes(event)
	} else {
		x.put(event)
	}
	if !x.over {
		x.rec.events.Add(1)
	}
}

// misbehave does what was asked for before the next event, and to it. It
// reports whether the event is still to be sent.
func (x *exchange) misbehave(event *[]byte) bool {
	if x.fails() {
		return false
	}
	if !x.sleep(x.m.eventDelay) {
		x.leave()
		return false
	}
	if x.m.crlf && !x.pieces {
		*event = bytes.ReplaceAll(*event, []byte("\n"), []byte("\r\n"))
	}
	n := int(x.rec.events.Load())
	switch {
	case n == x.m.stall:
		x.stall()
	case n == x.m.cut:
		x.put((*event)[:min(x.m.cutBytes, len(*event))])
		x.cut()
	case n == x.m.endEarly:
		x.over, x.ended = true, "cut"
	case n == 1 && x.m.endlessLine:
		x.endlessLine()
	case x.m.comments && !x.lines && !x.pieces:
		comment := ": keep-alive\n\n"
		if x.m.crlf {
			comment = ": keep-alive\r\n\r\n"
		}
		x.put([]byte(comment))
	}
	return !x.over
}

// fails sends the dialect's failure in the place of the next event, if the
// time for it has come, and ends the answer.
func (x *exchange) fails() bool {
	switch {
	case x.m.error == "first":
	case x.m.error == "middle" && x.spoke:
	default:
		return false
	}
	x.m.error = ""
	x.failure()
	x.over, x.failed = true, true
	return true
}

// put writes and flushes.
func (x *exchange) put(b []byte) {
	if x.r.Context().Err() != nil {
		x.leave()
		return
	}
	if _, err := x.w.Write(b); err != nil {
		x.leave()
		return
	}
	if x.rc.Flush() != nil {
		x.leave()
	}
}

func (x *exchange) putBytes(b []byte) {
	for i := range b {
		if x.over {
			return
		}
		x.put(b[i : i+1])
	}
}

// leave ends the answer because the client is no longer there.
func (x *exchange) leave() { x.over, x.ended = true, "client_gone" }

// cut ends the answer and the connection.
func (x *exchange) cut() { x.over, x.abort, x.ended = true, true, "cut" }

// stall sends nothing more and keeps the connection until the client leaves.
func (x *exchange) stall() {
	if x.sleep(stallLimit) {
		x.cut()
		return
	}
	x.leave()
}

// sleep waits for d and reports whether the client is still there.
func (x *exchange) sleep(d time.Duration) bool {
	if d <= 0 {
		return true
	}
	if x.on != nil {
		return x.on.sleep(d)
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-x.r.Context().Done():
		return false
	}
}

// endlessLine sends a line that never ends, up to maxLine bytes.
func (x *exchange) endlessLine() {
	x.put([]byte(`data: {"text":"`))
	piece := bytes.Repeat([]byte("x"), 32<<10)
	for sent := 0; sent < maxLine && !x.over; sent += len(piece) {
		x.put(piece)
	}
	if !x.over {
		x.cut()
	}
}

// reset answers with a TCP reset instead of bytes.
func (x *exchange) reset() {
	x.over, x.ended = true, "cut"
	conn, _, err := x.rc.Hijack()
	if err != nil { // HTTP/2 has a reset of its own
		x.abort = true
		return
	}
	raw := conn
	if t, ok := conn.(interface{ NetConn() net.Conn }); ok {
		raw = t.NetConn()
	}
	if tcp, ok := raw.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // a reset is the best it can do
	}
	_ = raw.Close()
}

// A capture is a response writer that keeps the answer.
type capture struct {
	header http.Header
	status int
	body   bytes.Buffer
	outer  http.ResponseWriter
}

func (c *capture) Header() http.Header         { return c.header }
func (c *capture) WriteHeader(status int)      { c.status = status }
func (c *capture) Write(b []byte) (int, error) { return c.body.Write(b) }
func (c *capture) Flush()                      {}

// sendRaw sends the captured answer with a Content-Length that is wrong.
func (x *exchange) sendRaw() {
	conn, _, err := http.NewResponseController(x.captured.outer).Hijack()
	if err != nil {
		x.cut()
		return
	}
	defer func() { _ = conn.Close() }()
	c := x.captured
	c.header.Set("Content-Length", strconv.Itoa(max(0, c.body.Len()+x.m.wrongLength)))
	var head bytes.Buffer
	head.WriteString("HTTP/1.1 " + strconv.Itoa(c.status) + " " + http.StatusText(c.status) + "\r\n")
	_ = c.header.Write(&head) // to memory
	head.WriteString("\r\n")
	_ = conn.SetDeadline(time.Now().Add(rawTimeout))
	if _, err := conn.Write(append(head.Bytes(), c.body.Bytes()...)); err != nil {
		x.leave()
		return
	}
	x.ended = "cut"
}
