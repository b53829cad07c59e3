package sse_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/weir-gateway/weir/internal/sse"
)

// event is an event in the form that is easiest to compare.
type event struct{ Name, Data string }

func TestEvents(t *testing.T) {
	for _, tt := range []struct {
		name string
		in   string
		want []event
	}{
		{name: "nothing", in: ""},
		{name: "one event", in: "data: a\n\n", want: []event{{"", "a"}}},
		{name: "named event", in: "event: ping\ndata: {}\n\n", want: []event{{"ping", "{}"}}},
		{name: "name behind the data", in: "data: {}\nevent: ping\n\n", want: []event{{"ping", "{}"}}},
		{name: "the last name counts", in: "event: longer\nevent: b\ndata: 1\n\n", want: []event{{"b", "1"}}},
		{name: "an empty name replaces", in: "event: a\nevent:\ndata: 1\n\n", want: []event{{"", "1"}}},
		{name: "a name without data is forgotten", in: "event: a\n\ndata: 1\n\n", want: []event{{"", "1"}}},
		{name: "CRLF", in: "event: x\r\ndata: a\r\n\r\ndata: b\r\n\r\n", want: []event{{"x", "a"}, {"", "b"}}},
		{name: "lone CR", in: "event: x\rdata: a\r\rdata: b\r\r", want: []event{{"x", "a"}, {"", "b"}}},
		{name: "mixed line ends", in: "data: a\r\n\ndata: b\n\r\ndata: c\r\r\n", want: []event{{"", "a"}, {"", "b"}, {"", "c"}}},
		{name: "byte order mark", in: "\xEF\xBB\xBFdata: a\n\n", want: []event{{"", "a"}}},
		{name: "only one byte order mark", in: "\xEF\xBB\xBF\xEF\xBB\xBFdata: a\n\ndata: b\n\n", want: []event{{"", "b"}}},
		{name: "byte order mark later", in: "data: a\n\n\xEF\xBB\xBFdata: b\n\n", want: []event{{"", "a"}}},
		{name: "half a byte order mark", in: "\xEF\xBBdata: a\n\ndata: b\n\n", want: []event{{"", "b"}}},
		{name: "half a byte order mark on its own line", in: "\xEF\ndata: a\n\n", want: []event{{"", "a"}}},
		{name: "no space", in: "data:a\n\n", want: []event{{"", "a"}}},
		{name: "one space only is skipped", in: "data:  a \n\n", want: []event{{"", " a "}}},
		{name: "tab is no space", in: "data:\ta\n\n", want: []event{{"", "\ta"}}},
		{name: "several lines", in: "data: {\ndata: \"a\":1\ndata:}\n\n", want: []event{{"", "{\n\"a\":1\n}"}}},
		{name: "empty lines of data", in: "data\n" + "data:\n" + "data: \n" + "data: x\n\n", want: []event{{"", "\n\n\nx"}}},
		{name: "empty data is an event", in: "data:\n\n", want: []event{{"", ""}}},
		{name: "data without colon is an event", in: "data\n\n", want: []event{{"", ""}}},
		{name: "comments", in: ": ping\n\n:\n: : data: no\ndata: a\n: inside\ndata: b\n\n", want: []event{{"", "a\nb"}}},
		{name: "unknown fields", in: "id: 1\nretry: 10\ndat: x\ndata2: y\nData: z\n data: q\ndata: a\n\n", want: []event{{"", "a"}}},
		{name: "field name alone", in: "even\nevent\nd\ndata: a\n\n", want: []event{{"", "a"}}},
		{name: "colon in the value", in: "data: a:b: c\n\n", want: []event{{"", "a:b: c"}}},
		{name: "many empty lines", in: "\n\n\r\n\rdata: a\n\n\n\n\n", want: []event{{"", "a"}}},
		{name: "end without empty line", in: "data: a\n\ndata: b\n", want: []event{{"", "a"}, {"", "b"}}},
		{name: "end inside a line", in: "event: x\ndata: [DONE]", want: []event{{"x", "[DONE]"}}},
		{name: "end behind a CR", in: "data: a\r", want: []event{{"", "a"}}},
		{name: "end behind a field name", in: "data: a\ndata", want: []event{{"", "a\n"}}},
		{name: "end behind a name only", in: "event: x\n"},
		{name: "split UTF-8 is not looked at", in: "data: \xC3\n\n", want: []event{{"", "\xC3"}}},
		{name: "NUL", in: "data: \x00\n\n", want: []event{{"", "\x00"}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := read(strings.NewReader(tt.in), 0)
			if err != nil {
				t.Fatalf("Events(%q) error = %v", tt.in, err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("Events(%q) differs (-want +got):\n%s", tt.in, diff)
			}
			if diff := cmp.Diff(reference(tt.in), tt.want); diff != "" {
				t.Errorf("reference(%q) differs from the table:\n%s", tt.in, diff)
			}
			got, err = read(iotest.OneByteReader(strings.NewReader(tt.in)), 0)
			if err != nil {
				t.Fatalf("Events(%q) by single bytes: error = %v", tt.in, err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("Events(%q) by single bytes differs (-want +got):\n%s", tt.in, diff)
			}
		})
	}
}

func TestEventsLimit(t *testing.T) {
	const limit = 32
	for _, tt := range []struct {
		name    string
		in      string
		want    int // events before the end
		wantErr error
	}{
		{name: "just fits", in: "data: " + strings.Repeat("x", limit-8) + "\n\n", want: 1},
		{name: "CRLF counts once per line", in: "data: " + strings.Repeat("x", limit-8) + "\r\n\r\n", want: 1},
		{name: "one byte more", in: "data: " + strings.Repeat("x", limit-7) + "\n\n", wantErr: sse.ErrEventTooLarge},
		{name: "each event for itself", in: strings.Repeat("data: 0123456789\n\n", 9), want: 9},
		{name: "the second is too large", in: "data: a\n\ndata: " + strings.Repeat("x", limit), want: 1, wantErr: sse.ErrEventTooLarge},
		{name: "endless comment", in: ":" + strings.Repeat("x", limit), wantErr: sse.ErrEventTooLarge},
		{name: "comments between events", in: strings.Repeat(": 0123456789\n", 9) + "data: a\n\n", want: 1},
		{name: "endless field name", in: strings.Repeat("x", limit+1), wantErr: sse.ErrEventTooLarge},
		{name: "many fields without data", in: strings.Repeat("id: 1\n", 9), wantErr: sse.ErrEventTooLarge},
		{name: "comments inside an event", in: "data: a\n" + strings.Repeat(": x\n", 9), wantErr: sse.ErrEventTooLarge},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, r := range []io.Reader{strings.NewReader(tt.in), iotest.OneByteReader(strings.NewReader(tt.in))} {
				got, err := read(r, limit)
				if !errors.Is(err, tt.wantErr) {
					t.Errorf("Events(%q) error = %v, want %v", tt.in, err, tt.wantErr)
				}
				if len(got) != tt.want {
					t.Errorf("Events(%q) = %d events, want %d", tt.in, len(got), tt.want)
				}
			}
		})
	}
}

