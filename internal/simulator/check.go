package simulator

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// apiVersion is the form of a dated api-version.
var apiVersion = regexp.MustCompile(`^\d{4}-\d{2}-\d{2}(-preview)?$`)

// anthropicVersion is the form of an anthropic-version.
var anthropicVersion = regexp.MustCompile(`^\d{4}-\d{2}-\d{2}$`)

// checkMethod refuses other methods, and the WebSocket form of responses, as a
// server without WebSockets does.
func (x *exchange) checkMethod() error {
	if x.allows(x.r.Method) {
		return nil
	}
	if strings.EqualFold(x.r.Header.Get("Upgrade"), "websocket") {
		x.w.Header().Set("Connection", "close")
		return &fault{status: http.StatusUpgradeRequired, message: "WebSockets are not served here; use POST."}
	}
	x.w.Header().Set("Allow", x.methods)
	return &fault{status: http.StatusMethodNotAllowed, message: "Method " + x.r.Method + " is not allowed for " + x.r.URL.Path + "."}
}

// check refuses a request for what its headers and query say.
func (x *exchange) check() error {
	h := x.r.Header
	if x.sim.options.Strict {
		if name := forbidden(h, x.operation == "realtime"); name != "" {
			return invalid("", "Header "+name+" must not reach a model server.")
		}
		if len(credentials(h)) > 1 {
			return invalid("", "Two different credentials were sent.")
		}
	}
	if !x.authorized() {
		f := &fault{status: http.StatusUnauthorized, code: "invalid_api_key", message: "No API key, or one that is not known, was sent."}
		if x.shape == shapeAzure {
			f.code = "401"
		}
		return f
	}
	if err := x.checkVersion(); err != nil {
		return err
	}
	if x.r.Method != http.MethodPost {
		return nil
	}
	if err := x.checkType(); err != nil {
		return err
	}
	if e := h.Get("Content-Encoding"); e != "" && e != "identity" {
		return &fault{status: http.StatusUnsupportedMediaType, message: "Content-Encoding " + e + " is not supported."}
	}
	return nil
}

// checkType refuses a body of another type than the route takes.
func (x *exchange) checkType() error {
	media, params, err := mime.ParseMediaType(x.r.Header.Get("Content-Type"))
	if err != nil {
		media = ""
	}
	isForm := media == "multipart/form-data" && params["boundary"] != ""
	var wanted string
	switch {
	case x.takes == takesNothing, x.family == familyOllama:
	case x.takes == takesForm && !isForm:
		wanted = "multipart/form-data with a boundary"
	case x.takes == takesEither && !isForm && media != "application/json":
		wanted = "multipart/form-data with a boundary or application/json"
	case x.takes == takesJSON && media != "application/json":
		wanted = "application/json"
	}
	if wanted != "" {
		return &fault{status: http.StatusUnsupportedMediaType, message: "Content-Type must be " + wanted + "."}
	}
	if isForm {
		x.boundary = params["boundary"]
	}
	return nil
}

// checkVersion checks the versions that a family wants in query or header.
func (x *exchange) checkVersion() error {
	versions := x.r.URL.Query()["api-version"]
	switch x.family {
	case familyClassic:
		if len(versions) == 0 {
			return &fault{status: http.StatusNotFound, code: "404", message: "Resource not found"}
		}
		if len(versions) > 1 || !apiVersion.MatchString(versions[0]) {
			return &fault{status: http.StatusBadRequest, code: "400", message: "Exactly one api-version of the form YYYY-MM-DD or YYYY-MM-DD-preview is wanted."}
		}
	case familyAzureV1:
		if len(versions) > 1 || len(versions) == 1 && versions[0] != "preview" && versions[0] != "v1" {
			return &fault{status: http.StatusBadRequest, code: "400", message: "API version not supported: v1 paths take none, or preview."}
		}
	case familyAnthropic:
		if !anthropicVersion.MatchString(x.r.Header.Get("anthropic-version")) {
			return invalid("", "anthropic-version: header is required")
		}
		fallthrough
	default:
		if x.sim.options.Strict && len(versions) > 0 {
			return invalid("", "api-version has no meaning here.")
		}
	}
	return nil
}

