package form_test

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/weir-gateway/weir/internal/form"
)

// store is a Store in memory.
type store struct{ b []byte }

func (s *store) Write(p []byte) (int, error) {
	s.b = append(s.b, p...)
	return len(p), nil
}

func (s *store) ReadAt(p []byte, off int64) (int, error) { return bytes.NewReader(s.b).ReadAt(p, off) }

const boundary = "B"

func options() form.Options {
	return form.Options{
		Boundary: boundary,
		Once:     []string{"model", "stream"},
		Store:    func() (form.Store, error) { return &store{}, nil },
	}
}

// lines joins lines with CRLF.
func lines(s ...string) string { return strings.Join(s, "\r\n") }

// value is one part with these further lines in its head.
func value(name, content string, head ...string) string {
	return lines(append([]string{"--B", `Content-Disposition: form-data; name="` + name + `"`}, append(head, "", content, "")...)...)
}

func file(name, filename, content string) string {
	return lines("--B", `Content-Disposition: form-data; name="`+name+`"; filename="`+filename+`"`, "Content-Type: audio/wav", "", content, "")
}

const end = "--B--\r\n"

// A part is what a test wants to know of one.
type part struct {
	Name     string
	File     bool
	Filename string
	Type     string
	Content  string
}

// parts returns the parts of f as the standard library reads what f encodes.
func parts(t testing.TB, f *form.Form, set, to string) []part {
	t.Helper()
	body := f.Encode(set, to)
	encoded, err := io.ReadAll(body.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if int64(len(encoded)) != body.Length {
		t.Errorf("%d bytes are encoded, and Length is %d", len(encoded), body.Length)
	}
	_, params, err := mime.ParseMediaType(body.Type)
	if err != nil {
		t.Fatalf("Type = %q: %v", body.Type, err)
	}
	r := multipart.NewReader(bytes.NewReader(encoded), params["boundary"])
	var all []part
	for {
		p, err := r.NextRawPart()
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatalf("the standard library does not read what was encoded: %v\n%s", err, encoded)
		}
		content, err := io.ReadAll(p)
		if err != nil {
			t.Fatal(err)
		}
		_, disposition, err := mime.ParseMediaType(p.Header.Get("Content-Disposition"))
		if err != nil {
			t.Fatal(err)
		}
		name, isFile := disposition["filename"]
		all = append(all, part{p.FormName(), isFile, name, p.Header.Get("Content-Type"), string(content)})
	}
}

