package jsonscan

import (
	"encoding/json"
	"strings"
	"testing"
)

const testMark = "weir1."

var marked = Compile(Spec{Watch: []string{"model", "input[].type"}, Mark: testMark}) // immutable

func TestMark(t *testing.T) {
	for body, want := range map[string]bool{
		`{"model":"m"}`:                               false,
		`{"a":"weir1."}`:                              true,
		`{"a":[[{"b":"weir1.AQ"}]]}`:                  true,
		`{"input":[{"type":"weir1.AQ"}],"b":"x"}`:     true,
		`{"a":"\u0077eir\u0031\u002eAQ"}`:             true,
		`{"a":"w\u0065\u0069\u0072\u0031\u002E"}`:     true,
		`{"a":"weir1"}`:                               false,
		`{"a":"weir"}`:                                false,
		`{"a":"w"}`:                                   false,
		`{"a":""}`:                                    false,
		`{"a":"\\u0077eir1."}`:                        false,
		`{"a":"\nweir1."}`:                            false,
		`{"a":"\u0177eir1."}`:                         false,
		`{"a":" weir1."}`:                             false,
		`{"weir1.a":"b","c":{"weir1.":1}}`:            false,
		`{"a":"xweir1.","b":"weir2.","c":"weir1.\n"}`: true,
	} {
		r, err := marked.Scan([]byte(body), nil)
		if err != nil || r.Marked != want {
			t.Errorf("%s: marked %v, %v; want %v", body, r.Marked, err, want)
		}
	}
	if r, err := marked.Scan([]byte(`{"a":"b"}`), nil); err != nil || r.Marked {
		t.Errorf("it remembers the body before: %v, %v", r.Marked, err)
	}
	if r, err := Compile(Spec{}).Scan([]byte(`{"a":"weir1."}`), nil); err != nil || r.Marked {
		t.Errorf("without a mark: %v, %v", r.Marked, err)
	}
}

func FuzzMark(f *testing.F) {
	f.Add([]byte(`{"a":["weir1.",{"b":"\u0077eir1.\u0000"}]}`))
	f.Add([]byte(`{"a":"\u0077\u0065\u0069r1\u002e\""}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		r, err := marked.Scan(body, nil)
		if err != nil {
			return
		}
		d := json.NewDecoder(strings.NewReader(string(body)))
		if want := anyMarked(t, d); r.Marked != want {
			t.Errorf("%q: marked %v, want %v", body, r.Marked, want)
		}
	})
}

// anyMarked reads tokens: objects may have two members of one name.
func anyMarked(t *testing.T, d *json.Decoder) bool {
	t.Helper()
	found := false
	var object []bool // of the open containers: is an object
	names := 0
	for {
		token, err := d.Token()
		if err != nil {
			return found
		}
		inObject := len(object) > 0 && object[len(object)-1]
		isName := inObject && names%2 == 0
		switch v := token.(type) {
		case json.Delim:
			if v == '{' || v == '[' {
				object = append(object, v == '{')
				names = 0
				continue
			}
			object = object[:len(object)-1]
			names = 0 // what follows in an object is a name
			continue
		case string:
			found = found || !isName && strings.HasPrefix(v, testMark)
		}
		if inObject {
			names++
		}
	}
}
