package gateway

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/weir-gateway/weir/internal/llm"
)

const (
	// maxRatio bounds how many bytes one compressed byte may become, once
	// ratioFrom bytes have been decoded. JSON compresses to a tenth, repeated
	// JSON to a fiftieth; a bomb to a thousandth.
	maxRatio  = 200
	ratioFrom = 1 << 20

	// maxWindow bounds a zstd frame's window (RFC 8878 §3.1.1.1.2 recommends
	// that decoders support at least 8 MiB).
	maxWindow = 8 << 20

	// believed is how much memory a client gets for announcing a size. It gets
	// the rest when it has sent this much.
	believed = 1 << 20

	// minBodyRate is the slowest that a body may arrive in the long run, in
	// bytes a second.
	minBodyRate = 8 << 10
)

// readBody reads the whole request body into a buffer of the pool, decoded,
// within the limits. The caller drops the buffer, also after an error.
func (x *exchange) readBody() (*buffer, error) {
	buf := x.h.memory.newBuffer()
	in, err := x.openBody()
	if err != nil {
		return buf, err
	}
	defer in.heed()
	expect := int64(0)
	if in.done == nil {
		expect = max(x.r.ContentLength, 0)
	}
	if err = buf.grow(int(min(expect, believed))); err == nil {
		err = in.fill(buf, int(expect))
	}
	in.close(err)
	return buf, err
}

// An intake is a request body on its way in.
type intake struct {
	x     *exchange
	r     io.Reader // its content, decoded
	raw   *bodyReader
	done  func()      // gives back what decoding has taken; nil if r is raw
	heed  func() bool // ends what makes reads end at a shutdown; to be deferred
	limit int64       // of what is sent, and of what it decodes to
}

// openBody begins to read the request body. Unless it fails, the intake must
// be closed.
func (x *exchange) openBody() (intake, error) {
	limit := x.snap.BodyLimit
	if x.r.ContentLength > limit {
		return intake{}, tooLarge(limit)
	}
	raw := &bodyReader{x: x, silence: x.h.bodyTimeout, start: time.Now()}
	decoded, done, err := decoder(raw, x.r.Header, &x.h.memory, limit)
	if err != nil {
		return intake{}, err
	}
	return intake{x, decoded, raw, done, x.heedShutdown(), limit}, nil
}

// close ends the reading of a body: at its end if err is nil.
func (in *intake) close(err error) {
	if in.done != nil {
		in.done()
	}
	in.x.entry.BytesIn = in.raw.n
	if err == nil {
		in.x.bodyRead = true
		in.raw.finish()
	}
}

// check says whether the body may be as large as it has turned out to be:
// decoded is what it has decoded to so far.
func (in *intake) check(decoded int64) error {
	switch {
	case decoded > in.limit || in.raw.n > in.limit:
		return tooLarge(in.limit)
	case in.done != nil && decoded > ratioFrom && decoded > maxRatio*in.raw.n:
		return &llm.Error{
			Code: llm.CodeUnsupportedEncoding, Op: "gateway.read",
			Public: "the request body is compressed more than " + strconv.Itoa(maxRatio) + " times",
		}
	}
	return nil
}

// fill reads the body to its end into buf. expect is the size that the client
// has announced, or 0.
func (in *intake) fill(buf *buffer, expect int) error {
	for {
		if b := buf.slab.b; len(b) == cap(b) {
			// Where the size is not known, doubling keeps the copying linear.
			// One byte beyond the limit is enough to see that it is passed.
			size := min(max(2*len(b), tierSizes[1]), int(in.limit)+1)
			if expect > len(b) {
				size = expect
			}
			if err := buf.grow(size); err != nil {
				return err
			}
		}
		b := buf.slab.b
		n, err := in.r.Read(b[len(b):cap(b)])
		buf.slab.b = b[:len(b)+n]
		if err := in.check(int64(len(b) + n)); err != nil {
			return err
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return in.error(err)
		}
	}
}

func tooLarge(limit int64) error {
	return &llm.Error{
		Code: llm.CodeBodyTooLarge, Op: "gateway.read",
		Public: "the request body is larger than " + strconv.FormatInt(limit, 10) + " bytes (listen.body_limit)",
	}
}

// error tells a client that stopped sending from a body that is corrupt.
func (in *intake) error(err error) error {
	raw := in.raw
	if e, ok := errors.AsType[*llm.Error](err); ok {
		return e
	}
	switch {
	case raw.x.cut():
		return &llm.Error{Code: llm.CodeClientClosed, Op: "gateway.read", Err: ErrShutdown}
	case errors.Is(raw.err, os.ErrDeadlineExceeded):
		return &llm.Error{Code: llm.CodeRequestTimeout, Op: "gateway.read", Err: raw.err}
	case raw.malformed():
		return &llm.Error{
			Code: llm.CodeInvalidEncoding, Op: "gateway.read",
			Public: "the chunks of the request body are malformed", Err: raw.err,
		}
	case raw.err != nil && !errors.Is(raw.err, io.EOF):
		return &llm.Error{Code: llm.CodeClientClosed, Op: "gateway.read", Err: raw.err}
	case errors.Is(err, zstd.ErrWindowSizeExceeded), errors.Is(err, zstd.ErrDecoderSizeExceeded):
		return &llm.Error{
			Code: llm.CodeUnsupportedEncoding, Op: "gateway.read",
			Public: "the zstd window of the request body is larger than 8 MiB", Err: err,
		}
	case in.done != nil:
		return &llm.Error{Code: llm.CodeInvalidEncoding, Op: "gateway.read", Err: err}
	default:
		return &llm.Error{Code: llm.CodeInternal, Op: "gateway.read", Err: err}
	}
}

