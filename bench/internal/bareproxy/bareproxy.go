package bareproxy

import (
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
		Rewrite:    func(r *httputil.ProxyRequest) { r.SetURL(upstream) },
		Transport:  tr,
		BufferPool: newBuffers(),
	}, tr
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
