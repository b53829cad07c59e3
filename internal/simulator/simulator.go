package simulator

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// bodyLimit is the largest request body in bytes; a larger one is 413.
const bodyLimit = 64 << 20

// DefaultRecords is how many requests are remembered unless Options says
// otherwise.
const DefaultRecords = 10_000

// Options says how a [Simulator] behaves. The zero value serves everyone and
// checks the shape of requests alone.
type Options struct {
	// Keys are the credentials it takes; none means that nobody is asked for
	// one. The package comment says in which header each path wants them.
	Keys []string

	// Strict makes it refuse, with a 400 that names the culprit, what a
	// gateway must never send: headers of the client's own connection or of
	// the gateway, two different credentials, tool outputs without their call,
	// sealed reasoning that another simulator made.
	Strict bool

	// Models is what the models list shows; nil is a list of well-known names.
	// A name that is not listed is served all the same, except "sim-unknown".
	Models []string

	// Records is how many requests GET /sim/served remembers: 0 is
	// [DefaultRecords], a negative number none.
	Records int

	// KeepBodies adds request bodies of at most 64 KiB to what is remembered,
	// as long as all of them are at most 64 MiB.
	KeepBodies bool

	// ShowCredentials shows credentials in GET /sim/served as they came. Else
	// a short hash stands for each.
	ShowCredentials bool

	// Name sets the part of ids and sealed reasoning that tells simulators
	// apart; empty is a random one.
	Name string
}

// A Simulator is an [http.Handler] that answers like a model server. It is safe
// for concurrent use and needs no closing: no goroutine outlives its request.
type Simulator struct {
	options Options
	name    string
	started time.Time
	ids     atomic.Uint64
	served  served

	// sizes are the bytes of each conversation up to and with a response. They
	// outlive the responses, of which fewer fit.
	sizes     shelf[int]
	responses shelf[response]
	chats     shelf[keptChat]
	files     shelf[file]
}

// Bounds of what is kept for clients: objects of a kind, and bytes of them.
const (
	keptObjects = 10_000
	keptBytes   = 64 << 20
)

// New returns a simulator.
func New(o Options) *Simulator {
	s := &Simulator{options: o, name: o.Name, started: time.Now()}
	s.sizes.most, s.sizes.bytes = keptObjects, 0
	s.responses.most, s.responses.bytes = keptObjects, keptBytes
	s.chats.most, s.chats.bytes = keptObjects, keptBytes
	s.files.most, s.files.bytes = keptObjects, keptBytes
	if s.name == "" {
		var random [4]byte
		_, _ = rand.Read(random[:]) // never fails
		s.name = hex.EncodeToString(random[:])
	}
	if o.Models == nil {
		s.options.Models = wellKnown()
	}
	s.served.limit = o.Records
	if o.Records == 0 {
		s.served.limit = DefaultRecords
	}
	return s
}

// id returns a new id with the given prefix, different from those of other
// simulators too.
func (s *Simulator) id(prefix string) string {
	b := make([]byte, 0, 40)
	b = append(append(b, prefix...), s.name...)
	n := s.ids.Add(1)
	const width = 16
	digits := strconv.AppendUint(nil, n, 16)
	for range width - len(digits) {
		b = append(b, '0')
	}
	return string(append(b, digits...))
}

// ServeHTTP answers one request.
func (s *Simulator) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	o, found := find(r)
	x := &exchange{
		sim: s, w: w, rc: http.NewResponseController(w), r: r,
		route: o, id: s.id("req_"), m: calm(),
	}
	if o.family == familySim {
		x.report(x.admit(found))
		return
	}
	x.rec = s.served.begin(r, o.operation)
	defer x.finish()
	err := x.m.addHeaders(r.Header)
	if err != nil {
		x.m = calm()
		err = invalid("", err.Error())
	} else {
		err = x.admit(found)
	}
	x.report(err)
	if x.abort {
		panic(http.ErrAbortHandler)
	}
}

// An exchange is one request and its answer.
type exchange struct {
	route
	sim  *Simulator
	w    http.ResponseWriter
	rc   *http.ResponseController
	r    *http.Request
	id   string // the request's
	body []byte
	req  object // body, or the text parts of form
	form form   // body, if it is one
	m    mischief

	boundary string // of the form, if the body is to be one
	taken    bool   // the body has been read
	rec      *record

	captured *capture // stands for w, if the answer is to be sent raw
	lines    bool     // the stream is NDJSON
	pieces   bool     // the stream is bytes without lines, its events are its pieces
	on       *socket  // stands for w and the request's context, if the answer is one
	failure  func()   // sends the failure of a stream
	failed   bool     // it was sent
	wild     bool     // the stream misbehaves
	spoke    bool     // the stream has carried output of the model
	over     bool     // nothing more is to be sent
	abort    bool     // end the connection instead of the answer
	ended    string   // how the answer ended, unless it is complete
	status   int
	buf      []byte // one event
}

