package responses_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/dialect/responses"
)

func requestArchives(t testing.TB) map[string]*txtar.Archive {
	t.Helper()
	paths, err := filepath.Glob("testdata/requests/*.txtar")
	if err != nil || len(paths) == 0 {
		t.Fatal("no requests", err)
	}
	all := make(map[string]*txtar.Archive)
	for _, path := range paths {
		a, err := txtar.ParseFile(path)
		if err != nil {
			t.Fatal(err)
		}
		all[path] = a
	}
	return all
}

// requests are the recorded requests that mean something to any server.
func requests(t testing.TB) map[string]string {
	all := make(map[string]string)
	for path, a := range requestArchives(t) {
		if name := strings.TrimSuffix(filepath.Base(path), ".txtar"); name != "hosted" {
			all[name] = string(a.Files[0].Data)
		}
	}
	return all
}

// What a client of the protocol says reaches a server of the protocol, all of
// it; "lowered" is what a server is told that knows functions alone.
func TestRecordedRequests(t *testing.T) {
	for path, a := range requestArchives(t) {
		t.Run(filepath.Base(path), func(t *testing.T) {
			body := a.Files[0].Data
			r, err := responses.Dialect{}.DecodeRequest(body)
			if err != nil {
				t.Fatal(err)
			}
			full := all
			full.Hosted = []string{"web_search", "file_search", "code_interpreter", "shell", "tool_search"}
			e, err := responses.Dialect{}.EncodeRequest(r, &dialect.Target{Model: r.Model, Traits: full})
			if err != nil || len(e.Losses) > 0 {
				t.Fatalf("EncodeRequest: %v, losses %v", err, e.Losses)
			}
			if diff := cmp.Diff(decoded(t, body), decoded(t, e.Body)); diff != "" {
				t.Errorf("what is sent differs (-client +sent):\n%s", diff)
			}
			got := lowered(body)
			want := ""
			if len(a.Files) > 1 {
				want = string(a.Files[1].Data)
			}
			if *update {
				a.Files = append(a.Files[:1], txtar.File{Name: "lowered", Data: []byte(got)})
				if err := os.WriteFile(path, txtar.Format(a), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("lowered (-want +got):\n%s", diff)
			}
		})
	}
}

// lowered is a request as a plain server is told it, or why it is not.
func lowered(body []byte) string {
	var out strings.Builder
	r, err := responses.Dialect{}.DecodeRequest(body)
	if err != nil {
		return err.Error() + "\n"
	}
	low, _, losses, err := dialect.Lower(r, dialect.Traits{}, false)
	if err != nil {
		return err.Error() + "\n"
	}
	e, err := responses.Dialect{}.EncodeRequest(low, &dialect.Target{Model: "plain"})
	if err != nil {
		return err.Error() + "\n"
	}
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, e.Body, "", " "); err != nil {
		return err.Error() + "\n"
	}
	fmt.Fprintln(&out, pretty.String())
	for _, l := range append(losses, e.Losses...) {
		fmt.Fprintf(&out, "lost: %s: %s\n", l.Path, l.Why)
	}
	return out.String()
}

// decoded is a body without its nulls, which are as good as nothing, as values.
func decoded(t *testing.T, body []byte) map[string]any {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber() // 1.50 is not 1.5
	var m map[string]any
	if err := d.Decode(&m); err != nil {
		t.Fatal(err)
	}
	for name, v := range m {
		if v == nil {
			delete(m, name)
		}
	}
	return m
}
