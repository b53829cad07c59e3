package form_test

import (
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/weir-gateway/weir/internal/form"
)

// FuzzForm checks of every form that is taken that it does not matter how it
// is cut, that the standard library finds the same parts in it, and that what
// is encoded holds the same parts again.
func FuzzForm(f *testing.F) {
	f.Add(value("model", "m")+file("file", "a.wav", "RIFF")+end, boundary)
	f.Add("\r\n"+file("f", `a\"b\\c`, "--B\n--B--\n\r\n--")+"--B \r\nContent-Disposition: form-data; name=x; filename*=utf-8''%C3%A9\r\nContent-Type: a/b\r\n\r\n\r\n--B--", boundary)
	f.Add(strings.Repeat(value("a", "\r\n"), 65)+end, boundary)
	f.Add("--a'b\r\nContent-Disposition:form-data;name=\"x;y=z\"\r\nContent-Transfer-Encoding: binary\r\n\r\n--\r\n--a'b--\r\n", "a'b")
	f.Fuzz(func(t *testing.T, body, boundary string) {
		o := options()
		var err error
		if o.Boundary, err = form.Boundary(`multipart/form-data; boundary="` + boundary + `"`); err != nil {
			return
		}
		got, err := form.Read(strings.NewReader(body), o)
		pieces, err2 := form.Read(iotest.HalfReader(strings.NewReader(body)), o)
		if (err == nil) != (err2 == nil) || err != nil && err.Error() != err2.Error() {
			t.Fatalf("read at once: %v, in pieces: %v", err, err2)
		}
		const mark = "a-mark"
		if err != nil || named(got, mark) {
			return
		}
		want := parts(t, got, mark, "x")
		if diff := cmp.Diff(want, parts(t, pieces, mark, "x")); diff != "" {
			t.Fatalf("cut otherwise, the parts differ:\n%s", diff)
		}
		agree(t, want[1:], body, o.Boundary)
		encoded := got.Encode(mark, "x")
		if o.Boundary, err = form.Boundary(encoded.Type); err != nil {
			t.Fatal(err)
		}
		second, err := form.Read(encoded.Reader, o)
		if err != nil {
			if len(got.Parts) == form.MaxParts { // with the mark they are too many
				return
			}
			t.Fatalf("what was encoded is refused: %v", err)
		}
		if diff := cmp.Diff(want, parts(t, second, mark, "x")); diff != "" {
			t.Fatalf("read again, the parts differ:\n%s", diff)
		}
	})
}

// agree checks that the standard library finds these parts in a body. File
// names it decodes in a way of its own.
func agree(t *testing.T, want []part, body, boundary string) {
	t.Helper()
	r := multipart.NewReader(strings.NewReader(body), boundary)
	for i := 0; ; i++ {
		p, err := r.NextRawPart()
		if errors.Is(err, io.EOF) && i == len(want) {
			return
		}
		if err != nil || i >= len(want) {
			t.Fatalf("the standard library finds after %d of %d parts: %v", i, len(want), err)
		}
		content, err := io.ReadAll(p)
		if err != nil {
			t.Fatalf("part %d, the standard library: %v", i, err)
		}
		_, params, err := mime.ParseMediaType(p.Header.Get("Content-Disposition"))
		if err != nil && !want[i].File { // a file's name may be one that it cannot read
			t.Fatalf("part %d, the standard library: %v", i, err)
		}
		if err == nil && params["name"] != want[i].Name || string(content) != want[i].Content {
			t.Fatalf("the standard library finds part %q %q, want %q %q", params["name"], content, want[i].Name, want[i].Content)
		}
	}
}

func named(f *form.Form, name string) bool {
	return slices.ContainsFunc(f.Parts, func(p form.Part) bool { return p.Name == name })
}
