package messages_test

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/weir-gateway/weir/internal/dialect/messages"
	"github.com/weir-gateway/weir/internal/llm"
)

// A recording is a text archive.
type recording struct {
	path    string
	archive *txtar.Archive
}

func (r *recording) file(name string) (string, bool) {
	for _, f := range r.archive.Files {
		if f.Name == name {
			return string(f.Data), true
		}
	}
	return "", false
}

// check compares files with what was found, or writes it.
func (r *recording) check(t *testing.T, got map[string]string) {
	t.Helper()
	for _, name := range slices.Sorted(maps.Keys(got)) {
		text := got[name]
		if !strings.HasSuffix(text, "\n") {
			text += "\n"
		}
		if *update {
			at := slices.IndexFunc(r.archive.Files, func(f txtar.File) bool { return f.Name == name })
			if at < 0 {
				at, r.archive.Files = len(r.archive.Files), append(r.archive.Files, txtar.File{Name: name})
			}
			r.archive.Files[at].Data = []byte(text)
			continue
		}
		want, _ := r.file(name)
		if diff := cmp.Diff(strings.TrimSpace(want), strings.TrimSpace(text)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	if *update {
		if err := os.WriteFile(r.path, txtar.Format(r.archive), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// recordings returns those of a folder by name.
func recordings(t testing.TB, dir string, atLeast int) map[string]*recording {
	t.Helper()
	paths, err := filepath.Glob("testdata/" + dir + "/*.txtar")
	if err != nil || len(paths) < atLeast {
		t.Fatalf("%d recordings (%v), want %d or more", len(paths), err, atLeast)
	}
	all := make(map[string]*recording)
	for _, path := range paths {
		archive, err := txtar.ParseFile(path)
		if err != nil {
			t.Fatal(err)
		}
		all[strings.TrimSuffix(filepath.Base(path), ".txtar")] = &recording{path, archive}
	}
	return all
}

// Each recorded answer is read as "events", and written for a client as
// "client"; both sides speaking the protocol, as "own".
func TestRecordings(t *testing.T) {
	for name, r := range recordings(t, "answers", 14) {
		t.Run(name, func(t *testing.T) {
			answer, stream := r.file("stream")
			if !stream {
				answer, _ = r.file("whole")
			}
			answer = strings.TrimSuffix(answer, "CUT\n")
			lines, client := answerAgain(t, messages.Dialect{}, answer, stream)
			_, own := answerAgain(t, messages.Dialect{Own: true}, answer, stream)
			got := map[string]string{"events": lines, "client": client}
			if own != client {
				got["own"] = own
			}
			r.check(t, got)
		})
	}
}

// answerAgain reads an answer and writes it again.
func answerAgain(t *testing.T, d messages.Dialect, answer string, stream bool) (events, client string) {
	t.Helper()
	if stream {
		lines, wire := relay(d, options(), answer)
		everySplit(t, d, answer, lines)
		return strings.Join(lines, "\n"), string(wire)
	}
	lines, a, err := decode(d, answer)
	if err == nil && a.Status != llm.StatusFailed {
		client = string(d.EncodeReply(nil, a, options()))
	}
	return strings.Join(lines, "\n"), client
}

// everySplit checks that an answer is read as the same events, cut into single
// bytes with every kind of line ends, and cut in two anywhere.
func everySplit(t *testing.T, d messages.Dialect, answer string, want []string) {
	t.Helper()
	check := func(pieces ...string) {
		if got, _ := relay(d, options(), pieces...); !slices.Equal(want, got) {
			t.Fatalf("in %d pieces, the first of %d bytes (-want +got):\n%s", len(pieces), len(pieces[0]), cmp.Diff(want, got))
		}
	}
	for _, end := range []string{"\n", "\r\n", "\r"} {
		check(strings.Split(strings.ReplaceAll(answer, "\n", end), "")...)
	}
	for i := 1; i < len(answer) && !d.Own; i++ {
		check(answer[:i], answer[i:])
	}
}
