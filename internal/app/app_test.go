package app_test

import (
	"bytes"
	"context"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/weir-gateway/weir/internal/app"
	"github.com/weir-gateway/weir/internal/config"
	"github.com/weir-gateway/weir/internal/gatetest"
	"github.com/weir-gateway/weir/internal/llm"
)

// newApp builds a gateway whose state folder cannot be made: home is a file.
func newApp(t *testing.T, log io.Writer, dataDir string) (*app.App, error) {
	t.Helper()
	home := filepath.Join(t.TempDir(), "home")
	if err := os.WriteFile(home, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if dataDir != "" {
		dataDir = filepath.Join(home, dataDir)
	}
	cfg, err := config.Parse([]byte("upstreams: [{ name: sim, kind: simulator }]\nmodels: [{ name: m, targets: [{ upstream: sim }] }]\n"), config.Options{
		Listen: "127.0.0.1:0", DataDir: dataDir,
		LookupEnv: func(name string) (string, bool) {
			if name != "HOME" {
				return "", false
			}
			return home, true
		},
		Open: func(string) (io.ReadCloser, error) { return nil, os.ErrNotExist },
	})
	if err != nil {
		t.Fatal(err)
	}
	return app.New(context.Background(), app.Options{Config: cfg, Log: log})
}

// TestDataDirThatIsNamed must do.
func TestDataDirThatIsNamed(t *testing.T) {
	_, err := newApp(t, io.Discard, "data")
	if err == nil || !strings.Contains(err.Error(), "data_dir ") || !strings.Contains(err.Error(), "name a folder that Weir may write to") {
		t.Errorf("New = %v, want what is wrong with data_dir", err)
	}
}

// TestNoDataDir: without a folder of its own Weir serves everything but files,
// and says so.
func TestNoDataDir(t *testing.T) {
	var log gatetest.Buffer
	a, err := newApp(t, &log, "")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(log.String(), "the root secret is in memory") {
		t.Errorf("nothing is said of the root secret:\n%s", log.String())
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	defer func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}()
	if status, body := post(t, a, "/v1/moderations", "application/json", []byte(`{"model":"m","input":"x"}`)); status != http.StatusOK {
		t.Errorf("without a file: %d %s, want 200", status, body)
	}
	var form bytes.Buffer
	w := multipart.NewWriter(&form)
	_ = w.WriteField("model", "m")
	part, err := w.CreateFormFile("file", "a.wav")
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(part, "RIFF")
	_ = w.Close()
	status, body := post(t, a, "/v1/audio/transcriptions", w.FormDataContentType(), form.Bytes())
	if status != http.StatusInternalServerError || !strings.Contains(body, string(llm.CodeInternal)) || strings.Contains(body, "home") {
		t.Errorf("with a file: %d %s, want an internal error that says nothing more", status, body)
	}
	gatetest.Until(t, func() bool { return len(log.Lines(t, "exchange")) == 2 })
	if cause, _ := log.Lines(t, "exchange")[1]["error"].(string); !strings.Contains(cause, "creating a file for an upload") {
		t.Errorf("the log says %q, want the cause", cause)
	}
	if !strings.Contains(log.String(), "files cannot be taken") {
		t.Error("the log has no warning")
	}
}

func post(t *testing.T, a *app.App, path, contentType string, body []byte) (status int, answer string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, a.URL()+path, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", contentType)
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	resp, err := transport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	return resp.StatusCode, gatetest.Body(t, resp)
}
