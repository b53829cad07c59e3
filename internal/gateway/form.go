package gateway

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/weir-gateway/weir/internal/dialect/media"
	"github.com/weir-gateway/weir/internal/form"
	"github.com/weir-gateway/weir/internal/llm"
	"github.com/weir-gateway/weir/internal/spool"
	"github.com/weir-gateway/weir/internal/upstream"
)

// An upload is a request body that is a form: its values in memory, its files
// in one file of the spool. One goroutine uses it, but for the bodies that are
// made of it and for what ends it.
type upload struct {
	form *form.Form
	mem  *memory

	mu       sync.Mutex  // guards what follows, once it has been read
	reserved int64       // of mem
	file     *spool.File // nil until there is something in it, and again once it is closed
	attempts int         // that have been sent it
	last     bool        // no further attempt will be
	sent     bool        // by the last attempt: the transport reads nothing of it any more
}

// takes says which bodies an operation may have.
func takes(op llm.Operation) (json, form bool) {
	switch op {
	case llm.OpTranscription, llm.OpTranslation, llm.OpImageVariation:
		return false, true
	case llm.OpImageEdit:
		return true, true
	default:
		return true, false
	}
}

// isForm reports whether a Content-Type is that of a form, well written or not.
func isForm(contentType string) bool {
	media, _, _ := strings.Cut(contentType, ";")
	return strings.EqualFold(strings.TrimSpace(media), "multipart/form-data")
}

// wrongType is the refusal of a body of another type than what is taken.
func wrongType(op llm.Operation) error {
	public := "the request body must be JSON, and say so: send Content-Type: application/json"
	switch json, form := takes(op); {
	case form && json:
		public += ", or a form with files as multipart/form-data"
	case form:
		public = "the request body must be a form with a file: send it as Content-Type: multipart/form-data; boundary=…"
	}
	return &llm.Error{Code: llm.CodeUnsupportedMediaType, Op: "gateway.read", Public: public}
}

// readForm takes a body that is a form.
func (x *exchange) readForm() error {
	types := x.r.Header["Content-Type"]
	if len(types) != 1 {
		return badForm(&form.SyntaxError{Msg: "there are two headers Content-Type"})
	}
	boundary, err := form.Boundary(types[0])
	if err != nil {
		return badForm(err)
	}
	in, err := x.openBody()
	if err != nil {
		return err
	}
	defer in.heed()
	x.upload = &upload{mem: &x.h.memory}
	err = x.upload.read(&in, form.Options{
		Boundary: boundary,
		Once:     media.FormValues,
		Store:    func() (form.Store, error) { return x.upload.store(x.h.spool) },
		Memory:   x.upload.reserve,
	})
	in.close(err)
	if err != nil {
		return err
	}
	for _, p := range x.upload.form.Parts {
		if strings.Contains(strings.ToLower(p.Name), "file_id") {
			// It could be another tenant's.
			return &llm.Error{
				Code: llm.CodeInvalidValue, Op: "gateway.read", Param: p.Name,
				Public: "a form holds its files: one that is kept elsewhere can be named in JSON alone",
			}
		}
	}
	d, _ := media.Of(x.op) // no other operation takes a form
	x.req, err = d.ReadForm(x.upload.form.Value)
	return err
}

// read reads the whole form.
func (u *upload) read(in *intake, o form.Options) (err error) {
	if err := u.mem.reserve(form.Window); err != nil {
		return err
	}
	defer u.mem.used.Add(-form.Window)
	u.form, err = form.Read(&checkedReader{in: in}, o)
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*form.StoreError](err); ok {
		return notStored(e.Err)
	}
	if _, ok := errors.AsType[*form.SyntaxError](err); ok {
		return badForm(err)
	}
	return in.error(err)
}

// A checkedReader reads a body within its limits.
type checkedReader struct {
	in *intake
	n  int64
}

func (r *checkedReader) Read(p []byte) (int, error) {
	n, err := r.in.r.Read(p)
	r.n += int64(n)
	if tooMuch := r.in.check(r.n); tooMuch != nil {
		return 0, tooMuch
	}
	return n, err
}

// badForm is the refusal of a form that cannot be read.
func badForm(err error) error {
	e := &llm.Error{Code: llm.CodeInvalidMultipart, Op: "gateway.read"}
	if s, ok := errors.AsType[*form.SyntaxError](err); ok {
		e.Public, e.Param = "the request body is not a valid form: "+s.Msg, s.Part
	}
	return e
}

// notStored is the refusal of a form whose files find no place.
func notStored(err error) error {
	if errors.Is(err, spool.ErrFull) {
		return &llm.Error{
			Code: llm.CodeOverloaded, Op: "gateway.spool", Err: err,
			Public: "too many uploads are on disk; try again in 1s",
		}
	}
	return &llm.Error{Code: llm.CodeInternal, Op: "gateway.spool", Err: err}
}

func (u *upload) store(s *spool.Spool) (form.Store, error) {
	f, err := s.Create()
	if err != nil {
		return nil, err
	}
	u.file = f
	return f, nil
}

func (u *upload) reserve(n int64) error {
	if err := u.mem.reserve(n); err != nil {
		return err
	}
	u.reserved += n
	return nil
}

// send sends the form to up, for the model that call names: through a fresh
// reader each time.
func (u *upload) send(ctx context.Context, up *upstream.Upstream, call *upstream.Call) (*upstream.Answer, error) {
	body := u.form.Encode("model", call.Model)
	s := &source{r: body.Reader}
	call.Content = &upstream.Content{Reader: s, Length: body.Length, Type: body.Type}
	u.mu.Lock()
	u.attempts++
	u.sent = false
	attempt := u.attempts
	u.mu.Unlock()
	call.Sent = func() { u.wasSent(attempt) }
	answer, err := up.Do(ctx, call)
	if err == nil {
		return answer, nil
	}
	if cause := s.failed.Load(); cause != nil {
		return nil, &llm.Error{Code: llm.CodeInternal, Op: "gateway.spool", Err: *cause}
	}
	return nil, err
}

// A source is a body that remembers whether reading it has failed: whoever
// sends it would blame the upstream.
type source struct {
	r      io.Reader
	failed atomic.Pointer[error]
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	if err != nil && !atEnd(err) {
		s.failed.Store(&err)
	}
	return n, err
}

// wasSent notes that the transport reads nothing more for an attempt.
func (u *upload) wasSent(attempt int) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if attempt != u.attempts {
		return // it was given up, and another is under way
	}
	if u.sent = true; u.last {
		u.end()
	}
}

// release says that no further attempt will need the upload: it ends as soon as
// the last has been sent it.
func (u *upload) release() {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.last = true; u.sent {
		u.end()
	}
}

// close ends the upload. An upstream that has answered before it has read
// everything gets no more.
func (u *upload) close() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.end()
}

// end gives everything back. It is called with mu held, and may be called
// again.
func (u *upload) end() {
	u.mem.used.Add(-u.reserved)
	u.reserved = 0
	if u.file != nil {
		_ = u.file.Close() // nobody needs what is in it
		u.file = nil
	}
}
