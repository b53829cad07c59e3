package upstream

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/weir-gateway/weir/internal/llm"
)

// A Kind says which provider an upstream is an account at.
type Kind string

// The kinds.
const (
	Azure      Kind = "azure"      // Azure OpenAI and Azure AI Foundry, both APIs
	OpenAI     Kind = "openai"     // api.openai.com
	Anthropic  Kind = "anthropic"  // api.anthropic.com, and Claude on Azure AI Foundry
	Ollama     Kind = "ollama"     // Ollama's OpenAI-compatible routes
	Compatible Kind = "compatible" // any other server that speaks OpenAI's or Anthropic's protocol
	Simulator  Kind = "simulator"  // Weir's own model server for tests and first tries
)

// The two APIs of [Azure].
const (
	APIv1      = "v1"      // /openai/v1/…, the deployment in the body
	APIClassic = "classic" // /openai/deployments/{deployment}/…?api-version=
)

// Settings describe one upstream. They are read by [New] and not kept.
type Settings struct {
	// Name is what the configuration calls the upstream. Required; it stands
	// in errors and logs, never in an answer.
	Name string

	Kind Kind // required

	// Endpoint is an http or https URL with or without the API's version
	// ("/v1"; azure: "/openai", "/openai/v1") and trailing slashes, and without
	// query, fragment and user. Empty means the provider's own address for the
	// kinds openai, anthropic and ollama; the others demand it.
	Endpoint string

	// API is APIv1 or APIClassic for [Azure], where empty means APIv1, and
	// empty for every other kind.
	API string

	// APIVersion is sent as api-version by APIClassic, which demands it.
	// APIv1 takes nothing but "preview". Empty for every other kind.
	APIVersion string

	// Routes are the paths of operations that are not where the kind has them:
	// see [CheckRoute].
	Routes map[llm.Operation]string

	// Auth is the credential. The zero value sends none.
	Auth Auth

	// Headers are sent with every request, instead of a client's header of the
	// same name. They cannot name a header that the credential, the framing or
	// the connection needs.
	Headers map[string]string

	// Timeouts bound one attempt. The zero value waits for ever.
	Timeouts Timeouts

	// Pool bounds the connections.
	Pool Pool

	// RootCAs verify the upstream's certificate. Nil means the system's.
	RootCAs *x509.CertPool

	// InsecureSkipVerify accepts any certificate. For tests on one machine.
	InsecureSkipVerify bool

	// Sending, if not nil, is called with where each request goes, before it is
	// sent. The context is that of the call. It must not change the URL.
	Sending func(ctx context.Context, method string, u *url.URL)

	// Transport carries the requests. Nil means an [http.Transport] that this
	// upstream alone uses. Another one must call the httptrace hooks GotConn
	// and WroteRequest, follow no redirect and decode no Content-Encoding.
	Transport http.RoundTripper
}

// Timeouts are the five limits of an attempt. Each is off if it is zero, and
// each has its own code: see the errors of [Upstream.Do] and [Answer.Body].
type Timeouts struct {
	// Connect is for resolving the name, dialling and the TLS handshake.
	Connect time.Duration

	// FirstByte begins when a connection is there, includes sending the
	// request, and ends with the status of a whole answer, or with the first
	// byte of the body of a stream.
	FirstByte time.Duration

	// Idle is how long one read of the answer may wait after the first byte.
	// Time that the reader spends elsewhere, on a slow client say, is not
	// counted.
	Idle time.Duration

	// Total is for everything up to the last byte of a whole answer, or up to
	// the first byte of a stream.
	Total time.Duration

	// StreamTotal is for everything up to the last byte of a stream.
	StreamTotal time.Duration
}

// A Pool is the bounds of an upstream's connections. The zero value has the
// usual ones.
type Pool struct {
	// Connections is how many there may be, beyond which requests wait for one
	// within [Timeouts.Connect]. Zero means any number.
	Connections int

	// Idle is how many unused ones are kept, and KeepAlive for how long. Zero
	// means 4,096, and 90 seconds.
	Idle      int
	KeepAlive time.Duration

	// Header is how long after the end of a request the header of its answer
	// may come; later is CodeFirstByteTimeout. Zero means for ever.
	Header time.Duration
}

