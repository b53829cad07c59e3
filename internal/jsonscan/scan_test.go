package jsonscan_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/weir-gateway/weir/internal/jsonscan"
)

// Indices into testSpec.Watch.
const (
	model = iota
	stream
	streamOptions
	includeUsage
	messages
	role
	inputElement
	partType
	kelvin
)

var testSpec = jsonscan.Spec{Watch: []string{
	model:         "model",
	stream:        "stream",
	streamOptions: "stream_options",
	includeUsage:  "stream_options.include_usage",
	messages:      "messages",
	role:          "messages[].role",
	inputElement:  "input[]",
	partType:      "input[].content[].type",
	kelvin:        "k",
}}

func TestScanAccepts(t *testing.T) {
	p := jsonscan.Compile(testSpec)
	for _, tt := range []struct{ name, body string }{
		{"an empty object", `{}`},
		{"white space everywhere", "\t\r\n { \"a\" :\n[ 1 , { } , [ ] ] , \"b\" : \"\" }\r\n "},
		{"every literal", `{"a":[true,false,null]}`},
		{"every form of number", `{"a":[0,-0,1,-1,10,0.5,-0.05,1e5,1E5,1e+5,1e-5,0e0,12.34e56,1e999,123456789012345678901234567890]}`},
		{"every escape", `{"a":"\"\\\/\b\f\n\r\t\u0000\u00e9\uFFFF"}`},
		{"a surrogate pair in either case", `{"a":"\ud83d\ude00\uD83D\uDE00"}`},
		{"an escaped name", `{"\u006dodel":"m"}`},
		{"runes of every length", `{"é":"ü€😀"}`},
		{"DEL, which is no control character of JSON", "{\"a\":\"\x7f\"}"},
		{"U+2028 unescaped", "{\"a\":\"\u2028\u2029\"}"},
		{"U+FEFF inside of a string", "{\"a\":\"\ufeff\"}"},
		{"a name that is empty", `{"":1}`},
		{"the same name at different levels", `{"model":1,"a":{"model":1,"b":[{"model":1}]}}`},
		{"duplicates where no path goes", `{"a":{"x":1,"x":2},"messages":[{"content":{"y":1,"y":2}}]}`},
		{"duplicates in a watched value that no path goes through", `{"input":[],"k":{"x":1,"x":2}}`},
		{"a look-alike where no path goes", `{"a":{"Model":1},"messages":[{"content":{"Role":1}}]}`},
		{"a look-alike by a rule that is not case folding", `{"stream-options":1,"streamoptions":1,"model ":1,"mödel":1}`},
		{"128 levels", nested(128)},
		{"33 names", manyNames(33)},
		{"a thousand names", manyNames(1000)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := p.Scan([]byte(tt.body), nil)
			if err != nil {
				t.Fatalf("Scan(%q) = %v, want no error", tt.body, err)
			}
			want, err := scanByOracle(testSpec, []byte(tt.body))
			if err != nil {
				t.Fatalf("the oracle refuses %q: %v", tt.body, err)
			}
			if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("Scan(%q) differs from the oracle (-want +got):\n%s", tt.body, diff)
			}
		})
	}
}

// nested returns an object with arrays in it, n levels in all.
func nested(n int) string {
	return `{"a":` + strings.Repeat("[", n-1) + strings.Repeat("]", n-1) + `}`
}

// manyNames returns an object of n members.
func manyNames(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `,"name%d":0`, i)
	}
	return "{" + b.String()[1:] + "}"
}