func TestRead(t *testing.T) {
	long := strings.Repeat("a long value ", 10_000)
	huge := strings.Repeat("\r\n--", 100_000) + "\r\n--b\n--B\n--B--\n"
	for _, tt := range []struct {
		name, body string
		want       []part
	}{
		{"a value and a file", value("model", "m") + file("file", "a.wav", "RIFF") + end, []part{{"model", false, "", "", "new"}, {"file", true, "a.wav", "audio/wav", "RIFF"}}},
		{"the model last", file("file", "a.wav", "") + value("model", "m") + end, []part{{"file", true, "a.wav", "audio/wav", ""}, {"model", false, "", "", "new"}}},
		{"no model", value("prompt", "p") + end, []part{{"model", false, "", "", "new"}, {"prompt", false, "", "", "p"}}},
		{"no part", end, []part{{"model", false, "", "", "new"}}},
		{"no line end behind the form", value("a", "b") + "--B--", []part{{"model", false, "", "", "new"}, {"a", false, "", "", "b"}}},
		{"white space around boundaries", "\r\n" + value("a", "b") + "--B \t\r\nContent-Disposition: form-data; name=c\r\n\r\n\r\n--B-- \r\n\r\n", []part{{"model", false, "", "", "new"}, {"a", false, "", "", "b"}, {"c", false, "", "", ""}}},
		{"a long value", value("prompt", long) + value("model", "m") + end, []part{{"prompt", false, "", "", long}, {"model", false, "", "", "new"}}},
		{"what looks like boundaries", file("file", "x", huge) + end, []part{{"model", false, "", "", "new"}, {"file", true, "x", "audio/wav", huge}}},
		{"one name several times", value("include[]", "a") + value("include[]", "b") + end, []part{{"model", false, "", "", "new"}, {"include[]", false, "", "", "a"}, {"include[]", false, "", "", "b"}}},
		{"further headers", value("a", "b", "Content-Type: text/plain; charset=utf-8", "Content-Length: 7", "content-transfer-encoding: 8BIT", "X-Y: z") + end, []part{{"model", false, "", "", "new"}, {"a", false, "", "text/plain; charset=utf-8", "b"}}},
		{"a file's name is empty", file("file", "", "x") + end, []part{{"model", false, "", "", "new"}, {"file", true, "", "audio/wav", "x"}}},
		{"a file's name is hostile", file("file", `a\"; name=\"model\\\x.wav`, "x") + end, []part{{"model", false, "", "", "new"}, {"file", true, `a%22; name=%22model%5C%5Cx.wav`, "audio/wav", "x"}}},
		{"a file's name in UTF-8", file("file", "é😀 %22.wav", "x") + end, []part{{"model", false, "", "", "new"}, {"file", true, "é😀 %22.wav", "audio/wav", "x"}}},
		{"a file's name twice, as .NET writes it", "--B\r\nContent-Type: audio/wav\r\nContent-Disposition: form-data; name=file; filename=a.wav; filename*=utf-8''%C3%A9.wav\r\n\r\nx\r\n" + end, []part{{"model", false, "", "", "new"}, {"file", true, "é.wav", "audio/wav", "x"}}},
		{"tokens", "--B\r\nCONTENT-DISPOSITION:Form-Data;NAME=a\r\n\r\nb\r\n" + end, []part{{"model", false, "", "", "new"}, {"a", false, "", "", "b"}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for how, src := range map[string]io.Reader{
				"at once": strings.NewReader(tt.body), "by bytes": iotest.OneByteReader(strings.NewReader(tt.body)),
				"end with data": iotest.DataErrReader(strings.NewReader(tt.body)),
			} {
				f, err := form.Read(src, options())
				if err != nil {
					t.Fatalf("%s: Read = %v", how, err)
				}
				for range 2 { // every reader is fresh
					if diff := cmp.Diff(tt.want, parts(t, f, "model", "new")); diff != "" {
						t.Errorf("%s: parts differ (-want +got):\n%s", how, diff)
					}
				}
			}
		})
	}
}