func TestEventsPassesReadErrorsOn(t *testing.T) {
	lost := errors.New("connection lost")
	r := io.MultiReader(strings.NewReader("data: a\n\ndata: b\n"), iotest.ErrReader(lost))
	got, err := read(r, 0)
	if !errors.Is(err, lost) {
		t.Errorf("Events error = %v, want %v", err, lost)
	}
	if diff := cmp.Diff([]event{{"", "a"}}, got); diff != "" {
		t.Errorf("Events differs (-want +got):\n%s", diff)
	}
}

func TestEventsStopsWhenTold(t *testing.T) {
	n := 0
	for _, err := range sse.Events(strings.NewReader("data: a\n\ndata: b\n\ndata: c"), 0) {
		if err != nil {
			t.Fatal(err)
		}
		n++
		break
	}
	if n != 1 {
		t.Errorf("Events yielded %d events, want 1", n)
	}
}

// TestBoundaries checks where whole events end: what is between two boundaries
// can be passed on, or left out, on its own.
func TestBoundaries(t *testing.T) {
	for _, tt := range []struct {
		name string
		in   string
		want []string // in pieces that end at a boundary; the last may be unfinished
	}{
		{name: "events", in: "data: a\n\ndata: b\n\n", want: []string{"E data: a\n\n", "E data: b\n\n"}},
		{name: "CRLF stays together", in: "data: a\r\n\r\ndata: b\r\n\r\n", want: []string{"E data: a\r\n\r\n", "E data: b\r\n\r\n"}},
		{name: "lone CR", in: "data: a\r\rdata: b\r\r", want: []string{"E data: a\r\r", "E data: b\r\r"}},
		{name: "comment and its empty line", in: ": ping\n\ndata: a\n\n", want: []string{"B : ping\n", "B \n", "E data: a\n\n"}},
		{name: "comment inside an event is no boundary", in: "data: a\n: ping\ndata: b\n\n", want: []string{"E data: a\n: ping\ndata: b\n\n"}},
		{name: "comment behind a field is no boundary", in: "id: 1\n: ping\ndata: b\n\n", want: []string{"E id: 1\n: ping\ndata: b\n\n"}},
		{name: "fields without data", in: "event: x\n\nretry: 3\n\n", want: []string{"B event: x\n\n", "B retry: 3\n\n"}},
		{name: "unfinished", in: "data: a\n\ndata: b\n", want: []string{"E data: a\n\n", "- data: b\n"}},
		{name: "unfinished comment", in: ": pi", want: []string{"- : pi"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, boundaries(t, tt.in)); diff != "" {
				t.Errorf("boundaries of %q differ (-want +got):\n%s", tt.in, diff)
			}
		})
	}
}