func TestScanRefuses(t *testing.T) {
	p := jsonscan.Compile(testSpec)
	for _, tt := range []struct {
		name, body string
		offset     int64
		msg        string
	}{
		{"nothing", ``, 0, "end of the body within the JSON value"},
		{"white space only", " \n", 2, "end of the body within the JSON value"},
		{"an array", ` []`, 1, "no JSON object where one should begin"},
		{"a string", `"{}"`, 0, "no JSON object where one should begin"},
		{"a number", `1`, 0, "no JSON object where one should begin"},
		{"null", `null`, 0, "no JSON object where one should begin"},
		{"a byte order mark", "\xef\xbb\xbf{}", 0, "byte order mark before the JSON value"},
		{"UTF-16", "{\x00}\x00", 1, "no member's name where one should begin"},
		{"a second value", `{} {}`, 3, "more after the end of the JSON value"},
		{"a NUL at the end", "{}\x00", 2, "more after the end of the JSON value"},
		{"a comma at the end", `{},`, 2, "more after the end of the JSON value"},
		{"a brace too many", `{}}`, 2, "more after the end of the JSON value"},
		{"an object cut off", `{"a":1`, 6, "end of the body within the JSON value"},
		{"a string cut off", `{"a":"x`, 7, "end of the body within the JSON value"},
		{"a name cut off", `{"a`, 3, "end of the body within the JSON value"},
		{"an escape cut off", `{"a":"\`, 7, "end of the body within the JSON value"},
		{"a number cut off", `{"a":1`, 6, "end of the body within the JSON value"},
		{"a literal cut off", `{"a":tru`, 8, "end of the body within the JSON value"},
		{"brackets crossed", `{"a":[}`, 6, "no value where one should begin"},
		{"a brace closes an array", `{"a":[1}`, 7, "no comma or closing bracket after an element"},
		{"a bracket closes an object", `{"a":1]`, 6, "no comma or closing brace after a member"},
		{"a comma before a brace", `{"a":1,}`, 7, "no member's name where one should begin"},
		{"a comma before a bracket", `{"a":[1,]}`, 8, "no value where one should begin"},
		{"a comma first", `{,}`, 1, "no member's name where one should begin"},
		{"two commas", `{"a":[1,,2]}`, 8, "no value where one should begin"},
		{"no comma", `{"a":1 "b":2}`, 7, "no comma or closing brace after a member"},
		{"no colon", `{"a" 1}`, 5, "no colon after a member's name"},
		{"no value", `{"a":}`, 5, "no value where one should begin"},
		{"no name", `{1:2}`, 1, "no member's name where one should begin"},
		{"single quotes", `{'a':1}`, 1, "no member's name where one should begin"},
		{"a comment", `{/**/}`, 1, "no member's name where one should begin"},
		{"other white space", "{\v}", 1, "no member's name where one should begin"},
		{"a no-break space", "{\u00a0}", 1, "no member's name where one should begin"},
		{"a leading zero", `{"a":01}`, 6, "no comma or closing brace after a member"},
		{"a minus alone", `{"a":-}`, 6, "malformed number"},
		{"a minus before a zero and a digit", `{"a":-01}`, 7, "no comma or closing brace after a member"},
		{"a plus", `{"a":+1}`, 5, "no value where one should begin"},
		{"a point first", `{"a":.5}`, 5, "no value where one should begin"},
		{"a point last", `{"a":1.}`, 7, "malformed number"},
		{"a point before an exponent", `{"a":1.e5}`, 7, "malformed number"},
		{"two points", `{"a":1.2.3}`, 8, "no comma or closing brace after a member"},
		{"an exponent without digits", `{"a":1e}`, 7, "malformed number"},
		{"an exponent with a sign only", `{"a":1e+}`, 8, "malformed number"},
		{"hexadecimal", `{"a":0x1}`, 6, "no comma or closing brace after a member"},
		{"NaN", `{"a":NaN}`, 5, "no value where one should begin"},
		{"infinity", `{"a":-Infinity}`, 6, "malformed number"},
		{"a literal in capitals", `{"a":True}`, 5, "no value where one should begin"},
		{"a literal misspelt", `{"a":nul1}`, 8, "malformed literal"},
		{"a literal too long", `{"a":truee}`, 9, "no comma or closing brace after a member"},
		{"a line feed in a string", "{\"a\":\"x\ny\"}", 7, "control character in a string"},
		{"a NUL in a string", "{\"a\":\"\x00\"}", 6, "control character in a string"},
		{"a control character in a name", "{\"a\x1f\":1}", 3, "control character in a string"},
		{"a control character far into a string", `{"a":"` + strings.Repeat("x", 100) + "\x01\"}", 106, "control character in a string"},
		{"an unknown escape", `{"a":"\x41"}`, 7, "unknown escape in a string"},
		{"an escape in capitals", `{"a":"\N"}`, 7, "unknown escape in a string"},
		{"a short hex escape", `{"a":"\u12"}`, 10, `malformed \u escape in a string`},
		{"a hex escape with a G", `{"a":"\u12G4"}`, 10, `malformed \u escape in a string`},
		{"a high surrogate alone", `{"a":"\ud83d"}`, 12, "lone surrogate in a string"},
		{"a high surrogate before text", `{"a":"\ud83dx"}`, 12, "lone surrogate in a string"},
		{"a high surrogate before another escape", `{"a":"\ud83d\n"}`, 13, "lone surrogate in a string"},
		{"two high surrogates", `{"a":"\ud83d\ud83d"}`, 17, "lone surrogate in a string"},
		{"a high surrogate before another rune", `{"a":"\ud83d\u0041"}`, 17, "lone surrogate in a string"},
		{"a low surrogate alone", `{"a":"\ude00"}`, 11, "lone surrogate in a string"},
		{"a lone surrogate in a name", `{"\ud83d":1}`, 8, "lone surrogate in a string"},
		{"invalid UTF-8", "{\"a\":\"x\xff\"}", 7, "invalid UTF-8"},
		{"UTF-8 cut off", "{\"a\":\"x\xe2\x82\"}", 7, "invalid UTF-8"},
		{"UTF-8 longer than need be", "{\"a\":\"\xc0\xaf\"}", 6, "invalid UTF-8"},
		{"a surrogate in UTF-8", "{\"a\":\"\xed\xa0\x80\"}", 6, "invalid UTF-8"},
		{"invalid UTF-8 in a name no path has", "{\"a\":{\"\xff\":1}}", 7, "invalid UTF-8"},
		{"129 levels", nested(129), 132, "nesting deeper than 128"},
		{"a duplicate of a watched name", `{"model":1,"model":1}`, 11, `duplicate member "model"`},
		{"a duplicate of another name", `{"a":1,"b":2,"a":1}`, 13, `duplicate member "a"`},
		{"a duplicate of the empty name", `{"":1,"":2}`, 6, `duplicate member ""`},
		{"an escaped duplicate", `{"model":1,"\u006dodel":2}`, 11, `duplicate member "model"`},
		{"a duplicate of an escaped name", `{"mod\u0065l":1,"model":2}`, 16, `duplicate member "model"`},
		{"two escaped duplicates", `{"\u0061":1,"\u0061":2}`, 12, `duplicate member "a"`},
		{"a duplicate beside a quote", `{"a\"b":1,"a\u0022b":2}`, 10, `duplicate member "a\"b"`},
		{"a duplicate among many names", strings.Replace(manyNames(100), "name99", "name7", 1), 1080, `duplicate member "name7"`},
		{"an escaped duplicate among many", strings.Replace(manyNames(100), "name99", `n\u0061me98`, 1), 1080, `duplicate member "name98"`},
		{"a duplicate on the way of a path", `{"stream_options":{"a":1,"a":1}}`, 25, `duplicate member "a"`},
		{"a duplicate in an element", `{"messages":[{"role":1},{"role":1,"role":2}]}`, 34, `duplicate member "role"`},
		{"a capital", `{"Model":1}`, 1, `member "Model" where only "model" is understood`},
		{"capitals", `{"MODEL":1,"model":2}`, 1, `member "MODEL" where only "model" is understood`},
		{"capitals by escape", `{"\u004dodel":1}`, 1, `member "Model" where only "model" is understood`},
		{"a long s", `{"ſtream":1}`, 1, `member "\u017ftream" where only "stream" is understood`},
		{"a Kelvin sign", `{"` + "\u212a" + `":1}`, 1, `member "\u212a" where only "k" is understood`},
		{"a capital on the way of a path", `{"stream_options":{"Include_usage":1}}`, 19, `member "Include_usage" where only "include_usage" is understood`},
		{"a capital in an element", `{"input":[{"content":[{"Type":1}]}]}`, 23, `member "Type" where only "type" is understood`},
		{
			"a long name is cut", `{"` + strings.Repeat("é", 50) + `":1,"` + strings.Repeat("é", 50) + `":1}`, 106,
			`duplicate member "` + strings.Repeat(`\u00e9`, 32) + `"...`,
		},
		{
			"and never within a rune", `{"x` + strings.Repeat("é", 50) + `":1,"x` + strings.Repeat("é", 50) + `":1}`, 107,
			`duplicate member "x` + strings.Repeat(`\u00e9`, 31) + `"...`,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := p.Scan([]byte(tt.body), nil)
			want := &jsonscan.SyntaxError{Offset: tt.offset, Msg: tt.msg}
			got, _ := errors.AsType[*jsonscan.SyntaxError](err)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("Scan(%q) error (-want +got):\n%s", tt.body, diff)
			}
			if _, err := scanByOracle(testSpec, []byte(tt.body)); err == nil {
				t.Errorf("the oracle accepts %q", tt.body)
			}
		})
	}
}

// TestScanWithoutPaths wants the rules for the top level even if nothing is
// watched.
func TestScanWithoutPaths(t *testing.T) {
	p := jsonscan.Compile(jsonscan.Spec{})
	if r, err := p.Scan([]byte(`{"a":"xyz","b":{"c":1,"c":2}}`), nil); err != nil || r.Counts.TextBytes != 3 || len(r.Hits) != 0 {
		t.Errorf("Scan() = %+v, %v, want no hit and 3 bytes of text", r, err)
	}
	_, err := p.Scan([]byte(`{"a":1,"a":2}`), nil)
	if got, want := fmt.Sprint(err), `duplicate member "a" at offset 7`; got != want {
		t.Errorf("Scan() = %v, want %v", got, want)
	}
}

// TestKindString wants the words that messages to a client use.
func TestKindString(t *testing.T) {
	p := jsonscan.Compile(jsonscan.Spec{Watch: []string{"a[]"}})
	r, err := p.Scan([]byte(`{"a":[null,true,1,"",{},[]]}`), nil)
	if err != nil {
		t.Fatal(err)
	}
	got := []string{jsonscan.ValueKind(0).String()}
	for _, h := range r.Hits {
		got = append(got, h.Kind.String())
	}
	want := []string{"none", "null", "boolean", "number", "string", "object", "array"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("kinds (-want +got):\n%s", diff)
	}
}

// TestScanQuotesNoValue looks for the values of a refused body in the error.
func TestScanQuotesNoValue(t *testing.T) {
	p := jsonscan.Compile(testSpec)
	body := `{"model":"sEcReT","messages":[{"role":"sEcReT"}],"a":"sEcReT`
	for _, end := range []string{``, "\n\"}", `\x"}`, `",}`, `"}}`, `","a":"sEcReT"}`, "\xff\"}", `","MODEL":"sEcReT"}`, `\ud800"}`} {
		_, err := p.Scan([]byte(body+end), nil)
		if err == nil {
			t.Fatalf("Scan of a body ending in %q = nil, want an error", end)
		}
		if strings.Contains(err.Error(), "sEcReT") {
			t.Errorf("Scan of a body ending in %q = %v, which quotes a value", end, err)
		}
	}
}

func TestScanHits(t *testing.T) {
	p := jsonscan.Compile(testSpec)
	type hit struct {
		path  int
		kind  jsonscan.ValueKind
		raw   string
		index int
	}
	for _, tt := range []struct {
		name, body string
		want       []hit
	}{
		{"nothing watched", `{"a":{"model":1},"b":["model"],"c":"model"}`, nil},
		{"a string with its quotes", `{"model" : "a\"b" }`, []hit{{model, jsonscan.String, `"a\"b"`, -1}}},
		{"an escaped name", `{"\u006d\u006fdel":"a"}`, []hit{{model, jsonscan.String, `"a"`, -1}}},
		{"the empty string", `{"model":""}`, []hit{{model, jsonscan.String, `""`, -1}}},
		{"a number before a comma", `{"model":-1.5e3,"a":1}`, []hit{{model, jsonscan.Number, `-1.5e3`, -1}}},
		{"a number before white space", `{"model":1 }`, []hit{{model, jsonscan.Number, `1`, -1}}},
		{"literals", `{"model":null,"stream":true,"k":false}`, []hit{
			{model, jsonscan.Null, `null`, -1}, {stream, jsonscan.Bool, `true`, -1}, {kelvin, jsonscan.Bool, `false`, -1},
		}},
		{"a container and what is in it", `{"stream_options":{"x":[{}],"include_usage":false}}`, []hit{
			{streamOptions, jsonscan.Object, `{"x":[{}],"include_usage":false}`, -1}, {includeUsage, jsonscan.Bool, `false`, -1},
		}},
		{"a scalar where a path goes on", `{"stream_options":true,"input":"text","messages":{"role":1}}`, []hit{
			{streamOptions, jsonscan.Bool, `true`, -1}, {messages, jsonscan.Object, `{"role":1}`, -1},
		}},
		{"elements with their index", `{"messages":[{"role":"a"},[],{},{"content":1,"role":"b"}]}`, []hit{
			{messages, jsonscan.Array, `[{"role":"a"},[],{},{"content":1,"role":"b"}]`, -1},
			{role, jsonscan.String, `"a"`, 0},
			{role, jsonscan.String, `"b"`, 3},
		}},
		{"elements of every kind", `{"input":[1,"b",[2],{},null]}`, []hit{
			{inputElement, jsonscan.Number, `1`, 0},
			{inputElement, jsonscan.String, `"b"`, 1},
			{inputElement, jsonscan.Array, `[2]`, 2},
			{inputElement, jsonscan.Object, `{}`, 3},
			{inputElement, jsonscan.Null, `null`, 4},
		}},
		{"an array in an array: the index is the first", `{"input":["a",{"content":[{},{"type":"x"},{"type":"y"}]}]}`, []hit{
			{inputElement, jsonscan.String, `"a"`, 0},
			{inputElement, jsonscan.Object, `{"content":[{},{"type":"x"},{"type":"y"}]}`, 1},
			{partType, jsonscan.String, `"x"`, 1},
			{partType, jsonscan.String, `"y"`, 1},
		}},
		{"a path in the wrong place", `{"a":[{"messages":[{"role":1}]}],"messages":[[{"role":1}]],"stream_options":[{"include_usage":true}]}`, []hit{
			{messages, jsonscan.Array, `[[{"role":1}]]`, -1},
			{streamOptions, jsonscan.Array, `[{"include_usage":true}]`, -1},
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, err := p.Scan([]byte(tt.body), nil)
			if err != nil {
				t.Fatalf("Scan(%q) = %v, want no error", tt.body, err)
			}
			var got []hit
			for _, h := range r.Hits {
				got = append(got, hit{h.Path, h.Kind, tt.body[h.Span.Start:h.Span.End], h.Index})
			}
			if diff := cmp.Diff(tt.want, got, cmp.AllowUnexported(hit{})); diff != "" {
				t.Errorf("Scan(%q) hits (-want +got):\n%s", tt.body, diff)
			}
		})
	}
}

func TestScanBoundsHits(t *testing.T) {
	p := jsonscan.Compile(testSpec)
	full := strings.Repeat(`{"role":"user"},`, jsonscan.MaxHits)
	for _, tt := range []struct {
		name, body string
		more       bool
	}{
		{"as many as are listed", `{"messages":[` + full[:len(full)-1] + `],"model":"m"}`, false},
		{"one more, and the model after it", `{"messages":[` + full + `{"role":"user"}],"model":"m"}`, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, err := p.Scan([]byte(tt.body), nil)
			if err != nil {
				t.Fatal(err)
			}
			if got, want := len(r.Hits), jsonscan.MaxHits+2; got != want || r.More != tt.more {
				t.Errorf("Scan() = %d hits, More %t, want %d, %t", got, r.More, want, tt.more)
			}
			if h, ok := r.First(model); !ok || tt.body[h.Span.Start:h.Span.End] != `"m"` {
				t.Errorf("First(model) = %v, %t, want the model after all of the messages", h, ok)
			}
		})
	}
}

func TestScanCounts(t *testing.T) {
	all := jsonscan.Spec{Watch: []string{"input[].type", "tools[]"}}
	one := jsonscan.Spec{Watch: []string{"model"}, Count: []string{"choices[].text"}}
	b64 := strings.Repeat("QUJD", 64) // 256 bytes
	for _, tt := range []struct {
		name, body string
		spec       jsonscan.Spec
		want       jsonscan.Counts
	}{
		{"values, not names", `{"name":"abc","b":["d",{"ef":"g"}]}`, all, jsonscan.Counts{TextBytes: 5}},
		{"numbers and literals are no text", `{"a":[1,true,null]}`, all, jsonscan.Counts{}},
		{"UTF-8 in bytes", `{"a":"é€😀"}`, all, jsonscan.Counts{TextBytes: 9}},
		{"escapes as what they stand for", `{"a":"\n\u00e9\u20ac\ud83d\ude00\\"}`, all, jsonscan.Counts{TextBytes: 11}},
		{"255 bytes of the alphabet are text", `{"a":"` + b64[1:] + `"}`, all, jsonscan.Counts{TextBytes: 255}},
		{"256 bytes of the alphabet are base64", `{"a":"` + b64 + `"}`, all, jsonscan.Counts{Base64Bytes: 256}},
		{"both alphabets and padding", `{"a":"+/-_` + b64 + `=="}`, all, jsonscan.Counts{Base64Bytes: 262}},
		{"escaped slashes", `{"a":"\/` + b64 + `\/"}`, all, jsonscan.Counts{Base64Bytes: 258}},
		{"one other byte makes it text", `{"a":"` + b64 + b64 + ` "}`, all, jsonscan.Counts{TextBytes: 513}},
		{"one other byte after an escape makes it text", `{"a":"` + b64 + `\/` + b64 + `.` + b64 + `"}`, all, jsonscan.Counts{TextBytes: 770}},
		{"a data URL", `{"a":"data:image/png;base64,AAAA"}`, all, jsonscan.Counts{Base64Bytes: 26}},
		{"a data URL with an escaped slash", `{"a":"data:image\/png;base64,AAAA"}`, all, jsonscan.Counts{Base64Bytes: 26}},
		{"a data URL without a type", `{"a":"data:;base64,AAAA"}`, all, jsonscan.Counts{Base64Bytes: 17}},
		{"a data URL with parameters", `{"a":"data:text/plain;a=;base64;base64,AA=="}`, all, jsonscan.Counts{Base64Bytes: 37}},
		{"a data URL that is not base64", `{"a":"data:text/plain,AAAA"}`, all, jsonscan.Counts{TextBytes: 20}},
		{"a data URL with a prompt in it", `{"a":"data:;base64,Tell me a story"}`, all, jsonscan.Counts{TextBytes: 28}},
		{"a mark after the comma", `{"a":"data:,;base64,AAAA"}`, all, jsonscan.Counts{TextBytes: 18}},
		{"a data URL cut short", `{"a":"data:image/png;base64"}`, all, jsonscan.Counts{TextBytes: 21}},
		{"a word that begins like one", `{"a":"data","b":"dat` + b64 + `"}`, all, jsonscan.Counts{TextBytes: 4, Base64Bytes: 259}},
		{"items of the arrays that are entered", `{"input":[1,{},[2,3]],"tools":[{}],"other":[1,2],"x":{"input":[1]}}`, all, jsonscan.Counts{Items: 4}},
		{"no items where there is no array", `{"input":"abc"}`, all, jsonscan.Counts{TextBytes: 3}},
		{
			"only the strings that are asked for", `{"model":"gpt","choices":[{"text":"abc","x":"y"},{"text":["z"]},{"text":"d"}]}`, one,
			jsonscan.Counts{TextBytes: 4, Items: 3},
		},
		{
			"base64 among the strings that are asked for", `{"x":"` + b64 + `","choices":[{"text":"` + b64 + `"}]}`, one,
			jsonscan.Counts{Base64Bytes: 256, Items: 1},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, err := jsonscan.Compile(tt.spec).Scan([]byte(tt.body), nil)
			if err != nil {
				t.Fatalf("Scan(%q) = %v, want no error", tt.body, err)
			}
			if r.Counts != tt.want {
				t.Errorf("Scan(%q) counts = %+v, want %+v", tt.body, r.Counts, tt.want)
			}
			s := jsonscan.Compile(tt.spec).NewScanner(0)
			for i := range len(tt.body) {
				if err := s.Write([]byte(tt.body[i : i+1])); err != nil {
					t.Fatalf("Write of byte %d of %q = %v", i, tt.body, err)
				}
			}
			if s.Counts() != tt.want {
				t.Errorf("byte by byte, counts of %q = %+v, want %+v", tt.body, s.Counts(), tt.want)
			}
		})
	}
}

func TestCompilePanics(t *testing.T) {
	for _, path := range []string{"", ".", "a.", ".a", "a..b", "[]", "[].a", "a[", "a]", "a[]b", "a[0]", "a[[]]", "a.[]", "é", "a b"} {
		t.Run(path, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Errorf("Compile(%q) did not panic", path)
				}
			}()
			jsonscan.Compile(jsonscan.Spec{Watch: []string{path}})
		})
	}
	t.Run("watched twice", func(t *testing.T) {
		defer func() {
			if recover() == nil {
				t.Error("Compile of a path twice did not panic")
			}
		}()
		jsonscan.Compile(jsonscan.Spec{Watch: []string{"a.b", "a.b"}})
	})
}
