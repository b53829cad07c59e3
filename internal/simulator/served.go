package simulator

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Bounds of the bodies that records hold, in bytes: of one, and of all.
const (
	keptBody   = 64 << 10
	keptBodies = 64 << 20
)

// A Usage counts tokens, and what images and audio are counted in where they
// are not counted in tokens. Input includes Cached, Output includes Reasoning,
// whatever the dialect says.
type Usage struct {
	Input      int `json:"input"`
	Cached     int `json:"cached"`
	Output     int `json:"output"`
	Reasoning  int `json:"reasoning"`
	Images     int `json:"images,omitempty"`     // made
	Seconds    int `json:"seconds,omitempty"`    // of audio heard, a started one counts
	Characters int `json:"characters,omitempty"` // spoken
}

func exported(u usage) *Usage {
	return &Usage{
		Input: u.input, Cached: u.cached, Output: u.output, Reasoning: u.reasoning,
		Images: u.images, Seconds: u.seconds, Characters: u.characters,
	}
}

func (u *Usage) add(v *Usage) {
	u.Input += v.Input
	u.Cached += v.Cached
	u.Output += v.Output
	u.Reasoning += v.Reasoning
	u.Images += v.Images
	u.Seconds += v.Seconds
	u.Characters += v.Characters
}

// A Part is one part of a form.
type Part struct {
	Name     string `json:"name"`
	Filename string `json:"filename,omitempty"`
	Type     string `json:"type,omitempty"` // as it came
	Size     int    `json:"size"`
	SHA256   string `json:"sha256"`         // hex
	Text     string `json:"text,omitempty"` // of a part that is no file, at most 4 KiB
}

// A Record is one request and how its answer ended.
type Record struct {
	Seq        int64         `json:"seq"` // from 1, in the order of arrival
	Time       time.Time     `json:"time"`
	Duration   time.Duration `json:"duration_ns"` // zero in flight; until the client left, if it did
	Method     string        `json:"method"`
	Path       string        `json:"path"` // escaped, as it came
	Query      string        `json:"query,omitempty"`
	Host       string        `json:"host"`
	Headers    http.Header   `json:"headers"`
	BodySHA256 string        `json:"body_sha256,omitempty"` // hex
	BodySize   int           `json:"body_size"`
	Body       string        `json:"body,omitempty"`
	Parts      []Part        `json:"parts,omitempty"`     // of a form, in their order
	Messages   int           `json:"messages,omitempty"`  // that came on a socket; the body is all of them
	Operation  string        `json:"operation,omitempty"` // empty for an unknown path
	Model      string        `json:"model,omitempty"`
	Stream     bool          `json:"stream"`
	Status     int           `json:"status"` // zero in flight, and where no status was sent
	Events     int           `json:"events"` // whole events of a stream
	Ended      string        `json:"ended"`  // "" in flight, "complete", "cut" or "client_gone"
	Usage      *Usage        `json:"usage"`  // what the client was told; nil if nothing
	FullUsage  *Usage        `json:"full_usage"`
}

// A Report is what a simulator has served since its start or the last reset.
type Report struct {
	InFlight int      `json:"in_flight"`
	Total    int64    `json:"total"`
	Usage    Usage    `json:"usage"` // sum of what clients were told, of all requests
	Requests []Record `json:"requests"`
}

// A record is a Record that may still change; its events are counted without
// a lock.
type record struct {
	Record
	events atomic.Int64
	era    int // resets before it
}

// served remembers requests.
type served struct {
	limit int

	mu       sync.Mutex
	ring     []*record
	total    int64
	era      int
	inFlight int
	idle     chan struct{} // closed when inFlight falls to zero; nil if it is
	usage    Usage
	kept     int // bytes of bodies in ring
}

func (s *served) begin(r *http.Request, operation string) *record {
	rec := &record{Record: Record{
		Time: time.Now(), Method: r.Method, Path: r.URL.EscapedPath(), Query: r.URL.RawQuery,
		Host: r.Host, Headers: r.Header, Operation: operation,
	}}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.total++
	rec.Seq, rec.era = s.total, s.era
	if s.inFlight++; s.inFlight == 1 {
		s.idle = make(chan struct{})
	}
	switch {
	case s.limit < 0:
	case len(s.ring) < s.limit:
		s.ring = append(s.ring, rec)
	default:
		oldest := &s.ring[int((rec.Seq-1)%int64(s.limit))]
		s.kept -= len((*oldest).Body)
		*oldest = rec
	}
	return rec
}