func TestPending(t *testing.T) {
	for _, tt := range []struct {
		in   string
		want bool
	}{
		{"", false},
		{"data: a\n\n", false},
		{": c\n", false},
		{": c\r", false},
		{"d", true},
		{"data: a\n", true},
		{"data: a\r\n", true},
		{": c", true},
		{"id: 1\n", true},
	} {
		var tok sse.Tokenizer
		drain(t, &tok, []byte(tt.in), nil)
		if got := tok.Pending(); got != tt.want {
			t.Errorf("Pending() behind %q = %v, want %v", tt.in, got, tt.want)
		}
	}
}

func TestNextDoesNotAllocate(t *testing.T) {
	stream := []byte(strings.Repeat(": ping\n\nevent: x\r\ndata: {\"a\":1,\ndata: \"b\":2}\r\n\r\n", 50))
	var tok sse.Tokenizer
	got := testing.AllocsPerRun(20, func() {
		for p := stream; len(p) > 0; {
			n, _, err := tok.Next(p)
			if err != nil {
				t.Fatal(err)
			}
			p = p[n:]
		}
	})
	if got != 0 {
		t.Errorf("Next allocates %v times for 50 events, want 0", got)
	}
}

// FuzzTokenizer checks that the tokens do not depend on how the stream is cut,
// and compares the events with those of a naive implementation.
func FuzzTokenizer(f *testing.F) {
	f.Add([]byte("\xEF\xBB\xBFevent: a\r\ndata:1\rdata: 2\n\n: c\n\ndata\n\nid:1\n\n"), uint8(3))
	f.Add([]byte("data: \r\n\r\n\r\rdata"), uint8(1))
	f.Add([]byte("\xEF\xBBdata: a\n\nevent\nevent:b\ndata:\n\n"), uint8(2))
	f.Fuzz(func(t *testing.T, in []byte, cut uint8) {
		want := reference(string(in))
		whole, err := read(bytes.NewReader(in), 0)
		if err != nil {
			t.Fatalf("Events(%q) error = %v", in, err)
		}
		if diff := cmp.Diff(want, whole); diff != "" {
			t.Fatalf("Events(%q) differs from the reference (-want +got):\n%s", in, diff)
		}
		size := int(cut%7) + 1
		if diff := cmp.Diff(tokens(t, in, len(in)+1), tokens(t, in, size)); diff != "" {
			t.Fatalf("tokens of %q differ when cut every %d bytes (-whole +cut):\n%s", in, size, diff)
		}
		wantErr, gotErr := limited(in, len(in)+1), limited(in, size)
		if !errors.Is(gotErr, wantErr) {
			t.Fatalf("%q over the limit: whole %v, cut every %d bytes %v", in, wantErr, size, gotErr)
		}
	})
}

