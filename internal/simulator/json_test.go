package simulator

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func TestTheTableOfThePackageCommentIsWhole(t *testing.T) {
	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	words := make(map[string]bool)
	for word := range strings.FieldsSeq(string(doc)) {
		words[strings.TrimSuffix(word, ":")] = true
	}
	for key := range knobs {
		if !words[strings.ToLower(key)] {
			t.Errorf("header %s is not in the table", strings.ToLower(key))
		}
	}
	for name := range models {
		if !words[name] {
			t.Errorf("model %s is not in the table", name)
		}
	}
}

func TestTheManualHasBothTables(t *testing.T) {
	manual := Manual()
	for key := range knobs {
		if !strings.Contains(manual, "\n  "+strings.ToLower(key)) {
			t.Errorf("header %s is not in the manual", strings.ToLower(key))
		}
	}
	for _, want := range []string{"What it says:\n", "\n  call NAME <<<text>>> ", "Misbehaviour:\n"} {
		if !strings.Contains(manual, want) {
			t.Errorf("%q is not in the manual", want)
		}
	}
	for _, not := range []string{"//", "Trying it", "package"} {
		if strings.Contains(manual, not) {
			t.Errorf("%q is in the manual", not)
		}
	}
}

// FuzzParseObject checks that what parseObject takes is what encoding/json
// takes, and that the values it finds are those that encoding/json finds.
func FuzzParseObject(f *testing.F) {
	for _, seed := range []string{
		`{}`, ` { "a" : [ 1 , {"b":null} , "x\"]}" ] , "c":-1.5e3 } `, `{"a":1,"a":2}`, `{"\u0061":"\\"}`, `[]`, `{"a"`, "{\"a\":\"\xff\"}", `{"a":{"b":{"c":[[],{}]}}}`, `{"a":true,"b":[false]}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := parseObject(body)
		var want map[string]json.RawMessage
		decoded := json.Unmarshal(body, &want) == nil && utf8.Valid(body) && bytes.HasPrefix(bytes.TrimSpace(body), []byte("{"))
		if (err == nil) != decoded {
			t.Fatalf("parseObject(%q) error = %v; encoding/json takes it: %v", body, err, decoded)
		}
		if !decoded {
			return
		}
		names := make(map[string]string)
		for _, m := range got {
			names[m.name] = string(m.value)
			checkDeep(t, m.value)
		}
		wanted := make(map[string]string)
		for name, raw := range want {
			wanted[name] = string(raw)
		}
		if diff := cmp.Diff(wanted, names); diff != "" {
			t.Errorf("members (-want +got):\n%s", diff)
		}
	})
}

// checkDeep checks strings and arrays against encoding/json.
func checkDeep(t *testing.T, v value) {
	t.Helper()
	var want any
	if err := json.Unmarshal(v, &want); err != nil {
		if len(v) > 0 && v.isNumber() {
			return // a number that no float64 holds
		}
		t.Fatalf("%q is not a value: %v", v, err)
	}
	switch want := want.(type) {
	case string:
		if got := v.str(); got != want {
			t.Errorf("str(%s) = %q, want %q", v, got, want)
		}
		if back := appendString(nil, want); !json.Valid(back) || value(back).str() != want {
			t.Errorf("appendString(%q) = %s", want, back)
		}
	case []any:
		if got := len(v.elems()); got != len(want) {
			t.Errorf("elems(%s) has %d, want %d", v, got, len(want))
		}
	}
}

// FuzzAsked checks that a prompt of any form yields calls that are complete:
// JSON or what stood between the brackets, in words of the prompt.
func FuzzAsked(f *testing.F) {
	for _, seed := range []string{
		`call f {}`, `call f {"a":{"b":1}} call f <<<x>>>`, `recall f {}`, `call f{"a":1}`, "call\nf\t<<<a\n>>", `call f {`, `call f call f {}`, `call f <<<>>>>`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, prompt string) {
		turn := turn{user: prompt, tools: []tool{{name: "f"}}}
		for _, c := range turn.asked() {
			raw := strings.Contains(prompt, "<<<"+c.input+">>>")
			if !raw && !isJSONObject(c.input) {
				t.Errorf("asked(%q) = %q, neither raw nor an object", prompt, c.input)
			}
		}
	})
}

// FuzzInstance checks that every schema, sound or not, yields JSON, and not
// without end.
func FuzzInstance(f *testing.F) {
	for _, seed := range []string{
		`{"type":"object","required":["a"],"properties":{"a":{"$ref":"#"}}}`, `{"$ref":"#"}`, `{"anyOf":[{"$ref":"#/anyOf/0"}]}`, `{"type":[]}`, `{"type":"array","minItems":9999999,"items":{"type":"array","minItems":9999999}}`, `{"enum":[]}`,
		`{"$ref":"#/d","d":{"type":"array","minItems":64,"items":{"$ref":"#/d"}}}`,
		`{"required":["a","b"],"properties":{"a":{"$ref":"#"},"b":{"$ref":"#"}}}`, `{"type":"string","minLength":99999999}`, `{"minimum":null,"type":"integer"}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, schema string) {
		if !json.Valid([]byte(schema)) {
			return
		}
		if got := instance(value(strings.TrimSpace(schema))); !json.Valid(got) || len(got) > 1<<20 {
			t.Errorf("instance(%s) = %.200s, %d bytes", schema, got, len(got))
		}
	})
}
