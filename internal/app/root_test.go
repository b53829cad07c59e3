package app_test

import (
	"context"
	"encoding/base64"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/weir-gateway/weir/internal/app"
	"github.com/weir-gateway/weir/internal/config"
	"github.com/weir-gateway/weir/internal/gatetest"
)

// startWith builds a gateway with a state folder and variables, and stops it
// again. It returns what it has logged.
func startWith(t *testing.T, dataDir string, env map[string]string) (string, error) {
	t.Helper()
	cfg, err := config.Parse([]byte("upstreams: [{ name: sim, kind: simulator }]\nmodels: [{ name: m, targets: [{ upstream: sim }] }]\n"), config.Options{
		Listen: "127.0.0.1:0", DataDir: dataDir,
		LookupEnv: func(name string) (string, bool) { v, ok := env[name]; return v, ok },
		Open:      func(string) (io.ReadCloser, error) { return nil, os.ErrNotExist },
	})
	if err != nil {
		t.Fatal(err)
	}
	var log gatetest.Buffer
	a, err := app.New(context.Background(), app.Options{Config: cfg, Log: &log})
	if err != nil {
		return log.String(), err
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return log.String(), a.Run(ctx)
}

// TestRootSecret: the root secret is made once, in data_dir, and not at all
// where the environment has one.
func TestRootSecret(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "secret.key")
	given := base64.StdEncoding.EncodeToString([]byte("a root secret of thirty-two byte"))
	log, err := startWith(t, dir, map[string]string{"WEIR_SECRET_KEY": given})
	if err != nil || strings.Contains(log, given) {
		t.Errorf("New = %v, log:\n%s", err, log)
	}
	if _, err := os.Stat(file); err == nil {
		t.Error("a file was made although the environment has a secret")
	}
	if log, err = startWith(t, dir, nil); err != nil || !strings.Contains(log, "made a root secret") {
		t.Errorf("the first start: %v, log:\n%s", err, log)
	}
	first, err := os.ReadFile(file)
	if err != nil || strings.Contains(log, strings.TrimSpace(string(first))) {
		t.Errorf("%v, log:\n%s", err, log)
	}
	if log, err = startWith(t, dir, nil); err != nil || strings.Contains(log, "root secret") {
		t.Errorf("the second start: %v, log:\n%s", err, log)
	}
	if again, _ := os.ReadFile(file); string(again) != string(first) {
		t.Error("the second start has made another")
	}
	if err := os.WriteFile(file, []byte("cut"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := startWith(t, dir, nil); err == nil || !strings.Contains(err.Error(), file+" cannot be used") || !strings.Contains(err.Error(), "set WEIR_SECRET_KEY") {
		t.Errorf("with half a secret: %v", err)
	}
}
