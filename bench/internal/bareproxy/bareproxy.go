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
//
// Full duplex is on because an upstream that answers at once may otherwise cut
// a stream: when the answer begins, the server closes the request's body, which
// the transport has sent but not yet read to its end, and takes the error for
// a broken connection.
func New(upstream *url.URL) (http.Handler, *http.Transport) {
	tr := &http.Transport{
		MaxIdleConnsPerHost: idlePerHost,
		IdleConnTimeout:     5 * time.Minute,
		DisableCompression:  true,
		ReadBufferSize:      4 << 10,
		WriteBufferSize:     4 << 10,
	}
	proxy := &httputil.ReverseProxy{
		Rewrite:    func(r *httputil.ProxyRequest) { r.SetURL(upstream) },
		Transport:  tr,
		BufferPool: newBuffers(),
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := http.NewResponseController(w).EnableFullDuplex(); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		proxy.ServeHTTP(w, r)
	}), tr
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
