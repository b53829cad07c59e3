package form

import (
	"bytes"
	"crypto/rand"
	"io"
	"strings"
)

// A Body is a form as it is sent: a fresh reader of it.
type Body struct {
	Reader io.Reader
	Length int64  // in bytes
	Type   string // the Content-Type, which names the boundary
}

// Encode returns f as bytes, with the value called name set to value. It takes
// the place of the part of that name, which should be one, or goes in front of
// all others. Parts keep their order; their content is read from the store as
// the reader is.
func (f *Form) Encode(name, value string) Body {
	e := encoder{boundary: "weir-" + rand.Text()}
	set := Part{Name: name, Size: int64(len(value)), value: []byte(value), at: -1}
	if !f.has(name) {
		e.part(&set, nil)
	}
	for i := range f.Parts {
		if p := &f.Parts[i]; p.Name == name {
			e.part(&set, nil)
		} else {
			e.part(p, f.store)
		}
	}
	e.text("--" + e.boundary + "--\r\n")
	e.flush()
	return Body{
		Reader: io.MultiReader(e.readers...),
		Length: e.length,
		Type:   "multipart/form-data; boundary=" + e.boundary,
	}
}

type encoder struct {
	boundary string
	pending  bytes.Buffer // of text that has no reader yet
	readers  []io.Reader
	length   int64
}

func (e *encoder) text(s string) {
	e.pending.WriteString(s)
	e.length += int64(len(s))
}

// flush makes a reader of the pending text.
func (e *encoder) flush() {
	if e.pending.Len() > 0 {
		e.readers = append(e.readers, bytes.NewReader(bytes.Clone(e.pending.Bytes())))
		e.pending.Reset()
	}
}

func (e *encoder) part(p *Part, store io.ReaderAt) {
	e.text("--" + e.boundary + "\r\nContent-Disposition: form-data; name=\"" + p.Name + "\"")
	if p.File {
		e.text("; filename=\"" + quoted.Replace(p.Filename) + "\"")
	}
	e.text("\r\n")
	if p.Type != "" {
		e.text("Content-Type: " + p.Type + "\r\n")
	}
	e.text("\r\n")
	e.flush()
	if p.at < 0 {
		e.readers = append(e.readers, bytes.NewReader(p.value))
	} else {
		e.readers = append(e.readers, io.NewSectionReader(store, p.at, p.Size))
	}
	e.length += p.Size
	e.text("\r\n")
}

// quoted spells what would end a quoted string, or could be taken for an
// escape in it, as browsers do: there is no other way that all readers agree
// on. Control characters do not come here.
//
// Source: https://html.spec.whatwg.org/multipage/form-control-infrastructure.html#multipart-form-data
var quoted = strings.NewReplacer(`"`, "%22", `\`, "%5C") // immutable