func TestRefused(t *testing.T) {
	head := func(lines ...string) string { return "--B\r\n" + strings.Join(lines, "\r\n") + "\r\n\r\nx\r\n" + end }
	for _, tt := range []struct{ name, body, want, part string }{
		{"nothing", "", "the body is empty", ""},
		{"another boundary", "--C\r\n", "does not begin with the boundary", ""},
		{"a preamble", "hello\r\n" + value("a", "b") + end, "does not begin with the boundary", ""},
		{"an epilogue", value("a", "b") + end + "hello", "behind the closing boundary", ""},
		{"a second form", value("a", "b") + end + value("model", "m") + end, "behind the closing boundary", ""},
		{"cut in a boundary", value("a", "b") + "--", "ends before its closing boundary", "a"},
		{"cut behind a boundary", value("a", "b") + "--B", "ends before its closing boundary", "a"},
		{"cut in a head", value("a", "b") + "--B\r\nContent-Disp", "ends before its closing boundary", ""},
		{"cut in content", "--B\r\nContent-Disposition: form-data; name=a\r\n\r\nhello", "ends before its closing boundary", "a"},
		{"line feeds alone", strings.ReplaceAll(value("a", "b")+end, "\r\n", "\n"), "lines end in CRLF", ""},
		{"line feeds in a head", "--B\r\nContent-Disposition: form-data; name=a\nX: y\r\n\r\nb\r\n" + end, "control character", ""},
		{"something behind a boundary", "--Bx\r\n", "something else stands on the line of a boundary", ""},
		{"a boundary that begins like ours", value("a", "b\r\n--Bx") + end, "something else stands on the line of a boundary", "a"},
		{"no content at all", "--B\r\nContent-Disposition: form-data; name=a\r\n\r\n" + end, "content begins with the boundary", "a"},
		{"no head", "--B\r\n\r\nx\r\n" + end, "no head", ""},
		{"no disposition", head("Content-Type: text/plain"), "no Content-Disposition", ""},
		{"an attachment", head(`Content-Disposition: attachment; name="a"`), "not form-data", ""},
		{"two dispositions", head(`Content-Disposition: form-data; name="a"`, `Content-Disposition: form-data; name="model"`), "two headers", ""},
		{"two types", head(`Content-Disposition: form-data; name="a"`, "Content-Type: a/b", "Content-Type: a/b"), "two headers", ""},
		{"folded", head("Content-Disposition: form-data;", ` name="a"`), "visible ASCII", ""},
		{"folded otherwise", head("Content-Disposition: form-data", ` ; name="a"`), "visible ASCII", ""},
		{"a space before the colon", head(`Content-Disposition : form-data; name="a"`), "no header", ""},
		{"no name", head("Content-Disposition: form-data"), "visible ASCII", ""},
		{"an empty name", head(`Content-Disposition: form-data; name=""`), "visible ASCII", ""},
		{"an escaped name", head(`Content-Disposition: form-data; name="%6dodel"`), "visible ASCII", ""},
		{"a quoted name", head(`Content-Disposition: form-data; name="mo\del"`), "visible ASCII", ""},
		{"a name in UTF-8", head(`Content-Disposition: form-data; name="é"`), "visible ASCII", ""},
		{"a long name", head(`Content-Disposition: form-data; name="` + strings.Repeat("n", 129) + `"`), "visible ASCII", ""},
		{"an extended name", head(`Content-Disposition: form-data; name="a"; name*=utf-8''model`), "name*", ""},
		{"two names", head(`Content-Disposition: form-data; name="a"; name="model"`), "twice", ""},
		{"the same name twice", head(`Content-Disposition: form-data; name=a; NAME=a`), "twice", ""},
		{"open quotes", head(`Content-Disposition: form-data; name="a`), "not closed", ""},
		{"something behind the quotes", head(`Content-Disposition: form-data; name="a"b; x=y`), "something stands behind", ""},
		{"no quotes", head(`Content-Disposition: form-data; name=a b`), "something stands behind", ""},
		{"quotes in the middle", head(`Content-Disposition: form-data; name=a"b"`), "needs quotes", ""},
		{"no value", head(`Content-Disposition: form-data; name=; x=y`), "needs quotes", ""},
		{"no parameter", head(`Content-Disposition: form-data; name`), "name=value", ""},
		{"NUL", head("Content-Disposition: form-data; name=a; filename=\"a\x00.wav\""), "control character", ""},
		{"not UTF-8", head("Content-Disposition: form-data; name=a; filename=\"\xff\""), "not UTF-8", ""},
		{"a long file name", head(`Content-Disposition: form-data; name="a"; filename="` + strings.Repeat("n", 1025) + `"`), "too long", "a"},
		{"a file name in another character set", head(`Content-Disposition: form-data; name="a"; filename*=utf-16''a`), "filename*", "a"},
		{"a file name with a line end", head(`Content-Disposition: form-data; name="a"; filename*=utf-8''%0d%0aX`), "filename*", "a"},
		{"a file name of several pieces", head(`Content-Disposition: form-data; name="a"; filename*0="x"; filename="y"; filename="z"`), "twice", ""},
		{"base64", head(`Content-Disposition: form-data; name="a"`, "Content-Transfer-Encoding: base64"), "as it is", ""},
		{"quoted-printable", head(`Content-Disposition: form-data; name="a"`, "Content-Transfer-Encoding: Quoted-Printable"), "as it is", ""},
		{"a form within", head(`Content-Disposition: form-data; name="a"`, "Content-Type: multipart/mixed; boundary=C"), "form of its own", ""},
		{"a type that is none", head(`Content-Disposition: form-data; name="a"`, "Content-Type: text"), "not a media type", ""},
		{"a long head", head(`Content-Disposition: form-data; name="a"`, "X: "+strings.Repeat("y", form.MaxHead)), "head is longer", ""},
		{"a long value", value("a", strings.Repeat("x", form.MaxValue+1)) + end, "longer than 4194304 bytes", "a"},
		{"a long model", value("model", strings.Repeat("x", 1025)) + end, "longer than 1024 bytes", "model"},
		{"too many parts", strings.Repeat(value("a", ""), form.MaxParts+1) + end, "more than 64 parts", ""},
		{"two models", value("model", "m") + value("x", "y") + value("model", "m") + end, "there twice", "model"},
		{"a model that is a file", file("model", "m", "m") + end, "must be a value", "model"},
		{"a model that is a file without a name", file("model", "", "m") + end, "must be a value", "model"},
		{"a second model in another case", value("Model", "m") + end, "could be taken for `model`", "Model"},
		{"a model in brackets", value("model[]", "m") + end, "could be taken for `model`", "model[]"},
		{"a character set for all", value("_charset_", "utf-7") + end, "_charset_", "_charset_"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := form.Read(strings.NewReader(tt.body), options())
			e, ok := errors.AsType[*form.SyntaxError](err)
			if !ok || !strings.Contains(e.Msg, tt.want) || e.Part != tt.part {
				t.Errorf("Read = %+v, want a syntax error with %q about %q", err, tt.want, tt.part)
			}
		})
	}
}

