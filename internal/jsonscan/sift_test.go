package jsonscan_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weir-gateway/weir/internal/jsonscan"
)

// The paths of the sifting tests.
const (
	siftID = iota
	siftType
	siftFile
	siftTop
	siftAny
)

// siftSpec keeps the hits of the elements whose type is "ref", but not the
// type itself.
var siftSpec = jsonscan.Spec{
	Watch: []string{
		siftID: "input[].id", siftType: "input[].type", siftFile: "input[].content[].file_id", siftTop: "top",
		siftAny: "vars.*.file_id",
	},
	Sift: map[string]jsonscan.Sieve{"input[]": keepRefs},
}

func keepRefs(body []byte, hits []jsonscan.Hit) int {
	ref, kept := false, 0
	for _, h := range hits {
		ref = ref || h.Path == siftType && string(body[h.Span.Start:h.Span.End]) == `"ref"`
	}
	for _, h := range hits {
		if ref && h.Path != siftType {
			hits[kept] = h
			kept++
		}
	}
	return kept
}

func TestSift(t *testing.T) {
	p := jsonscan.Compile(siftSpec)
	for _, tt := range []struct {
		name, body string
		want       []string // path:index:value
		fault      string
	}{
		{name: "nothing", body: `{}`},
		{name: "nothing to keep", body: `{"input":[{"type":"x","id":"a"},{"id":"b"},"text",[],null]}`},
		{name: "one to keep", body: `{"input":[{"type":"x","id":"a"},{"id":"b","type":"ref"},{"id":"c"}],"top":1}`, want: []string{`0:1:"b"`, `3:-1:1`}},
		{
			name: "hits before and behind", body: `{"top":{"a":[]},"input":[{"id":"b","type":"ref","content":[{"file_id":"f"},{"file_id":null}]}],"vars":{"x":{"file_id":"g"}}}`,
			want: []string{`3:-1:{"a":[]}`, `0:0:"b"`, `2:0:"f"`, `2:0:null`, `4:-1:"g"`},
		},
		{name: "an array where an object is expected", body: `{"input":[[{"id":"a","type":"ref"}]]}`},
		{name: "any member", body: `{"vars":{"x":{"file_id":"f"},"y":"text","z":{"file_id":"g"},"":{"file_id":"h"}}}`, want: []string{`4:-1:"f"`, `4:-1:"g"`, `4:-1:"h"`}},
		{name: "any member twice", body: `{"vars":{"x":{"file_id":"f"},"\u0078":{"file_id":"g"}}}`, fault: "duplicate"},
		{name: "a member of any member twice", body: `{"vars":{"x":{"file_id":"f","file_id":"g"}}}`, fault: "duplicate"},
		{name: "a look-alike in any member", body: `{"vars":{"x":{"File_id":"f"}}}`, fault: "File_id"},
		{name: "any member deeper down", body: `{"vars":{"x":{"y":{"file_id":"f"}}}}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, err := p.Scan([]byte(tt.body), nil)
			if tt.fault != "" {
				if err == nil || !strings.Contains(err.Error(), tt.fault) {
					t.Errorf("Scan(%s) error = %v, want %q in it", tt.body, err, tt.fault)
				}
				return
			}
			if err != nil {
				t.Fatalf("Scan(%s) error = %v", tt.body, err)
			}
			var got []string
			for _, h := range r.Hits {
				got = append(got, fmt.Sprintf("%d:%d:%s", h.Path, h.Index, tt.body[h.Span.Start:h.Span.End]))
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("Scan(%s) (-want +got):\n%s", tt.body, diff)
			}
		})
	}
}

// TestSiftIsBounded checks that what is sifted out takes no place among the
// hits, and that one element alone can still overflow.
func TestSiftIsBounded(t *testing.T) {
	p := jsonscan.Compile(siftSpec)
	many := []byte(`{"input":[` + strings.Repeat(`{"type":"x","id":"a"},`, 3*jsonscan.MaxHits) + `{"type":"ref","id":"b"}]}`)
	r, err := p.Scan(many, make([]jsonscan.Hit, 0, 8))
	if err != nil || r.More || len(r.Hits) != 1 || cap(r.Hits) != 8 {
		t.Errorf("Scan = %d hits in room for %d, more %v, %v, want 1 in 8", len(r.Hits), cap(r.Hits), r.More, err)
	}
	large := []byte(`{"input":[{"type":"ref","content":[` + strings.Repeat(`{"file_id":"a"},`, jsonscan.MaxHits) + `{}]}]}`)
	if r, err = p.Scan(large, nil); err != nil || !r.More {
		t.Errorf("Scan of too many hits: more %v, %v", r.More, err)
	}
}

func TestSiftPaths(t *testing.T) {
	for _, path := range []string{"input", "a.input[]", "input[].content[]", "input[][]"} {
		t.Run(path, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Errorf("Compile takes %q to be sifted", path)
				}
			}()
			jsonscan.Compile(jsonscan.Spec{Sift: map[string]jsonscan.Sieve{path: keepRefs}})
		})
	}
}
