package listen

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"syscall"
	"time"
)

// Settings describe one listener.
type Settings struct {
	Address  string // host:port; port 0 takes any free one
	CertFile string // PEM; empty means plain HTTP
	KeyFile  string

	// HeaderTimeout is how long a client may take to send a request's headers,
	// TLS handshake included. Zero means no limit.
	HeaderTimeout time.Duration

	// IdleTimeout is how long a connection may stay open between requests.
	// Zero means no limit.
	IdleTimeout time.Duration

	// WriteTimeout is how long an HTTP/2 connection may take no bytes at all
	// while there are some to be sent. What one answer may take, on HTTP/1
	// too, is for the handler to say. Zero means no limit.
	WriteTimeout time.Duration
}

// maxHeaderBytes bounds one request's line and headers. Larger ones are
// answered with 431 by net/http. Codex sends about 2 KiB.
const maxHeaderBytes = 64 << 10

// A Server is one open socket with its HTTP server.
type Server struct {
	ln      net.Listener
	srv     *http.Server
	tls     bool
	cancel  context.CancelCauseFunc // ends every request's context
	handler http.Handler
	running atomic.Int64 // calls of handler
}

// Listen opens the socket, so that an address in use is known before anything
// else starts. Requests are answered from [Server.Serve] on.
//
// The context of each request ends when base does, with its cause.
func Listen(base context.Context, s Settings, h http.Handler, log *slog.Logger) (*Server, error) {
	var certs *certificates
	if s.CertFile != "" {
		c, err := loadCertificates(s.CertFile, s.KeyFile, log)
		if err != nil {
			return nil, err
		}
		certs = c
	}
	ln, err := new(net.ListenConfig).Listen(base, "tcp", s.Address)
	if err != nil {
		if op, ok := errors.AsType[*net.OpError](err); ok {
			err = op.Err // without the address once more
		}
		return nil, fmt.Errorf("listening on %s: %w\n\t%s", s.Address, err, remedy(err))
	}
	ctx, cancel := context.WithCancelCause(base)
	server := &Server{ln: ln, tls: certs != nil, cancel: cancel, handler: h}
	server.srv = &http.Server{
		Handler:           http.HandlerFunc(server.serve),
		ReadHeaderTimeout: s.HeaderTimeout,
		IdleTimeout:       s.IdleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		BaseContext:       func(net.Listener) context.Context { return ctx },
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),

		// net/http's own answer to `OPTIONS *` waits for a body without limit.
		DisableGeneralOptionsHandler: true,

		// A handler's deadline resets its stream, which waits behind what the
		// connection does not take.
		HTTP2: &http.HTTP2Config{WriteByteTimeout: s.WriteTimeout},
	}
	if certs != nil {
		server.srv.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: certs.get}
	}
	return server, nil
}

// remedy is what to do about an address that cannot be listened on.
func remedy(err error) string {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return "another program, perhaps another Weir, listens there: stop it, or choose another port"
	case errors.Is(err, syscall.EACCES), errors.Is(err, syscall.EPERM):
		return "ports below 1024 need a privilege: choose another port, or give the program CAP_NET_BIND_SERVICE"
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return "this machine does not have that address: choose one of its own, 127.0.0.1, or none for all of them"
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
		return "too many files are open: raise the limit (ulimit -n)"
	default:
		return "choose an address of this machine, for example 127.0.0.1:8787"
	}
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	s.running.Add(1)
	defer s.running.Add(-1)
	s.handler.ServeHTTP(w, r)
}

// Addr returns the address that is listened on, with the port that was taken.
func (s *Server) Addr() net.Addr { return s.ln.Addr() }

// TLS reports whether the server speaks TLS.
func (s *Server) TLS() bool { return s.tls }

// Serve answers requests until Close or Drain. It returns nil after those,
// else why it stopped. It must be called once.
func (s *Server) Serve() error {
	var err error
	if s.tls {
		err = s.srv.ServeTLS(s.ln, "", "")
	} else {
		err = s.srv.Serve(s.ln)
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("serving on %s: %w", s.ln.Addr(), err)
}

// Drain stops accepting connections, closes idle ones, and waits until the
// running requests have ended or ctx is done. It then ends those left by
// cancelling their contexts with cause, gives them grace to write their last
// bytes, and closes what is still open. When it returns, so have the handlers,
// but for one that heeds neither its context nor its connection. It returns
// ctx's error if requests had to be cut.
func (s *Server) Drain(ctx context.Context, cause error, grace time.Duration) error {
	err := s.idle(ctx)
	s.cancel(cause)
	bye := context.WithoutCancel(ctx)
	if err != nil {
		last, cancel := context.WithTimeout(bye, grace)
		defer cancel()
		if s.idle(last) != nil {
			err = errors.Join(err, s.srv.Close())
		}
	}
	last, cancel := context.WithTimeout(bye, returnTime)
	defer cancel()
	_ = s.returned(last) // what does not heed its connection cannot be helped
	return err
}

// idle returns when no connection has a request that runs, and no handler
// does: net/http does not wait for the connections that were taken from it,
// which are WebSockets here.
func (s *Server) idle(ctx context.Context) error {
	if err := s.srv.Shutdown(ctx); err != nil {
		return err
	}
	return s.returned(ctx)
}

// returnTime is what a handler gets to return once its connection is closed.
const returnTime = 2 * time.Second

// returned waits until no handler runs any more, or returns ctx's error.
// net/http waits for connections, and a handler may have work left when its
// own is gone.
func (s *Server) returned(ctx context.Context) error {
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for s.running.Load() > 0 {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// Close closes the socket of a server that was never served.
func (s *Server) Close() error {
	s.cancel(net.ErrClosed)
	return s.ln.Close()
}