// forbidden returns the name of a header that only a careless gateway sends.
// Where a socket is wanted, those that ask for one are none.
func forbidden(h http.Header, socket bool) string {
	for name, texts := range h {
		lower := strings.ToLower(name)
		switch {
		case lower == "cookie", lower == "forwarded", lower == "x-real-ip", lower == "via",
			lower == "te", lower == "keep-alive", lower == "upgrade" && !socket,
			strings.HasPrefix(lower, "x-weir-"), strings.HasPrefix(lower, "x-forwarded-"), strings.HasPrefix(lower, "proxy-"):
			return lower
		case lower == "connection":
			for token := range strings.SplitSeq(strings.Join(texts, ","), ",") {
				if t := strings.ToLower(strings.TrimSpace(token)); t != "close" && t != "keep-alive" && t != "" && (t != "upgrade" || !socket) {
					return lower + ": " + t
				}
			}
		case len(texts) > 1 && (lower == "authorization" || lower == "api-key" || lower == "x-api-key" || lower == "content-type"):
			return lower + " (twice)"
		}
	}
	return ""
}

// credentials returns the different credentials in h.
func credentials(h http.Header) []string {
	list := []string{bearer(h), h.Get("Api-Key"), h.Get("X-Api-Key"), socketKey(h)}
	slices.Sort(list)
	list = slices.Compact(list)
	return slices.DeleteFunc(list, func(s string) bool { return s == "" })
}

func bearer(h http.Header) string {
	scheme, token, _ := strings.Cut(h.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}

// authorized reports whether the request carries a credential that its family
// of paths takes.
func (x *exchange) authorized() bool {
	if len(x.sim.options.Keys) == 0 || x.family == familyOllama {
		return true
	}
	h := x.r.Header
	known := func(s string) bool { return s != "" && slices.Contains(x.sim.options.Keys, s) }
	if x.operation == "realtime" && known(socketKey(h)) {
		return true
	}
	switch x.family {
	case familyClassic, familyAzureV1:
		// An Entra token is a JWT; whose it is cannot be checked here.
		return known(h.Get("Api-Key")) || known(bearer(h)) || strings.Count(bearer(h), ".") == 2
	case familyAnthropic:
		return known(h.Get("X-Api-Key")) || known(bearer(h)) ||
			strings.HasPrefix(x.r.URL.Path, "/anthropic/") && known(h.Get("Api-Key"))
	}
	return known(bearer(h))
}

// take reads the body, so that the record of the request has its size and
// hash. It does so once, and not where the answer is to come before the body.
func (x *exchange) take() error {
	if x.taken || x.m.early || x.r.Body == http.NoBody && x.r.Method != http.MethodPost {
		return nil
	}
	x.taken = true
	if x.r.ContentLength > bodyLimit {
		return tooLarge()
	}
	body, err := readAll(http.MaxBytesReader(x.w, x.r.Body, bodyLimit), x.r.ContentLength)
	x.body = body
	if len(body) > 0 || x.r.Method == http.MethodPost {
		x.sim.served.body(x.rec, body, x.sim.options.KeepBodies)
	}
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return tooLarge()
	}
	x.leave() // it never arrived whole, so nobody waits for an answer
	return &fault{status: http.StatusBadRequest, message: "Reading the body: " + err.Error()}
}

// read checks that the body is what the route takes: one JSON object without
// duplicate names, or a form.
func (x *exchange) read() error {
	var err error
	switch {
	case x.m.early, x.takes == takesNothing:
		return nil
	case x.boundary != "":
		return x.readForm()
	}
	if x.req, err = parseObject(x.body); err != nil {
		return invalid("", err.Error())
	}
	if name, twice := x.req.duplicate(); twice {
		return invalid(name, "Duplicate member: "+name+".")
	}
	return nil
}

func tooLarge() *fault {
	return &fault{status: http.StatusRequestEntityTooLarge, message: "The body is larger than 64 MiB."}
}

// readAll reads r, of which length bytes are announced, or -1.
func readAll(r io.Reader, length int64) ([]byte, error) {
	const most = 4 << 20 // what an announcement alone is worth
	b := make([]byte, 0, min(max(length+1, 512), most))
	for {
		if len(b) == cap(b) {
			b = append(b, 0)[:len(b)]
		}
		n, err := r.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		if errors.Is(err, io.EOF) {
			return b, nil
		}
		if err != nil {
			return b, err
		}
	}
}