func read(r io.Reader, limit int) (got []event, err error) {
	for e, err := range sse.Events(r, limit) {
		if err != nil {
			return got, err
		}
		got = append(got, event{string(e.Name), string(e.Data)})
	}
	return got, nil
}

// drain gives all of p to tok, and each token with the bytes it ended to see.
func drain(t *testing.T, tok *sse.Tokenizer, p []byte, see func(sse.Token, []byte)) {
	t.Helper()
	for len(p) > 0 {
		n, token, err := tok.Next(p)
		if err != nil {
			t.Fatalf("Next(%q) error = %v", p, err)
		}
		if n == 0 && token.Kind == sse.None {
			t.Fatalf("Next(%q) did nothing", p)
		}
		if token.Kind == sse.None && n != len(p) {
			t.Fatalf("Next(%q) = %d and no token, want %d", p, n, len(p))
		}
		if see != nil {
			see(token, p[:n])
		}
		p = p[n:]
	}
}

// tokens lists the tokens of in, given in pieces of size bytes, with adjacent
// parts joined.
func tokens(t *testing.T, in []byte, size int) []string {
	var (
		tok  sse.Tokenizer
		list []string
		last sse.Kind
	)
	for p := in; len(p) > 0; {
		piece := p[:min(size, len(p))]
		p = p[len(piece):]
		drain(t, &tok, piece, func(token sse.Token, _ []byte) {
			switch {
			case token.Kind == sse.None:
				return
			case token.Kind == last && !token.First && len(token.Bytes) > 0:
				list[len(list)-1] += string(token.Bytes)
			default:
				list = append(list, fmt.Sprintf("%d %s", token.Kind, token.Bytes))
			}
			last = token.Kind
		})
	}
	return list
}

func limited(in []byte, size int) error {
	tok := sse.Tokenizer{MaxEvent: 12}
	for p := in; len(p) > 0; {
		piece := p[:min(size, len(p))]
		p = p[len(piece):]
		for len(piece) > 0 {
			n, _, err := tok.Next(piece)
			if err != nil {
				return err
			}
			piece = piece[n:]
		}
	}
	return nil
}

func boundaries(t *testing.T, in string) (list []string) {
	var (
		tok  sse.Tokenizer
		held []byte
	)
	drain(t, &tok, []byte(in), func(token sse.Token, p []byte) {
		held = append(held, p...)
		switch token.Kind {
		case sse.End:
			list, held = append(list, "E "+string(held)), nil
		case sse.Break:
			list, held = append(list, "B "+string(held)), nil
		}
	})
	if len(held) > 0 {
		list = append(list, "- "+string(held))
	}
	return list
}

var lineEnds = regexp.MustCompile("\r\n|\r|\n")

// reference reads events in the plainest way, by the text of WHATWG HTML
// §9.2.6, except that the end of the stream ends an event.
func reference(in string) (list []event) {
	var (
		name string
		data []string
	)
	in = strings.TrimPrefix(in, "\xEF\xBB\xBF") + "\n\n"
	if strings.HasSuffix(in, "\r\n\n") {
		in += "\n"
	}
	for _, line := range lineEnds.Split(in, -1) {
		field, value, _ := strings.Cut(line, ":")
		value = strings.TrimPrefix(value, " ")
		switch {
		case line == "":
			if data != nil {
				list = append(list, event{name, strings.Join(data, "\n")})
			}
			name, data = "", nil
		case field == "data":
			data = append(data, value)
		case field == "event":
			name = value
		}
	}
	return list
}
