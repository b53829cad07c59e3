package jsontree_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weir-gateway/weir/internal/jsontree"
)

func parse(t testing.TB, src string) jsontree.Value {
	t.Helper()
	v, err := jsontree.Parse([]byte(src))
	if err != nil {
		t.Fatalf("Parse(%s): %v", src, err)
	}
	return v
}

func TestValue(t *testing.T) {
	v := parse(t, ` {"a":[1,{"b":"x\n\u00e9"},null,true,[]],"n":-1.5e1,"a\u0062":{"c":{}},"n":7,"big":9007199254740993} `)
	if got := v.Get("n").Raw(); string(got) != "7" {
		t.Errorf("n = %s, want the last of two, 7", got)
	}
	if n, ok := v.Get("big").Int(); !ok || n != 9007199254740993 {
		t.Errorf("big = %d, %v", n, ok)
	}
	if got := v.Get("ab").Get("c").Kind(); got != jsontree.Object {
		t.Errorf("ab.c has kind %d, want object", got)
	}
	var kinds []jsontree.Kind
	for i, e := range v.Get("a").Elements() {
		if i != len(kinds) {
			t.Errorf("element %d comes as %d", len(kinds), i)
		}
		kinds = append(kinds, e.Kind())
	}
	want := []jsontree.Kind{jsontree.Number, jsontree.Object, jsontree.Null, jsontree.Bool, jsontree.Array}
	if diff := cmp.Diff(want, kinds); diff != "" {
		t.Errorf("kinds of a (-want +got):\n%s", diff)
	}
	for _, e := range v.Get("a").Elements() {
		if b := e.Get("b"); b.Kind() != 0 && (b.Text() != "x\né" || !b.Is("x\né") || b.Is("x")) {
			t.Errorf("b = %q", b.Text())
		}
	}
	if v.Get("a").Len() != 5 || v.Len() != 5 || v.Get("n").Len() != 0 {
		t.Errorf("lengths %d, %d, %d; want 5, 5, 0", v.Get("a").Len(), v.Len(), v.Get("n").Len())
	}
	if name, found := v.Duplicate(); !found || name != "n" {
		t.Errorf("Duplicate() = %q, %v; want n", name, found)
	}
	if name, found := v.Get("a").Duplicate(); found {
		t.Errorf("Duplicate() of a = %q, want none", name)
	}
	absent := v.Get("no").Get("such").Get("member")
	if absent.Given() || absent.Raw() != nil || absent.Text() != "" || absent.True() || absent.Is("") {
		t.Error("what is absent says something")
	}
}

func TestSyntax(t *testing.T) {
	for _, tt := range []struct {
		src    string
		offset int
	}{
		{"", 0},
		{" ", 1},
		{"{", 1},
		{`{"a"}`, 4},
		{`{"a":}`, 5},
		{`{"a":1,}`, 7},
		{"[1 2]", 3},
		{"[1,]", 3},
		{"01", 1},
		{"-", 1},
		{"1.", 2},
		{"1e+", 3},
		{`"a`, 2},
		{"\"a\nb\"", 2},
		{`"\x"`, 1},
		{`"\u12g4"`, 1},
		{"nul", 0},
		{"1 2", 2},
		{"]", 0},
		{strings.Repeat("[", jsontree.MaxDepth+1), jsontree.MaxDepth},
		{"[" + strings.Repeat("1,", jsontree.MaxValues), 2*jsontree.MaxValues - 1},
	} {
		_, err := jsontree.Parse([]byte(tt.src))
		e, ok := errors.AsType[*jsontree.SyntaxError](err)
		if !ok || e.Offset != tt.offset {
			t.Errorf("Parse(%.20q) error = %v, want one at %d", tt.src, err, tt.offset)
		}
	}
}

func TestWriter(t *testing.T) {
	w := jsontree.NewWriter([]byte("data: "))
	w.Open('{').Name("a").Text("x\"\n").Name("b").Open('[').Int(-3).Bool(true).Null().Open('{').Close('}').Close(']').
		Name("c").Raw([]byte(`{"as":"is"}`)).Close('}')
	const want = `data: {"a":"x\"\n","b":[-3,true,null,{}],"c":{"as":"is"}}`
	if got := string(w.Bytes()); got != want || w.Len() != len(want) {
		t.Errorf("Bytes() = %s, want %s", got, want)
	}
}

// rebuild writes v anew from what its accessors say.
func rebuild(w *jsontree.Writer, v jsontree.Value) {
	switch v.Kind() {
	case jsontree.Object:
		w.Open('{')
		for name, m := range v.Members() {
			w.Name(name)
			rebuild(w, m)
		}
		w.Close('}')
	case jsontree.Array:
		w.Open('[')
		for _, e := range v.Elements() {
			rebuild(w, e)
		}
		w.Close(']')
	case jsontree.String:
		w.Text(v.Text())
	case jsontree.Bool:
		w.Bool(v.True())
	case jsontree.Null:
		w.Null()
	default:
		w.Raw(v.Raw())
	}
}

// FuzzParse checks that the standard library accepts the same texts, but for
// deep ones, and understands them in the same way.
func FuzzParse(f *testing.F) {
	for _, s := range []string{`{"a":[1,2.5e-3,"\ud83d\ude00 \ud800",{"b":null}],"a":false}`, `"x"`, " 0 ", `[[[]]]`, "\"\xff\"", `{"":1}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		v, err := jsontree.Parse(src)
		d := json.NewDecoder(bytes.NewReader(src))
		d.UseNumber()
		var want any
		stdErr := d.Decode(&want)
		if stdErr == nil && d.More() || !json.Valid(src) {
			stdErr = errors.New("more")
		}
		if (err == nil) != (stdErr == nil) {
			if e, ok := errors.AsType[*jsontree.SyntaxError](err); ok && e.Msg == "nested too deep" {
				return
			}
			t.Fatalf("Parse error = %v, the standard library's = %v", err, stdErr)
		}
		if err != nil {
			return
		}
		w := new(jsontree.Writer)
		rebuild(w, v)
		var got any
		d = json.NewDecoder(bytes.NewReader(w.Bytes()))
		d.UseNumber()
		if err := d.Decode(&got); err != nil {
			t.Fatalf("what was rebuilt is no JSON: %v: %s", err, w.Bytes())
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("rebuilt %s\n got %v\nwant %v", w.Bytes(), got, want)
		}
	})
}

// A Parser that is used again must find what a new one finds, whatever it read
// before.
func TestParserIsUsedAgain(t *testing.T) {
	var p jsontree.Parser
	large := "[" + strings.Repeat(`{"a":1},`, 8<<10) + "1]"
	for _, src := range []string{`{"a":[1,2,{"b":null}]}`, `[`, `"x"`, large, `{"a":{"b":"c"}}`, "", `{}`} {
		want, wantErr := jsontree.Parse([]byte(src))
		got, err := p.Parse([]byte(src))
		if (err == nil) != (wantErr == nil) {
			t.Fatalf("Parse(%.20s) error = %v, want %v", src, err, wantErr)
		}
		if string(got.Raw()) != string(want.Raw()) || got.Len() != want.Len() || got.Get("a").Kind() != want.Get("a").Kind() {
			t.Errorf("Parse(%.20s) = %s, want %s", src, got.Raw(), want.Raw())
		}
	}
}
