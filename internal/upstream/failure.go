package upstream

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"

	"github.com/weir-gateway/weir/internal/llm"
)

// ErrReusedConnection is in the tree of an error with CodeUpstreamLost if the
// connection had served another request before and broke before the first byte
// of this answer. Most often the upstream closed an idle connection at the
// moment at which it was used again, and did not see the request; but it may
// have.
var ErrReusedConnection = errors.New("the connection had been used before")

// ErrNotSent is in the tree of an error if the call ended before there was a
// connection to send the request on.
var ErrNotSent = errors.New("nothing was sent")

var errClosed = errors.New("upstream: read after close")

// notAnswered returns what err, from RoundTrip, means.
func (a *attempt) notAnswered(err error) error {
	if e := a.cancelled(opDo, err); e != nil {
		return e
	}
	u := a.upstream
	if isTLS(err) {
		return u.fail(llm.CodeUpstreamTLS, opDo, err)
	}
	a.mu.Lock()
	connected := a.connected != 0 // the phase may have ended by a limit just now
	a.mu.Unlock()
	switch {
	case !connected && isTimeout(err):
		return u.fail(llm.CodeConnectTimeout, opDo, errors.Join(ErrNotSent, err))
	case !connected:
		e := u.fail(llm.CodeUpstreamConnect, opDo, err)
		if why := whyUnreachable(err); why != "" {
			e.Public = llm.CodeUpstreamConnect.Row().Message + ": " + why
		}
		return e
	case strings.Contains(err.Error(), "timeout awaiting response headers"):
		return u.fail(llm.CodeFirstByteTimeout, opDo, fmt.Errorf("no header of an answer in time (pool.header_timeout): %w", err))
	case isLost(err) && a.reused.Load() && !streamFailed(err):
		return u.fail(llm.CodeUpstreamLost, opDo, fmt.Errorf("%w: %w", ErrReusedConnection, err))
	case isLost(err):
		return u.fail(llm.CodeUpstreamLost, opDo, err)
	default:
		return u.fail(llm.CodeUpstreamInvalid, opDo, err)
	}
}

// notFinished returns what err, from reading the body, means.
func (a *attempt) notFinished(err error) error {
	if e := a.cancelled(opRead, err); e != nil {
		return e
	}
	if isLost(err) {
		return a.upstream.fail(llm.CodeUpstreamTruncated, opRead, err)
	}
	return a.upstream.fail(llm.CodeUpstreamInvalid, opRead, err)
}

// cancelled returns nil unless the call was cancelled, by one of its limits or
// by the caller.
func (a *attempt) cancelled(op string, err error) error {
	if a.ctx.Err() == nil {
		return nil
	}
	e := &llm.Error{Code: llm.CodeClientClosed}
	cause := context.Cause(a.ctx)
	if own, ok := errors.AsType[*llm.Error](cause); ok {
		known := *own
		e = &known
	}
	e.Op, e.Upstream = op, a.upstream.name
	if e.Err == nil && !errors.Is(err, cause) {
		e.Err = err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.connected == 0 {
		e.Err = errors.Join(ErrNotSent, e.Err)
	}
	return e
}

func isTimeout(err error) bool {
	ne, ok := errors.AsType[net.Error](err)
	return ok && ne.Timeout()
}

// isTLS reports whether the two sides did not come to terms over TLS. A
// connection that broke in the middle of the handshake is not meant: trying
// again may help there.
func isTLS(err error) bool {
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return true
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return true
	}
	if _, ok := errors.AsType[tls.AlertError](err); ok {
		return true
	}
	if oe, ok := errors.AsType[*net.OpError](err); ok && (oe.Op == "remote error" || oe.Op == "local error") {
		return true // an alert; crypto/tls has no type for those of TCP connections
	}
	return strings.HasPrefix(err.Error(), "tls: ")
}

// isLost reports whether err is a connection that ended, and not an answer
// that cannot be understood. Some errors of net/http have no type, but a text
// that has not changed since they exist; the tests would notice.
func isLost(err error) bool {
	for _, end := range []error{io.EOF, io.ErrUnexpectedEOF, net.ErrClosed, syscall.ECONNRESET, syscall.EPIPE, syscall.ECONNABORTED, syscall.ETIMEDOUT} {
		if errors.Is(err, end) {
			return true
		}
	}
	text := err.Error()
	if strings.Contains(text, "header list") || strings.Contains(text, "PROTOCOL_ERROR") {
		return false
	}
	return strings.Contains(text, "server closed idle connection") ||
		strings.Contains(text, "readLoopPeekFail") || // it sent something on an idle connection
		strings.Contains(text, "http2: ") ||
		strings.Contains(text, "stream error: ")
}

// streamFailed reports whether an HTTP/2 upstream ended one request's stream
// itself: it has seen that request, however old the connection is, unless it
// says that it refused it unseen. RFC 9113 §8.7.
func streamFailed(err error) bool {
	text := err.Error()
	return strings.Contains(text, "stream error: ") && !strings.Contains(text, "REFUSED_STREAM")
}

// whyUnreachable returns the part of the cause that a client may be told.
func whyUnreachable(err error) string {
	dns, isDNS := errors.AsType[*net.DNSError](err)
	switch {
	case isDNS && dns.IsNotFound:
		return "its name is not known"
	case isDNS:
		return "its name could not be resolved"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused"
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return "no route to it"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET):
		return "it closed the connection"
	default:
		return ""
	}
}
