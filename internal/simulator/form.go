package simulator

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"slices"
	"strings"
	"unicode/utf8"
)

// maxParts bounds the parts of a form.
const maxParts = 64

// A part is one part of a form.
type part struct {
	name     string
	filename string
	media    string // its Content-Type, as it came
	isFile   bool
	data     []byte
	sha256   string // hex
}

// A form is the parts of a multipart body in their order.
type form []part

// fields are the names that a form may have, separated by spaces. Each may come
// once, but for lists, which may come often and with [] behind the name.
type fields struct{ files, texts, lists string }

// The fields whose text stands for something else than a string.
const (
	numbers = "n partial_images output_compression temperature"
	flags   = "stream"
)

// readForm splits the body into its parts, strictly: nothing before the first
// boundary and nothing after the last, no encoding of single parts.
func (x *exchange) readForm() error {
	f, err := parseForm(x.body, x.boundary)
	if err != nil {
		return err
	}
	x.form = f
	shown := make([]Part, len(f))
	for i, p := range f {
		shown[i] = Part{Name: p.name, Filename: p.filename, Type: p.media, Size: len(p.data), SHA256: p.sha256}
		if !p.isFile {
			shown[i].Text = clip(string(p.data), echoLimit)
		}
	}
	x.sim.served.update(x.rec, func(r *Record) { r.Parts = shown })
	return nil
}

// parseForm returns the parts of body. What it returns as an error is a *fault.
func parseForm(body []byte, boundary string) (form, error) {
	end := "--" + boundary + "--"
	if !bytes.HasPrefix(body, []byte("--"+boundary)) || !bytes.HasSuffix(bytes.TrimSuffix(body, []byte("\r\n")), []byte(end)) {
		return nil, invalid("", "The form does not begin and end with its boundary.")
	}
	var f form
	for r := multipart.NewReader(bytes.NewReader(body), boundary); ; {
		p, err := r.NextRawPart()
		if errors.Is(err, io.EOF) {
			return f, nil
		}
		if err != nil {
			return nil, invalid("", "The form is broken: "+err.Error()+".")
		}
		if len(f) == maxParts {
			return nil, invalid("", fmt.Sprintf("The form has more than %d parts.", maxParts))
		}
		one, err := readPart(p)
		if err != nil {
			return nil, err
		}
		f = append(f, one)
	}
}

func readPart(p *multipart.Part) (part, error) {
	data, err := io.ReadAll(p)
	if err != nil {
		return part{}, invalid("", "The form is broken: "+err.Error()+".")
	}
	sum := sha256.Sum256(data)
	one := part{
		name: p.FormName(), filename: p.FileName(), media: p.Header.Get("Content-Type"), data: data, sha256: hex.EncodeToString(sum[:]),
		isFile: p.FileName() != "",
	}
	switch {
	case one.name == "":
		return part{}, invalid("", "A part of the form has no name.")
	case p.Header.Get("Content-Transfer-Encoding") != "":
		return part{}, invalid(one.name, "A part of the form has a Content-Transfer-Encoding.")
	case !utf8.ValidString(one.name + one.filename + one.media), !one.isFile && !utf8.Valid(data):
		return part{}, invalid("", "A part of the form that is no file is not valid UTF-8.")
	}
	return one, nil
}

// check refuses parts that are not among the fields, or come twice.
func (f form) check(k *checker, allowed fields) {
	seen := make(map[string]bool)
	for _, p := range f {
		name := p.name
		isList := hasWord(allowed.lists, strings.TrimSuffix(name, "[]"))
		isFile, isText := hasWord(allowed.files, name), hasWord(allowed.texts, name)
		switch {
		case !isFile && !isText && !isList:
			k.failCode("unknown_parameter", name, "Unknown parameter: '%s'.", name)
		case seen[name] && !isList:
			k.failCode("duplicate_parameter", name, "Duplicate parameter: '%s'.", name)
		case p.isFile && isText:
			k.fail(name, "Invalid type for '%s': expected text, but got a file.", name)
		case !p.isFile && isFile:
			k.fail(name, "Invalid type for '%s': expected a file with a filename, but got text.", name)
		}
		seen[name] = true
	}
}

// files returns the files called name or name[].
func (f form) files(name string) []part {
	return slices.DeleteFunc(slices.Clone(f), func(p part) bool { return !p.isFile || strings.TrimSuffix(p.name, "[]") != name })
}

// object returns the text parts as members, so that they are checked like
// those of a JSON body: lists are arrays, numbers and flags what they look
// like.
func (f form) object(allowed fields) object {
	o := object{}
	for _, p := range f {
		name := strings.TrimSuffix(p.name, "[]")
		switch {
		case p.isFile:
		case hasWord(allowed.lists, name):
			if o.get(name) == nil {
				o = append(o, member{name, f.list(name)})
			}
		case hasWord(numbers, name) && json.Valid(p.data) && value(p.data).isNumber(),
			hasWord(flags, name) && (string(p.data) == "true" || string(p.data) == "false"):
			o = append(o, member{name, value(p.data)})
		default:
			o = append(o, member{name, value(quote(string(p.data)))})
		}
	}
	return o
}

func (f form) list(name string) value {
	b := []byte{'['}
	for _, p := range f {
		if strings.TrimSuffix(p.name, "[]") == name {
			b = appendString(append(b, openComma(len(b)-1, "")...), p.data)
		}
	}
	return append(b, ']')
}

// describe says what came, sorted by name, so that a client can see that it
// arrived unchanged: of a file its name, size and the start of its hash.
func (f form) describe() string {
	lines := make([]string, len(f))
	for i, p := range f {
		if p.isFile {
			lines[i] = fmt.Sprintf("%s=%s type=%s bytes=%d sha256=%s", p.name, clip(p.filename, 256), p.media, len(p.data), p.sha256[:12])
		} else {
			lines[i] = p.name + "=" + clip(string(p.data), 256)
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "; ")
}

// fields reads the form, or leaves a JSON body as it is.
func (x *exchange) fields(k *checker, allowed fields) {
	if x.boundary != "" && !x.m.early {
		x.form.check(k, allowed)
		x.req = x.form.object(allowed)
	}
}

// model returns the model that the path names, else the one of the request,
// else def; without def there must be one.
func (x *exchange) model(k *checker, def string) string {
	model := k.text(x.req, "model")
	switch {
	case x.deployment != "":
		return x.deployment
	case model == "" && def == "":
		return k.needText(x.req, "model")
	case model == "":
		return def
	}
	return model
}

// needFile returns the one file called name.
func (x *exchange) needFile(k *checker, name string) part {
	files := x.form.files(name)
	switch {
	case len(files) == 0:
		k.fail(name, "Missing required parameter: '%s'.", name)
		return part{}
	case len(files[0].data) == 0:
		k.fail(name, "Invalid '%s': the file is empty.", name)
	}
	return files[0]
}
