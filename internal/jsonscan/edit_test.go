package jsonscan_test

import (
	"testing"

	"github.com/weir-gateway/weir/internal/jsonscan"
)

func TestSplice(t *testing.T) {
	edit := func(start, end int, text string) jsonscan.Edit {
		return jsonscan.Edit{Span: jsonscan.Span{Start: start, End: end}, Text: []byte(text)}
	}
	for _, tt := range []struct {
		name  string
		edits []jsonscan.Edit
		want  string
	}{
		{"no edit", nil, "0123456789"},
		{"a replacement", []jsonscan.Edit{edit(3, 5, "xyz")}, "012xyz56789"},
		{"a removal", []jsonscan.Edit{edit(3, 5, "")}, "01256789"},
		{"an insertion", []jsonscan.Edit{edit(3, 3, "x")}, "012x3456789"},
		{"both ends", []jsonscan.Edit{edit(0, 1, "x"), edit(9, 10, "y")}, "x12345678y"},
		{"before and after all", []jsonscan.Edit{edit(0, 0, "x"), edit(10, 10, "y")}, "x0123456789y"},
		{"side by side", []jsonscan.Edit{edit(2, 4, "x"), edit(4, 4, "y"), edit(4, 6, "z")}, "01xyz6789"},
		{"all of it", []jsonscan.Edit{edit(0, 10, "x")}, "x"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			src := []byte("0123456789")
			if got := string(jsonscan.Splice([]byte("dst:"), src, tt.edits...)); got != "dst:"+tt.want {
				t.Errorf("Splice() = %q, want %q", got, "dst:"+tt.want)
			}
			if string(src) != "0123456789" {
				t.Errorf("Splice changed its source to %q", src)
			}
		})
	}
	for _, tt := range []struct {
		name  string
		edits []jsonscan.Edit
	}{
		{"out of order", []jsonscan.Edit{edit(5, 6, ""), edit(1, 2, "")}},
		{"overlapping", []jsonscan.Edit{edit(1, 4, ""), edit(3, 5, "")}},
		{"inside out", []jsonscan.Edit{edit(5, 4, "")}},
		{"past the end", []jsonscan.Edit{edit(9, 11, "")}},
		{"before the beginning", []jsonscan.Edit{edit(-1, 1, "")}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("Splice did not panic")
				}
			}()
			jsonscan.Splice(nil, []byte("0123456789"), tt.edits...)
		})
	}
}

func TestInsertMember(t *testing.T) {
	p := jsonscan.Compile(jsonscan.Spec{Watch: []string{"o"}})
	for _, tt := range []struct{ name, src, top, inner string }{
		{"an empty object", `{}`, `{"m":1}`, ""},
		{"an empty object with white space", " {\n\t} ", " {\n\t\"m\":1} ", ""},
		{"a member before it", `{"a":1}`, `{"a":1,"m":1}`, ""},
		{"white space kept", "{ \"a\" : 1\n}\n", "{ \"a\" : 1\n,\"m\":1}\n", ""},
		{"an object in it", `{"o":{}}`, `{"o":{},"m":1}`, `{"o":{"m":1}}`},
		{"an object with members in it", `{"o":{"a":{}},"b":2}`, `{"o":{"a":{}},"b":2,"m":1}`, `{"o":{"a":{},"m":1},"b":2}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			src := []byte(tt.src)
			r, err := p.Scan(src, nil)
			if err != nil {
				t.Fatal(err)
			}
			if got := string(jsonscan.Splice(nil, src, jsonscan.InsertMember(src, r.Object, []byte(`"m":1`)))); got != tt.top {
				t.Errorf("inserting into %q = %q, want %q", tt.src, got, tt.top)
			}
			if h, ok := r.First(0); ok {
				if got := string(jsonscan.Splice(nil, src, jsonscan.InsertMember(src, h.Span, []byte(`"m":1`)))); got != tt.inner {
					t.Errorf("inserting into o of %q = %q, want %q", tt.src, got, tt.inner)
				}
			}
		})
	}
}

func TestQuote(t *testing.T) {
	for _, tt := range []struct{ name, in, want string }{
		{"empty", "", `""`},
		{"plain", "gpt-5", `"gpt-5"`},
		{"what must be escaped", "a\"b\\c\nd\x00", `"a\"b\\c\nd\u0000"`},
		{"what need not be", "é😀/<>&\u2028", "\"é😀/<>&\u2028\""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := string(jsonscan.AppendQuote([]byte("x"), tt.in))
			if got != "x"+tt.want {
				t.Errorf("AppendQuote(%q) = %s, want x%s", tt.in, got, tt.want)
			}
			if back, err := jsonscan.Unquote([]byte(got[1:])); err != nil || back != tt.in {
				t.Errorf("Unquote(%s) = %q, %v, want %q", got[1:], back, err, tt.in)
			}
		})
	}
	t.Run("invalid UTF-8 is replaced", func(t *testing.T) {
		if got, want := string(jsonscan.AppendQuote(nil, "a\xffb")), "\"a\ufffdb\""; got != want {
			t.Errorf("AppendQuote() = %q, want %q", got, want)
		}
	})
}

func TestUnquote(t *testing.T) {
	for _, tt := range []struct {
		name, in, want string
		ok             bool
	}{
		{"every escape", `"\"\\\/\b\f\n\r\t\u0041\ud83d\ude00"`, "\"\\/\b\f\n\r\tA😀", true},
		{"no string", `1`, "", false},
		{"nothing", ``, "", false},
		{"no quotes", `abc`, "", false},
		{"more after it", `"a" `, "", false},
		{"cut", `"a`, "", false},
		{"a lone surrogate", `"\ud800"`, "", false},
		{"invalid UTF-8", "\"\xff\"", "", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := jsonscan.Unquote([]byte(tt.in))
			if got != tt.want || (err == nil) != tt.ok {
				t.Errorf("Unquote(%q) = %q, %v, want %q, ok %t", tt.in, got, err, tt.want, tt.ok)
			}
		})
	}
}