// admit answers a request from its first check to its last byte. A *fault it
// returns has not been answered yet.
func (x *exchange) admit(found bool) error {
	if !found {
		return &fault{status: http.StatusNotFound, code: "", message: fmt.Sprintf("Unknown path: %s %s.", x.r.Method, x.r.URL.Path)}
	}
	if err := x.checkMethod(); err != nil {
		return err
	}
	if x.family != familySim {
		if err := x.check(); err != nil {
			return err
		}
	}
	if x.m.early {
		x.early()
	} else if x.family != familySim {
		if err := x.take(); err != nil {
			return err
		}
	}
	if x.r.Method == http.MethodPost {
		if err := x.read(); err != nil {
			return err
		}
	}
	if err := x.serve(x); err != nil {
		return err
	}
	if x.captured != nil {
		x.sendRaw()
	}
	return nil
}

// report answers err, if it is a fault, in the route's shape.
func (x *exchange) report(err error) {
	if f, ok := errors.AsType[*fault](err); ok {
		if x.rec != nil {
			_ = x.take() // for the record; err has gone before
		}
		x.writeWhole(f.status, "application/json", indent(appendFault(nil, x.shape, f, x.id)))
	}
}

// ready is called by every operation when it knows the model: it applies what
// the model's name and the headers demand before the first byte. It reports
// whether the operation is to answer; if not, the answer is out, or err says
// why there is none.
func (x *exchange) ready(model string, stream bool) (bool, error) {
	x.m.addModel(model, x.r.Header)
	x.sim.served.update(x.rec, func(r *Record) { r.Model, r.Stream = model, stream })
	if !x.sleep(x.m.firstByte) {
		x.leave()
		return false, nil
	}
	switch {
	case x.m.reset:
		x.reset()
		return false, nil
	case model == "sim-unknown":
		return false, x.unknownModel(model)
	case x.m.html:
		x.writeWhole(x.success(), "text/html; charset=utf-8", []byte(htmlPage))
		return false, nil
	case x.m.hasBody:
		x.writeWhole(x.success(), "application/json", []byte(x.m.body))
		return false, nil
	case x.m.status >= 300:
		f := asked(x.m.status)
		if x.shape == shapeAzure {
			f.code = "" // its codes are the status
		}
		return false, f
	case x.m.error == "first" && !stream:
		x.writeWhole(x.success(), "application/json", appendFault(nil, x.shape, x.streamFault(), x.id))
		return false, nil
	}
	if x.m.wrongLength != 0 {
		x.captured = &capture{header: make(http.Header), outer: x.w}
		x.w, x.rc = x.captured, http.NewResponseController(x.captured)
	}
	return true, nil
}

const htmlPage = "<!DOCTYPE html>\n<html><head><title>502 Bad Gateway</title></head>\n<body><h1>502 Bad Gateway</h1></body></html>\n"

// unknownModel is the 404 for a model that does not exist.
func (x *exchange) unknownModel(name string) *fault {
	f := &fault{status: http.StatusNotFound, code: "model_not_found", message: fmt.Sprintf("The model '%s' does not exist.", name)}
	switch x.shape {
	case shapeAzure:
		f.code, f.message = "DeploymentNotFound", "The API deployment for this resource does not exist."
	case shapeAnthropic:
		f.message = "model: " + name
	case shapeOllama:
		f.message = fmt.Sprintf("model '%s' not found", name)
	}
	return f
}

// finish completes the record of the exchange.
func (x *exchange) finish() {
	if x.ended == "" {
		x.ended = "complete" // even if the client left right after the last byte
	}
	x.sim.served.finish(x.rec, x.status, x.ended)
}

// header adds the headers that every answer carries.
func (x *exchange) header(contentType string) http.Header {
	h := x.w.Header()
	h["Content-Type"] = []string{contentType}
	switch x.family {
	case familyAnthropic:
		h["Request-Id"] = []string{x.id}
	case familyClassic, familyAzureV1:
		h["Apim-Request-Id"] = []string{x.id}
		h["X-Request-Id"] = []string{x.id}
	default:
		h["X-Request-Id"] = []string{x.id}
	}
	asked := make(http.Header, len(x.m.headers))
	for _, line := range x.m.headers {
		name, text, _ := strings.Cut(line, ":")
		asked.Add(strings.TrimSpace(name), strings.TrimSpace(text))
	}
	maps.Copy(h, asked)
	return h
}