func TestMostParts(t *testing.T) {
	f, err := form.Read(strings.NewReader(strings.Repeat(value("a", "x"), form.MaxParts)+end), options())
	if err != nil || len(f.Parts) != form.MaxParts {
		t.Errorf("Read = %v, want %d parts", err, form.MaxParts)
	}
}

// TestOthersErrors are those of the reader, the store and the budget: they come
// out as they are, or marked as the store's.
func TestOthersErrors(t *testing.T) {
	boom := errors.New("boom")
	body := value("model", "m") + file("file", "a", strings.Repeat("x", 100_000)) + end
	for _, cut := range []int{0, 1, 20, 200, 5000, len(body) - 1} {
		_, err := form.Read(io.MultiReader(strings.NewReader(body[:cut]), iotest.ErrReader(boom)), options())
		if !errors.Is(err, boom) {
			t.Errorf("cut at %d, Read = %v, want the reader's error", cut, err)
		}
	}
	o := options()
	o.Store = func() (form.Store, error) { return nil, boom }
	_, err := form.Read(strings.NewReader(body), o)
	if _, ok := errors.AsType[*form.StoreError](err); !ok || !errors.Is(err, boom) {
		t.Errorf("Read = %v, want a store error", err)
	}
	o = options()
	o.Memory = func(n int64) error { return boom }
	if _, err := form.Read(strings.NewReader(body), o); !errors.Is(err, boom) {
		t.Errorf("Read = %v, want the budget's error", err)
	}
}

func TestValue(t *testing.T) {
	f, err := form.Read(strings.NewReader(value("x", "y")+value("model", " m\r\n")+end), options())
	if err != nil {
		t.Fatal(err)
	}
	if got, ok := f.Value("model"); !ok || got != " m\r\n" {
		t.Errorf("Value(model) = %q, %v, want it as it came", got, ok)
	}
	if got, ok := f.Value("stream"); ok || got != "" {
		t.Errorf("Value(stream) = %q, %v, want none", got, ok)
	}
}

func TestBoundary(t *testing.T) {
	for _, tt := range []struct{ header, want, fault string }{
		{"multipart/form-data; boundary=B", "B", ""},
		{`Multipart/Form-Data;BOUNDARY="----a b?"; charset=utf-8`, "----a b?", ""},
		{"multipart/form-data; boundary=----=_Part_1_2.3", "----=_Part_1_2.3", ""},
		{"multipart/form-data", "", "no boundary"},
		{`multipart/form-data; boundary=""`, "", "no boundary"},
		{"multipart/mixed; boundary=B", "", "not multipart/form-data"},
		{"multipart/form-data; boundary=a; boundary=b", "", "twice"},
		{"multipart/form-data; boundary=a; boundary=a", "", "twice"},
		{"multipart/form-data; boundary*=utf-8''a; boundary=b", "", "boundary*"},
		{`multipart/form-data; boundary="a\"b"`, "", "RFC 2046"},
		{`multipart/form-data; boundary="a\b"`, "", "RFC 2046"},
		{`multipart/form-data; boundary="a `, "", "not closed"},
		{`multipart/form-data; boundary="a "`, "", "RFC 2046"},
		{"multipart/form-data; boundary=" + strings.Repeat("b", 71), "", "RFC 2046"},
		{"multipart/form-data; boundary=é", "", "RFC 2046"},
		{"multipart/form-data; boundary=a;", "", "semicolon"},
	} {
		got, err := form.Boundary(tt.header)
		if got != tt.want || (err == nil) != (tt.fault == "") || err != nil && !strings.Contains(err.Error(), tt.fault) {
			t.Errorf("Boundary(%q) = %q, %v, want %q, %q", tt.header, got, err, tt.want, tt.fault)
		}
	}
}
