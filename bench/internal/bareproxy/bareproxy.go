package bareproxy

import (
	"errors"
	"io"
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync"
	"time"
)

// bufferSize is what one answer in flight is copied through. ReverseProxy's
// own 32 KiB would flatter whoever is compared to it by idle memory.
const bufferSize = 4 << 10 // bytes

// idlePerHost is above the number of connections that any measurement opens,
// so that none is ever closed for want of room.
const idlePerHost = 8192

// New returns a proxy to upstream and its transport, whose idle connections
// the caller closes.
func New(upstream *url.URL) (*httputil.ReverseProxy, *http.Transport) {
	tr := &http.Transport{
		MaxIdleConnsPerHost: idlePerHost,
		IdleConnTimeout:     5 * time.Minute,
		DisableCompression:  true,
		ReadBufferSize:      4 << 10,
		WriteBufferSize:     4 << 10,
	}
	return &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(upstream)
			if r.Out.Body != nil {
				r.Out.Body = body{r.Out.Body}
			}
		},
		Transport:  tr,
		BufferPool: newBuffers(),
	}, tr
}

// A body is the request's body, and ends where the server has closed it.
//
// When an upstream answers at once, the server closes the body before the
// transport, which has sent all of it, has seen its end. The transport would
// take that for an error and cut the connection, with a stream on it. A body
// that ends too early is still noticed by its length.
type body struct{ io.ReadCloser }

func (b body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil && errors.Is(err, http.ErrBodyReadAfterClose) {
		err = io.EOF
	}
	return n, err
}

// buffers is a httputil.BufferPool of buffers of bufferSize.
type buffers struct {
	pool sync.Pool // of *[bufferSize]byte
}

func newBuffers() *buffers {
	return &buffers{pool: sync.Pool{New: func() any { return new([bufferSize]byte) }}}
}

// Get returns a buffer of bufferSize.
func (b *buffers) Get() []byte { return b.pool.Get().(*[bufferSize]byte)[:] }

// Put takes a buffer that Get returned.
func (b *buffers) Put(p []byte) { b.pool.Put((*[bufferSize]byte)(p)) }