// spent says, for the log, which limit a code stands for.
func (t Timeouts) spent(c llm.Code) error {
	switch c {
	case llm.CodeConnectTimeout:
		return fmt.Errorf("no connection within %v (timeouts.connect)", t.Connect)
	case llm.CodeFirstByteTimeout:
		return fmt.Errorf("no answer within %v (timeouts.first_byte)", t.FirstByte)
	case llm.CodeIdleTimeout:
		return fmt.Errorf("silent for %v (timeouts.idle)", t.Idle)
	default:
		return fmt.Errorf("not done in time (timeouts.total %v, timeouts.stream_total %v)", t.Total, t.StreamTotal)
	}
}

// Format writes the settings without their secrets, whatever the verb is.
func (s Settings) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }

// String returns the settings without their secrets.
func (s Settings) String() string {
	return fmt.Sprintf("upstream %q (%s, auth %s)", s.Name, s.Kind, s.Auth)
}

// LogValue returns the settings without their secrets.
func (s Settings) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText returns the settings without their secrets.
func (s Settings) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// check returns every fault that does not need the endpoint.
func (s Settings) check() error {
	var faults []error
	if s.Name == "" {
		faults = append(faults, errors.New("it has no name"))
	}
	if s.Kind != Azure && (s.API != "" || s.APIVersion != "") {
		faults = append(faults, errors.New("api and api_version are for kind azure alone"))
	}
	if err := s.Auth.check(); err != nil {
		faults = append(faults, err)
	}
	for op, path := range s.Routes {
		if err := CheckRoute(path); err != nil {
			faults = append(faults, fmt.Errorf("routes: %s: %w", op, err))
		}
	}
	seen := make(map[string]bool, len(s.Headers))
	for name, value := range s.Headers {
		if err := s.checkHeader(name, value); err != nil {
			faults = append(faults, err)
		}
		canonical := http.CanonicalHeaderKey(name)
		if seen[canonical] {
			faults = append(faults, fmt.Errorf("headers: %s is there twice", canonical))
		}
		seen[canonical] = true
	}
	t := s.Timeouts
	if min(t.Connect, t.FirstByte, t.Idle, t.Total, t.StreamTotal) < 0 {
		faults = append(faults, errors.New("timeouts: a duration is negative"))
	}
	if p := s.Pool; min(p.Connections, p.Idle) < 0 || min(p.KeepAlive, p.Header) < 0 {
		faults = append(faults, errors.New("pool: a value is negative"))
	}
	return errors.Join(faults...)
}

// checkHeader refuses an extra header that would change the framing or the
// connection, or hide the credential. With [AuthNone] the credential headers
// are free: a server behind basic authentication needs them.
func (s Settings) checkHeader(name, value string) error {
	canonical := http.CanonicalHeaderKey(name)
	switch {
	case !validHeaderName(name):
		return fmt.Errorf("headers: %q is not a header name", name)
	case !validHeaderValue(value):
		return fmt.Errorf("headers: the value of %s has a character that no header can carry", canonical)
	case strings.HasPrefix(canonical, "X-Weir-"):
		return fmt.Errorf("headers: %s is Weir's own and never leaves it", canonical)
	}
	switch canonical {
	case "Host", "Content-Length", "Content-Type", "Content-Encoding", "Accept-Encoding", "Expect",
		"Connection", "Proxy-Connection", "Keep-Alive", "Proxy-Authorization", "Te", "Trailer", "Transfer-Encoding", "Upgrade":
		return fmt.Errorf("headers: %s is set by Weir", canonical)
	case headerAuthorization, headerAPIKey, headerXAPIKey:
		if s.Auth.mode() != AuthNone {
			return fmt.Errorf("headers: %s is set by auth", canonical)
		}
	}
	return nil
}