func (s *served) update(rec *record, change func(*Record)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&rec.Record)
}

func (s *served) body(rec *record, body []byte, keep bool) {
	if s.limit < 0 {
		return
	}
	sum := sha256.Sum256(body)
	s.update(rec, func(r *Record) {
		r.BodySHA256, r.BodySize = hex.EncodeToString(sum[:]), len(body)
		if keep && len(body) <= keptBody && s.kept+len(body) <= keptBodies && rec.era == s.era {
			r.Body = string(body)
			s.kept += len(body)
		}
	})
}

func (s *served) finish(rec *record, status int, ended string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	rec.Duration = time.Since(rec.Time)
	rec.Status, rec.Ended = status, ended
	if u := rec.Usage; u != nil && rec.era == s.era {
		s.usage.add(u)
	}
	if s.inFlight--; s.inFlight == 0 {
		close(s.idle)
		s.idle = nil
	}
}

// Served returns what s has served, oldest first, with credentials hidden
// unless Options shows them.
func (s *Simulator) Served() Report {
	d := &s.served
	d.mu.Lock()
	defer d.mu.Unlock()
	report := Report{InFlight: d.inFlight, Total: d.total, Usage: d.usage, Requests: make([]Record, 0, len(d.ring))}
	for _, rec := range d.ring {
		r := rec.Record
		r.Events = int(rec.events.Load())
		r.Headers = s.shown(r.Headers)
		report.Requests = append(report.Requests, r)
	}
	slices.SortFunc(report.Requests, func(a, b Record) int { return int(a.Seq - b.Seq) })
	return report
}

// shown returns h with a short hash in the place of each credential.
func (s *Simulator) shown(h http.Header) http.Header {
	h = maps.Clone(h)
	if s.options.ShowCredentials {
		return h
	}
	for _, name := range []string{"Authorization", "Api-Key", "X-Api-Key", "Cookie", "X-Weir-Key"} {
		hidden := make([]string, 0, len(h[name]))
		for _, text := range h[name] {
			sum := sha256.Sum256([]byte(text))
			hidden = append(hidden, "sha256:"+hex.EncodeToString(sum[:6]))
		}
		if len(hidden) > 0 {
			h[name] = hidden
		}
	}
	if names := subprotocols(h); socketKey(h) != "" {
		for i, name := range names {
			if key, ok := strings.CutPrefix(name, insecureKey); ok {
				sum := sha256.Sum256([]byte(key))
				names[i] = insecureKey + "sha256:" + hex.EncodeToString(sum[:6])
			}
		}
		h["Sec-Websocket-Protocol"] = []string{strings.Join(names, ", ")}
	}
	return h
}

// Reset forgets what was served. Requests in flight go on and are no longer
// shown.
func (s *Simulator) Reset() {
	d := &s.served
	d.mu.Lock()
	defer d.mu.Unlock()
	d.ring, d.total, d.usage, d.kept = nil, 0, Usage{}, 0
	d.era++
}

// Wait returns when no request is in flight, or with the context's error.
func (s *Simulator) Wait(ctx context.Context) error {
	s.served.mu.Lock()
	idle := s.served.idle
	s.served.mu.Unlock()
	if idle == nil {
		return nil
	}
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// serveServed answers GET and DELETE /sim/served.
func (x *exchange) serveServed() error {
	if x.r.Method == http.MethodDelete {
		x.sim.Reset()
		x.w.WriteHeader(http.StatusNoContent)
		return nil
	}
	query := x.r.URL.Query()
	if text := query.Get("wait"); text != "" {
		d, err := delay(text)
		if err != nil {
			return invalid("wait", err.Error())
		}
		ctx, cancel := context.WithTimeout(x.r.Context(), d)
		defer cancel()
		_ = x.sim.Wait(ctx) // the report says whether it came to rest
	}
	report := x.sim.Served()
	if text := query.Get("after"); text != "" {
		after, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return invalid("after", "not a number")
		}
		report.Requests = slices.DeleteFunc(report.Requests, func(r Record) bool { return r.Seq <= after })
	}
	body, err := json.MarshalIndent(report, "", "  ")
	if err != nil {
		return &fault{status: http.StatusInternalServerError, message: err.Error()}
	}
	x.writeWhole(http.StatusOK, "application/json", append(body, '\n'))
	return nil
}