func TestRemoveMembers(t *testing.T) {
	p := jsonscan.Compile(jsonscan.Spec{Watch: []string{"a", "b", "c", "d", "o.a", "o.b"}})
	for _, tt := range []struct{ name, src, want string }{
		{"nothing", `{"x":1}`, `{"x":1}`},
		{"the first", `{"a":1,"x":2}`, `{"x":2}`},
		{"the last", `{"x":2,"a":1}`, `{"x":2}`},
		{"one between", `{"x":2,"a":1,"y":3}`, `{"x":2,"y":3}`},
		{"white space", "{ \"x\" : 2 ,\n\t\"a\" : [1, 2] ,\r\n \"y\" : 3 }", "{ \"x\" : 2 ,\n\t\"y\" : 3 }"},
		{"white space at the end", "{ \"x\" : 2 ,\n\t\"a\" : {} }", "{ \"x\" : 2  }"},
		{"neighbours at the beginning", `{"a":1,"b":2,"x":3}`, `{"x":3}`},
		{"neighbours at the end", `{"x":3, "a":1,"b":2, "c":"3"}`, `{"x":3}`},
		{"neighbours between, and one apart", `{"x":3,"a":1,"b":2,"y":4,"c":5}`, `{"x":3,"y":4}`},
		{"each second one", `{"a":1,"x":1,"b":2,"y":2,"c":3,"z":3,"d":4}`, `{"x":1,"y":2,"z":3}`},
		{"names with escapes", `{"x":1,"\u0061":"\"","\u0062":2}`, `{"x":1}`},
		{"strings that look like members", `{"x":"\"a\":1,","a":"\"b\":2","y":"}"}`, `{"x":"\"a\":1,","y":"}"}`},
		{"all", `{"a":1, "b":2}`, `{}`},
		{"of an object inside", `{"a":1,"o":{"a":1,"z":[],"b":2}}`, `{"o":{"z":[]}}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			src := []byte(tt.src)
			found, err := p.Scan(src, nil)
			if err != nil {
				t.Fatal(err)
			}
			var outer, inner []jsonscan.Span
			for _, h := range found.Hits {
				if h.Path >= 4 {
					inner = append(inner, h.Span)
				} else {
					outer = append(outer, h.Span)
				}
			}
			edits, left := jsonscan.RemoveMembers(src, outer...)
			within, _ := jsonscan.RemoveMembers(src, inner...)
			got := string(jsonscan.Splice(nil, src, append(edits, within...)...))
			if got != tt.want || left != (tt.want != "{}") {
				t.Errorf("got %s, %v; want %s", got, left, tt.want)
			}
		})
	}
}

func TestName(t *testing.T) {
	p := jsonscan.Compile(jsonscan.Spec{Watch: []string{"a"}})
	for src, want := range map[string]string{
		`{"a":1}`:                     `"a"`,
		`{"x":"\"a\":2","a" : "\"b"}`: `"a"`,
		"{\"\\u0061\"\n:\t[\"a\"]}":   `"\u0061"`,
	} {
		found, err := p.Scan([]byte(src), nil)
		if err != nil {
			t.Fatal(err)
		}
		at := jsonscan.Name([]byte(src), found.Hits[0].Span)
		if got := src[at.Start:at.End]; got != want {
			t.Errorf("%s: the name is %s, want %s", src, got, want)
		}
	}
}