// decoder returns a reader of r's content as its Content-Encoding says, and
// what must be called when it is done with; that is nil if r is not encoded.
func decoder(r io.Reader, h http.Header, mem *memory, limit int64) (io.Reader, func(), error) {
	coding, n := "", 0
	for _, v := range h["Content-Encoding"] {
		for c := range strings.SplitSeq(v, ",") {
			if c = strings.ToLower(strings.TrimSpace(c)); c != "" && c != "identity" {
				coding = c
				n++
			}
		}
	}
	switch {
	case n == 0:
		return r, nil, nil
	case n == 1 && (coding == "gzip" || coding == "x-gzip"):
		return &lazyGzip{src: r}, func() {}, nil
	case n == 1 && coding == "zstd":
		z := &lazyZstd{src: r, mem: mem, limit: limit}
		return z, z.close, nil
	default:
		return nil, nil, &llm.Error{
			Code: llm.CodeUnsupportedEncoding, Op: "gateway.read",
			Public: "the request's Content-Encoding is not supported: send gzip or zstd, once, or none",
		}
	}
}

// lazyZstd reads the header of the first frame on the first Read, and takes
// the window that the frame wants out of the budget of bodies for as long as
// it decodes. No later frame gets a larger one.
type lazyZstd struct {
	src      io.Reader
	mem      *memory
	limit    int64 // of the decoded body
	reserved int64
	z        *zstd.Decoder
}

func (l *lazyZstd) Read(p []byte) (int, error) {
	if l.z == nil {
		if err := l.open(); err != nil {
			return 0, err
		}
	}
	return l.z.Read(p)
}

func (l *lazyZstd) open() error {
	src := bufio.NewReader(l.src)
	head, _ := src.Peek(zstd.HeaderMaxSize) // a short one, or none, is the decoder's to judge
	var h zstd.Header
	window := uint64(maxWindow)
	switch err := h.Decode(head); {
	case err != nil:
		window = 0 // no zstd at all: the decoder says so
	case h.HasFCS && h.FrameContentSize > uint64(l.limit):
		return tooLarge(l.limit)
	case h.Skippable:
	case h.SingleSegment:
		window = min(h.FrameContentSize, maxWindow)
	case h.WindowSize > maxWindow:
		return zstd.ErrWindowSizeExceeded
	default:
		window = h.WindowSize
	}
	window = max(window, zstd.MinWindowSize)
	if err := l.mem.reserve(int64(window)); err != nil {
		return err
	}
	l.reserved = int64(window)
	z, err := zstd.NewReader(src, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(window))
	l.z = z
	return err
}

func (l *lazyZstd) close() {
	if l.z != nil {
		l.z.Close()
	}
	l.mem.used.Add(-l.reserved)
}

// lazyGzip reads the gzip header on the first Read, where its errors are
// told apart from the client's.
type lazyGzip struct {
	src io.Reader
	z   *gzip.Reader
}

func (l *lazyGzip) Read(p []byte) (int, error) {
	if l.z == nil {
		z, err := gzip.NewReader(l.src)
		if errors.Is(err, io.EOF) {
			err = gzip.ErrHeader // an empty body is not a gzip stream
		}
		if err != nil {
			return 0, err
		}
		l.z = z
	}
	return l.z.Read(p)
}

// bodyReader reads the client's body, gives each read its deadline, and
// counts. Silence for too long, or a trickle, ends it.
type bodyReader struct {
	x       *exchange
	silence time.Duration // 0 means no limit
	start   time.Time
	n       int64
	err     error // the last error of the body itself, io.EOF included
}

func (b *bodyReader) Read(p []byte) (int, error) {
	if b.silence > 0 {
		now := time.Now()
		deadline := now.Add(b.silence)
		if floor := b.start.Add(b.silence + time.Duration(b.n)*time.Second/minBodyRate); floor.Before(deadline) {
			deadline = floor
		}
		if err := b.x.rc.SetReadDeadline(deadline); err != nil {
			return 0, err
		}
	}
	if b.x.cut() {
		return 0, ErrShutdown // heedShutdown may have been before the deadline above
	}
	n, err := b.x.r.Body.Read(p)
	b.n += int64(n)
	if err != nil {
		b.err = err
	}
	return n, err
}

// malformed reports whether the body has ended because its chunks cannot be
// told apart, and not because the client has left. net/http has no name for
// that error.
func (b *bodyReader) malformed() bool {
	if b.err == nil || len(b.x.r.TransferEncoding) == 0 || errors.Is(b.err, io.EOF) || errors.Is(b.err, io.ErrUnexpectedEOF) {
		return false
	}
	_, lost := errors.AsType[net.Error](b.err)
	return !lost
}

// finish takes the deadline off again. net/http goes on reading the connection
// to notice that the client leaves, and takes a deadline that passes for that.
func (b *bodyReader) finish() {
	if b.silence > 0 {
		_ = b.x.rc.SetReadDeadline(time.Time{}) // fails only on a dead connection
	}
}
