package e2e_test

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// TestCodexItems checks that Codex, which gives every item an id and wants
// nothing kept, can work with a server that refuses such ids as Azure does: it
// notices nothing, and each of its requests is sent once more without them.
func TestCodexItems(t *testing.T) {
	t.Parallel()
	openai := lanes[2]
	for _, task := range []codexTask{codexTasks[0], codexTasks[1], codexTasks[3]} {
		t.Run(task.name, func(t *testing.T) {
			t.Parallel()
			h := newLaneHouse(t, openai)
			h.upstream.meddle = func(_ int, header http.Header) { header.Set("x-sim-azure-items", "true") }
			c := newCodex(t, h)
			task.do(t, c, false)
			refused, ids := 0, 0
			for _, r := range h.upstream.requests() {
				if bytes.Contains(r.Body, []byte(`"id":"msg_`)) {
					ids++
				}
				if r.Status == http.StatusBadRequest {
					refused++
				}
			}
			if posts := len(c.posts()); posts != 2 || refused != ids || refused == 0 || len(h.upstream.requests()) != posts+refused {
				t.Errorf("Codex sent %d requests, %d with ids reached the upstream, which refused %d", posts, ids, refused)
			}
		})
	}
	t.Run("without Weir", func(t *testing.T) {
		t.Parallel()
		h := direct(t)
		h.upstream.meddle = func(_ int, header http.Header) { header.Set("x-sim-azure-items", "true") }
		if r := newCodex(t, h).ask(t, classicModel, "hi"); r.exit == 0 || !strings.Contains(fmt.Sprint(r.stdout, r.stderr), "not found") {
			t.Errorf("Codex ended with exit code %d, want it to fail", r.exit)
		}
	})
}
