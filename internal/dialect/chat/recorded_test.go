package chat_test

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/weir-gateway/weir/internal/dialect/chat"
	"github.com/weir-gateway/weir/internal/dialect/dialecttest"
	"github.com/weir-gateway/weir/internal/llm"
	"github.com/weir-gateway/weir/internal/realpart"
)

// A recording is an answer of a server, as it is in testdata/answers: a stream
// or a whole one, "events" that it is read as, and "client", what a chat
// client is written of it.
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

func (r *recording) set(name, data string) {
	if !strings.HasSuffix(data, "\n") {
		data += "\n"
	}
	for i := range r.archive.Files {
		if r.archive.Files[i].Name == name {
			r.archive.Files[i].Data = []byte(data)
			return
		}
	}
	r.archive.Files = append(r.archive.Files, txtar.File{Name: name, Data: []byte(data)})
}

// recordings returns all of them by name, but those of embeddings, which are
// no chat.
func recordings(t testing.TB) map[string]*recording {
	t.Helper()
	paths, err := filepath.Glob("testdata/answers/*.txtar")
	if err != nil || len(paths) < 50 {
		t.Fatalf("%d recordings (%v)", len(paths), err)
	}
	all := make(map[string]*recording)
	for _, path := range paths {
		name := strings.TrimSuffix(filepath.Base(path), ".txtar")
		if strings.HasPrefix(name, "embeddings") {
			continue
		}
		archive, err := txtar.ParseFile(path)
		if err != nil {
			t.Fatal(err)
		}
		all[name] = &recording{path, archive}
	}
	return all
}

// answer returns the bytes of a recording, cut where it says so.
func (r *recording) answer() (answer string, stream bool) {
	answer, stream = r.file("stream")
	if !stream {
		answer, _ = r.file("whole")
	}
	return strings.TrimSuffix(answer, "CUT\n"), stream
}

// decode reads a whole answer.
func decode(body string) (lines []string, a *llm.Reply, err error) {
	b := llm.NewBuilder(func(e llm.Event) { lines = append(lines, line(e)) })
	if err = (chat.Dialect{}).DecodeReply([]byte(body), b); err != nil {
		lines = append(lines, "error "+string(llm.AsError(err).Code))
	}
	return lines, b.Reply(), err
}

func TestRecordings(t *testing.T) {
	for name, r := range recordings(t) {
		t.Run(name, func(t *testing.T) {
			answer, stream := r.answer()
			var lines []string
			var client []byte
			if stream {
				lines, client = relay(chat.Dialect{}, answer)
			} else {
				var a *llm.Reply
				var err error
				if lines, a, err = decode(answer); err == nil && a.Status != llm.StatusFailed {
					client = chat.Dialect{}.EncodeReply(nil, a, options())
				}
			}
			got := map[string]string{"events": strings.Join(lines, "\n") + "\n", "client": string(client)}
			for _, file := range slices.Sorted(maps.Keys(got)) {
				if *update {
					r.set(file, got[file])
					continue
				}
				want, _ := r.file(file)
				if diff := cmp.Diff(strings.TrimSpace(want), strings.TrimSpace(got[file])); diff != "" {
					t.Errorf("%s (-want +got):\n%s", file, diff)
				}
			}
			if *update {
				if err := os.WriteFile(r.path, txtar.Format(r.archive), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if stream {
				everySplit(t, answer, lines)
			}
		})
	}
}

// everySplit checks that an answer is read as the same events, cut in two
// anywhere, and cut into single bytes with every kind of line ends.
func everySplit(t *testing.T, answer string, want []string) {
	t.Helper()
	if len(answer) > 20<<10 { // cut everywhere, that would take minutes
		return
	}
	for _, end := range []string{"\n", "\r\n", "\r"} {
		s := strings.ReplaceAll(answer, "\n", end)
		if strings.Contains(answer, "\r") {
			s = answer
		}
		single := make([]string, len(s))
		for i := range single {
			single[i] = s[i : i+1]
		}
		if diff := cmp.Diff(want, read(single...)); diff != "" {
			t.Fatalf("byte by byte (-want +got):\n%s", diff)
		}
		for i := 1; i < len(s) && end == "\n"; i += splitStep {
			if diff := cmp.Diff(want, read(s[:i], s[i:])); diff != "" {
				t.Fatalf("cut at byte %d (-want +got):\n%s", i, diff)
			}
		}
	}
}

// What Weir writes must be what OpenAI publishes.
func TestRecordingsFitThePublishedSchema(t *testing.T) {
	schemas := dialecttest.LoadSchemas(t, realpart.Only(t, "make conformance SPEC=<folder>", "WEIR_SPEC"), "openai-openapi.json")
	for name, r := range recordings(t) {
		t.Run(name, func(t *testing.T) {
			client, _ := r.file("client")
			if _, whole := r.file("whole"); whole {
				if client != "\n" {
					schemas.Check(t, "CreateChatCompletionResponse", client)
				}
				return
			}
			for _, data := range dialecttest.Data([]byte(client)) {
				switch {
				case strings.HasPrefix(data, `{"error":`):
					schemas.Check(t, "ErrorResponse", data)
				case bytes.Contains([]byte(data), []byte(`"type":"custom"`)):
					// The schema of chunks knows no custom tools, which OpenAI
					// sends to those who declare them.
				default:
					schemas.Check(t, "CreateChatCompletionStreamResponse", data)
				}
			}
		})
	}
}
