package config

import "time"

// Listen is where Weir listens and how much it takes from a client.
type Listen struct {
	// Host and port. The host is an IP address, a name, or empty for every
	// interface; port 0 takes a free one. An address that other machines can
	// reach demands `keys` or `open: true` if any upstream has a credential
	// of yours (api_key, bearer or headers). `weir serve --listen` overrides
	// it.
	Address string `json:"address" default:"127.0.0.1:8787"`

	// Serves HTTPS instead of HTTP.
	TLS TLS `json:"tls"`

	// Further names by which clients may call a listener without keys, as
	// they stand in the Host header, without port. It answers to localhost,
	// 127.0.0.1 and [::1] in any case, and refuses all others, so that a web
	// page cannot reach it through a name of its own. `*` is any name. No
	// effect with `keys`.
	Hosts []string `json:"hosts"`

	// Serves anyone who can reach the address, although upstreams have
	// credentials of yours and there are no keys. No effect with `keys`.
	Open bool `json:"open" default:"false"`

	// The largest request body, before and after decompression; more is
	// answered with 413. The environment variable `BODY_LIMIT` (a size, or a
	// plain number of bytes) overrides it.
	BodyLimit int64 `json:"body_limit" default:"50MiB" range:"1KiB..16GiB"`

	// The memory that the request bodies of all clients may take together;
	// beyond it requests are answered with 503. At least twice `body_limit`,
	// because a body may be there as it came and as it is sent on; that much
	// by default if it is more than the default here.
	BodyMemory int64 `json:"body_memory" default:"512MiB" range:"1KiB..1TiB"`

	// The space that the files of all uploads may take together in `data_dir`
	// while they are sent on; beyond it requests are answered with 503. At
	// least `body_limit`; that much by default if it is more than the default
	// here.
	BodyDisk int64 `json:"body_disk" default:"4GiB" range:"1KiB..64TiB"`

	// How long a stop waits for running exchanges before it cuts them; with
	// `0s` it cuts them at once.
	Drain time.Duration `json:"drain" default:"30s" range:"0s..1h"`

	// How long Weir waits for a client.
	Timeouts ListenTimeouts `json:"timeouts"`
}

// TLS is the listener's certificate. Both files or none; they are read again
// when they change.
type TLS struct {
	// The certificate in PEM, its own first, then the intermediate ones.
	Cert string `json:"cert" path:"true"`

	// The certificate's private key in PEM.
	Key string `json:"key" path:"true"`
}

// ListenTimeouts is how long Weir waits for a client.
type ListenTimeouts struct {
	// From the connection, or the end of the request before, to the last
	// byte of a request's headers.
	Header time.Duration `json:"header" default:"10s" range:"1ms..1h"`

	// Silence between two pieces of a request's body.
	Body time.Duration `json:"body" default:"30s" range:"1ms..1h"`

	// One write to a client that does not read.
	Write time.Duration `json:"write" default:"60s" range:"1ms..1h"`

	// How long a connection is kept between requests.
	Idle time.Duration `json:"idle" default:"2m" range:"1ms..24h"`
}

// Timeouts is how long Weir waits for an upstream. Each ends the attempt with
// an error code of its own and status 504.
type Timeouts struct {
	// Until the connection stands, TLS included.
	Connect time.Duration `json:"connect" default:"10s" range:"1ms..5m"`

	// From the connection, sending the request included, to the first byte of
	// the answer.
	FirstByte time.Duration `json:"first_byte" default:"5m" range:"1ms..24h"`

	// Silence between two pieces of an answer; on a WebSocket, between two
	// messages, whichever side sends them.
	Idle time.Duration `json:"idle" default:"15m" range:"1ms..24h"`

	// A whole answer from the request to its last byte. For a stream it ends
	// with the first byte; `stream_total` bounds the rest.
	Total time.Duration `json:"total" default:"15m" range:"1ms..24h" off:"true"`

	// A stream from the request to its last byte, and a WebSocket to its end.
	StreamTotal time.Duration `json:"stream_total" default:"off" range:"1ms..168h" off:"true"`
}
