package config_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weir-gateway/weir/internal/config"
)

// environment is a LookupEnv over pairs of name and value.
func environment(pairs ...string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1], true
			}
		}
		return "", false
	}
}

func writeFile(t *testing.T, name, text string) string {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// named returns a configuration that can be told by its only model.
func named(model string) string {
	return "upstreams: [{ name: a, kind: simulator }]\nmodels: [{ name: " + model + ", targets: [{ upstream: a }] }]\n"
}

func TestLoadFindsTheFile(t *testing.T) {
	dir := t.TempDir()
	byFlag := writeFile(t, filepath.Join(dir, "flag.yaml"), named("flag"))
	byWeir := writeFile(t, filepath.Join(dir, "weir-config.yaml"), named("weir-config"))
	byPath := writeFile(t, filepath.Join(dir, "config-path.yaml"), named("config-path"))
	withDefault := filepath.Join(dir, "with")
	if err := os.Mkdir(withDefault, 0o700); err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(withDefault, "weir.yaml"), named("default"))
	missing := filepath.Join(dir, "missing.yaml")

	for _, tt := range []struct {
		name       string
		folder     string
		options    config.Options
		wantModel  string
		wantSource string
		wantErr    error  // nil, or what the error must wrap
		wantText   string // in the error
	}{
		{name: "the flag before all", folder: withDefault, options: config.Options{Path: byFlag, LookupEnv: environment("WEIR_CONFIG", byWeir, "CONFIG_PATH", byPath)}, wantModel: "flag", wantSource: byFlag},
		{name: "then WEIR_CONFIG", folder: withDefault, options: config.Options{LookupEnv: environment("CONFIG_PATH", byPath, "WEIR_CONFIG", byWeir)}, wantModel: "weir-config", wantSource: byWeir},
		{name: "then CONFIG_PATH", folder: withDefault, options: config.Options{LookupEnv: environment("CONFIG_PATH", byPath, "WEIR_CONFIG", "")}, wantModel: "config-path", wantSource: byPath},
		{name: "then weir.yaml in the folder", folder: withDefault, options: config.Options{LookupEnv: environment()}, wantModel: "default", wantSource: "weir.yaml"},
		{name: "then what is built in", folder: dir, options: config.Options{LookupEnv: environment()}, wantModel: "sim-1", wantSource: config.BuiltIn},
		{name: "what is built in if it is asked for", folder: withDefault, options: config.Options{BuiltIn: true, Path: byFlag, LookupEnv: environment("WEIR_CONFIG", byWeir)}, wantModel: "sim-1", wantSource: config.BuiltIn},
		{name: "a missing file named by the flag", folder: withDefault, options: config.Options{Path: missing, LookupEnv: environment()}, wantErr: fs.ErrNotExist, wantText: "the command line"},
		{name: "a missing file named by WEIR_CONFIG", folder: withDefault, options: config.Options{LookupEnv: environment("WEIR_CONFIG", missing)}, wantErr: fs.ErrNotExist, wantText: "$WEIR_CONFIG"},
		{name: "a missing file named by CONFIG_PATH", folder: withDefault, options: config.Options{LookupEnv: environment("CONFIG_PATH", missing)}, wantErr: fs.ErrNotExist, wantText: "$CONFIG_PATH"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Chdir(tt.folder)
			c, err := config.Load(tt.options)
			if tt.wantErr != nil {
				if !errors.Is(err, tt.wantErr) || !strings.Contains(err.Error(), tt.wantText) {
					t.Fatalf("Load error = %v, want one that wraps %v and names %s", err, tt.wantErr, tt.wantText)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := c.Models[0].Name; got != tt.wantModel || c.Source != tt.wantSource {
				t.Errorf("Load() = model %q from %q, want %q from %q", got, c.Source, tt.wantModel, tt.wantSource)
			}
		})
	}
}

func TestLoadReadsTheEnvironmentOfTheProcess(t *testing.T) {
	t.Chdir(t.TempDir())
	t.Setenv("WEIR_CONFIG", writeFile(t, filepath.Join(t.TempDir(), "a.yaml"), named("${TEST_MODEL}")))
	t.Setenv("TEST_MODEL", "from-the-environment")
	c, err := config.Load(config.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Models[0].Name; got != "from-the-environment" {
		t.Errorf("Load() = model %q, want the variable's value", got)
	}
}

func TestLoadDoesNotReadALargeFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "large.yaml")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(f.Truncate(1<<40), f.Close()); err != nil {
		t.Fatal(err)
	}
	_, err = config.Load(config.Options{Path: name, LookupEnv: environment()})
	var faults config.Faults
	if !errors.As(err, &faults) || !strings.Contains(err.Error(), "larger than 1MiB") {
		t.Errorf("Load error = %v, want a fault that says the file is too large", err)
	}
}

func TestBuiltInConfiguration(t *testing.T) {
	c, err := config.Load(config.Options{BuiltIn: true, LookupEnv: environment("BODY_LIMIT", "1MiB", "PORT", "1", "OPENAI_API_KEY", "sk-of-somebody", "HOME", "/srv/home")})
	if err != nil {
		t.Fatal(err)
	}
	timeouts := config.Timeouts{Connect: 10 * time.Second, FirstByte: 5 * time.Minute, Idle: 15 * time.Minute, Total: 15 * time.Minute}
	want := &config.Config{
		Source: config.BuiltIn,
		Listen: config.Listen{
			Address: "127.0.0.1:8787", BodyLimit: 50 << 20, BodyMemory: 512 << 20, BodyDisk: 4 << 30, Drain: 30 * time.Second,
			Timeouts: config.ListenTimeouts{Header: 10 * time.Second, Body: 30 * time.Second, Write: time.Minute, Idle: 2 * time.Minute},
		},
		Timeouts: timeouts,
		Upstreams: []config.Upstream{{
			Name: "simulator", Kind: config.KindSimulator, Auth: config.Auth{Method: config.AuthNone}, Timeouts: timeouts,
		}},
		Models: []config.Model{
			{Name: "sim-1", Targets: []config.Target{{Upstream: "simulator", StreamUsage: true}}},
			{Name: "sim-*", Targets: []config.Target{{Upstream: "simulator", StreamUsage: true}}},
		},
		DataDir: "/srv/home/.local/state/weir",
		Store:   config.StoreSQLite, Responses: config.Responses{TTL: 720 * time.Hour, MaxRecords: 100_000, MaxBytes: 1 << 30},
		Log: config.Log{Level: "info", Format: "json"},
	}
	withCare(want)
	if diff := cmp.Diff(want, c, sameConfig); diff != "" {
		t.Errorf("the built-in configuration (-want +got):\n%s", diff)
	}
	if len(c.Warnings) > 0 {
		t.Errorf("it has warnings: %v", c.Warnings)
	}
}

// withCare gives each upstream what it has of retries, health and connections
// where nothing is said of them.
func withCare(c *config.Config) {
	for i := range c.Upstreams {
		u := &c.Upstreams[i]
		if u.Retry.Profile == "" {
			u.Retry = config.Retry{
				Profile: config.RetryStandard, MaxRetries: 1, Attempts: 6, Base: time.Second, Max: 8 * time.Second, Jitter: config.JitterEqual,
				Statuses: []int{408, 409, 425, 429, 500, 502, 503, 504, 529}, RetryAfterMax: 30 * time.Second, Within: 10 * time.Minute, Commit: config.CommitAuto, Budget: 10,
			}
		}
		u.Health = config.Health{Failures: 5, Ratio: 50, Samples: 20, Out: 10 * time.Second, MaxOut: 5 * time.Minute, CheckTimeout: 5 * time.Second}
		if u.Queue.Length == 0 {
			u.Queue = config.Queue{Length: 100, Wait: 10 * time.Second}
		}
		if u.Pool.Idle == 0 {
			u.Pool = config.Pool{Idle: 4096, KeepAlive: 90 * time.Second}
		}
	}
}

func TestParseFillsTheTypes(t *testing.T) {
	a := archives(t, "testdata/print/print.txtar")[0]
	doc := a.data.Files[a.file("every-key.yaml")].Data
	got, err := config.Parse(doc, a.options("every-key.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	key := config.NewSecret("a-key-from-the-environment")
	common := config.Timeouts{Connect: 5 * time.Second, FirstByte: 90 * time.Minute, Idle: time.Hour, StreamTotal: 24 * time.Hour}
	foundry := common
	foundry.Connect, foundry.Total = time.Second, time.Minute
	none := config.Auth{Method: config.AuthNone}
	want := &config.Config{
		Listen: config.Listen{
			Address: "[::1]:0", Hosts: []string{"gw.example.com", "10.1.2.3", "fd00::1"}, BodyLimit: 20e6, BodyMemory: 1 << 30, BodyDisk: 30e6, Drain: 90 * time.Second,
			Timeouts: config.ListenTimeouts{Header: 1500 * time.Millisecond, Body: 30 * time.Second, Write: time.Hour, Idle: 150 * time.Second},
		},
		Timeouts: common,
		Upstreams: []config.Upstream{
			{
				Name: "foundry", Kind: config.KindAzure, Endpoint: "https://res.openai.azure.com", API: config.APIClassic, APIVersion: "2024-10-21",
				Auth: config.Auth{Method: config.AuthAPIKey, APIKey: key}, Timeouts: foundry,
			},
			{
				Name: "preview", Kind: config.KindAzure, Endpoint: "https://res.services.ai.azure.com/openai/v1/", API: config.APIv1, APIVersion: "preview",
				Auth: config.Auth{Method: config.AuthBearer, Bearer: config.NewSecret("a-token-from-a-file")}, Timeouts: common, InsecureSkipVerify: true,
			},
			{Name: "own", Kind: config.KindOpenAI, Endpoint: "https://api.openai.com/v1", Auth: config.Auth{Method: config.AuthPassthrough}, Timeouts: common},
			{Name: "claude", Kind: config.KindAnthropic, Endpoint: "https://api.anthropic.com", Auth: config.Auth{Method: config.AuthAPIKey, APIKey: key}, Timeouts: common},
			{Name: "ollama", Kind: config.KindOllama, Endpoint: "http://127.0.0.1:11434", Auth: none, Timeouts: common},
			{
				Name: "vllm", Kind: config.KindCompatible, Endpoint: "https://vllm.example.com:8000/base/v1", Auth: none, Timeouts: common,
				Headers: map[string]config.Secret{"X-Team": key, "x-api-key": key},
				Retry: config.Retry{
					Profile: config.RetryPatient, MaxRetries: 0, Attempts: 8, Base: 800 * time.Millisecond, Max: 8 * time.Second, Jitter: config.JitterAdded,
					Statuses: []int{429, 503}, RetryAfterMax: time.Minute, Within: 10 * time.Minute, Commit: config.CommitAuto,
				},
				MaxInFlight: 64, Queue: config.Queue{Length: 8, Wait: time.Second},
				Pool:   config.Pool{Connections: 32, Idle: 32, KeepAlive: 90 * time.Second, HeaderTimeout: 5 * time.Minute},
				Routes: map[string]string{"responses": "/serve/v1/responses", "chat/completions": "responses"},
			},
			{Name: "sim", Kind: config.KindSimulator, Auth: none, Timeouts: common},
		},
		Models: []config.Model{
			{Name: "gpt-5-mini", Targets: []config.Target{
				{Upstream: "foundry", Model: "my-deployment"},
				{Upstream: "own", StreamUsage: true},
				{
					Upstream: "foundry", Model: "by-responses", StreamUsage: true, ThinkTags: true, EchoReasoning: config.EchoOptional,
					Routes:   map[string]string{"*": "responses", "images/generations": "/openai/deployments/{deployment}/images/generations?api-version=2025-04-01-preview"},
					Features: config.Features{CustomTools: new(false), State: new(true)},
				},
				{Upstream: "ollama", StreamUsage: true, Ollama: config.OllamaSettings{NumCtx: 8192, KeepAlive: config.Forever}},
			}},
			{Name: "*gpt-oss*", Targets: []config.Target{{Upstream: "ollama", StreamUsage: true}}},
			{Name: "costs$", Targets: []config.Target{{Upstream: "vllm", Model: `a "b" \ c/$ é`, StreamUsage: true}}},
		},
		Keys: []config.Key{
			{Name: "alice@example.com", Tenant: "research", Secret: config.NewSecret("0123456789abcdef0123456789abcdef"), Models: []string{"gpt-5*"}},
			{Name: "bob", Tenant: "default", Secret: config.NewSecret(strings.Repeat("0123456789abcdef", 4)), Models: []string{"*"}, Disabled: true},
		},
		DataDir: "/srv/home/.local/state/weir",
		Store:   config.StoreSQLite, Responses: config.Responses{TTL: 720 * time.Hour, MaxRecords: 100_000, MaxBytes: 1 << 30},
		Log: config.Log{Level: "warn", Format: "text"},
	}
	withCare(want)
	if diff := cmp.Diff(want, got, sameConfig); diff != "" {
		t.Errorf("Parse (-want +got):\n%s", diff)
	}
}

func TestOptionsAndVariablesOverrideTheDocument(t *testing.T) {
	doc := named("a") + "listen: { address: 10.0.0.1:1, body_limit: 1MiB }\n"
	for _, tt := range []struct {
		name       string
		doc        string
		options    config.Options
		wantListen string
		wantLimit  int64
		wantMemory int64
		wantDisk   int64
	}{
		{"nothing", doc, config.Options{LookupEnv: environment("BODY_LIMIT", "")}, "10.0.0.1:1", 1 << 20, 512 << 20, 4 << 30},
		{"--listen", doc, config.Options{Listen: "127.0.0.1:2", LookupEnv: environment()}, "127.0.0.1:2", 1 << 20, 512 << 20, 4 << 30},
		{"BODY_LIMIT in bytes", doc, config.Options{LookupEnv: environment("BODY_LIMIT", "5000")}, "10.0.0.1:1", 5000, 512 << 20, 4 << 30},
		{"BODY_LIMIT with a unit", doc, config.Options{LookupEnv: environment("BODY_LIMIT", "2MB")}, "10.0.0.1:1", 2e6, 512 << 20, 4 << 30},
		{"BODY_LIMIT above the default memory", doc, config.Options{LookupEnv: environment("BODY_LIMIT", "1GiB")}, "10.0.0.1:1", 1 << 30, 2 << 30, 4 << 30},
		{"a limit above the default memory", named("a") + "listen: { body_limit: 2GiB }\n", config.Options{LookupEnv: environment()}, "127.0.0.1:8787", 2 << 30, 4 << 30, 4 << 30},
		{"a limit above the default disk", named("a") + "listen: { body_limit: 5GiB }\n", config.Options{LookupEnv: environment()}, "127.0.0.1:8787", 5 << 30, 10 << 30, 5 << 30},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, err := config.Parse([]byte(tt.doc), tt.options)
			if err != nil {
				t.Fatal(err)
			}
			if l := c.Listen; l.Address != tt.wantListen || l.BodyLimit != tt.wantLimit || l.BodyMemory != tt.wantMemory || l.BodyDisk != tt.wantDisk {
				t.Errorf("Parse() = %s, limit %d, memory %d, disk %d; want %s, %d, %d, %d", l.Address, l.BodyLimit, l.BodyMemory, l.BodyDisk, tt.wantListen, tt.wantLimit, tt.wantMemory, tt.wantDisk)
			}
		})
	}
}

// TestWhoNamesTheDataDir: what somebody has named must be there, what Weir
// finds by itself need not.
func TestWhoNamesTheDataDir(t *testing.T) {
	for _, tt := range []struct {
		name, doc string
		options   config.Options
		want      bool
	}{
		{"nobody", named("a"), config.Options{LookupEnv: environment("HOME", "/srv/home")}, false},
		{"the user's state folder", named("a"), config.Options{LookupEnv: environment("XDG_STATE_HOME", "/srv/state")}, false},
		{"the document", named("a") + "data_dir: /srv/weir\n", config.Options{LookupEnv: environment()}, true},
		{"the flag", named("a"), config.Options{DataDir: "/srv/weir", LookupEnv: environment()}, true},
		{"WEIR_DATA_DIR", named("a"), config.Options{LookupEnv: environment("WEIR_DATA_DIR", "/srv/weir")}, true},
		{"systemd", named("a"), config.Options{LookupEnv: environment("STATE_DIRECTORY", "/var/lib/weir")}, true},
	} {
		c, err := config.Parse([]byte(tt.doc), tt.options)
		if err != nil {
			t.Fatal(err)
		}
		if c.DataDirNamed != tt.want {
			t.Errorf("%s: DataDirNamed = %v, want %v (%s)", tt.name, c.DataDirNamed, tt.want, c.DataDir)
		}
	}
}

// TestWhoNamesTheStore: the document, else $WEIR_STORE.
func TestWhoNamesTheStore(t *testing.T) {
	for _, tt := range []struct {
		name, doc, env string
		want           config.Store
		fault          string
	}{
		{"nobody", "", "", config.StoreSQLite, ""},
		{"the document", "store: none\n", "", config.StoreNone, ""},
		{"WEIR_STORE", "", "none", config.StoreNone, ""},
		{"both", "store: sqlite\n", "none", config.StoreSQLite, ""},
		{"a wrong one", "", "memory", "", "WEIR_STORE: store: \"memory\" is not one of the values allowed\n\twrite sqlite or none"},
		{"a wrong one that does not count", "store: none\n", "memory", config.StoreNone, ""},
	} {
		c, err := config.Parse([]byte(named("a")+tt.doc), config.Options{LookupEnv: environment("HOME", "/srv/home", "WEIR_STORE", tt.env)})
		switch {
		case tt.fault != "":
			if err == nil || err.Error() != tt.fault {
				t.Errorf("%s: %v, want %s", tt.name, err, tt.fault)
			}
		case err != nil || c.Store != tt.want:
			t.Errorf("%s: %v, %v, want %s", tt.name, c, err, tt.want)
		}
	}
}

// TestListenerAcceptsItsCertificate has the files of a pair in the folder of
// the configuration.
func TestListenerAcceptsItsCertificate(t *testing.T) {
	dir := t.TempDir()
	cert, key := newCertificate(t)
	writeFile(t, filepath.Join(dir, "tls.crt"), cert)
	writeFile(t, filepath.Join(dir, "tls.key"), key)
	writeFile(t, filepath.Join(dir, "ca.pem"), cert)
	doc := "listen: { tls: { cert: tls.crt, key: ./tls.key } }\n" +
		"upstreams: [{ name: a, kind: compatible, endpoint: \"https://127.0.0.1\", ca_file: ca.pem }]\n" +
		"models: [{ name: a, targets: [{ upstream: a }] }]\n"
	c, err := config.Load(config.Options{Path: writeFile(t, filepath.Join(dir, "weir.yaml"), doc), LookupEnv: environment()})
	if err != nil {
		t.Fatal(err)
	}
	want := config.TLS{Cert: filepath.Join(dir, "tls.crt"), Key: filepath.Join(dir, "tls.key")}
	if c.Listen.TLS != want || c.Upstreams[0].CAFile != filepath.Join(dir, "ca.pem") {
		t.Errorf("Load() = %+v and %s, want files in %s", c.Listen.TLS, c.Upstreams[0].CAFile, dir)
	}

	_, otherKey := newCertificate(t)
	writeFile(t, filepath.Join(dir, "tls.key"), otherKey)
	if _, err := config.Load(config.Options{Path: filepath.Join(dir, "weir.yaml"), LookupEnv: environment()}); err == nil {
		t.Error("Load accepts a key of another certificate")
	}
}

func newCertificate(t *testing.T) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	var c, k bytes.Buffer
	if err := errors.Join(pem.Encode(&c, &pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.Encode(&k, &pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})); err != nil {
		t.Fatal(err)
	}
	return c.String(), k.String()
}

func TestParseRefusesWhatIsNotText(t *testing.T) {
	for _, tt := range []struct{ name, doc, want string }{
		{"not UTF-8", "log: { level: \"\xff\" }\n", "weir.yaml:1:16: the document is not UTF-8"},
		{"a control character", "# a\n#\tb \x1b[2J\n", "weir.yaml:2:5: the character U+001B is not allowed"},
		{"UTF-16", "\xff\xfel\x00o\x00g\x00", "weir.yaml:1:1: the document is not UTF-8"},
		{"a NUL", "log: \x00", "weir.yaml:1:6: the character U+0000 is not allowed"},
		{"a character that stands for a brace", "log: \ue000A\ue001", "weir.yaml:1:6: the character U+E000 is not allowed"},
	} {
		_, err := config.Parse([]byte(tt.doc), config.Options{Path: "weir.yaml", LookupEnv: environment()})
		if err == nil || !strings.HasPrefix(err.Error(), tt.want) {
			t.Errorf("%s: Parse error = %v, want %s", tt.name, err, tt.want)
		}
	}
}

func TestParseAcceptsByteOrderMarkAndWindowsLines(t *testing.T) {
	doc := "\ufeff" + strings.ReplaceAll(named("a"), "\n", "\r\n")
	if _, err := config.Parse([]byte(doc), config.Options{LookupEnv: environment()}); err != nil {
		t.Error(err)
	}
}

func TestReferencesHaveLimits(t *testing.T) {
	long := strings.Repeat("x", 60<<10)
	var many strings.Builder
	many.WriteString("upstreams:\n  - name: a\n    kind: compatible\n    endpoint: http://127.0.0.1\n    headers:\n")
	for i := range 200 {
		fmt.Fprintf(&many, "      X-%d: ${LONG}\n", i)
	}
	for _, tt := range []struct{ name, doc, want string }{
		{"of one value", "log: { level: \"${LONG}${LONG}\" }\n", "longer than 64KiB"},
		{"of all together", many.String(), "more than 8MiB"},
	} {
		_, err := config.Parse([]byte(tt.doc), config.Options{Path: "weir.yaml", LookupEnv: environment("LONG", long)})
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: Parse error = %.200v, want one that says %q", tt.name, err, tt.want)
		}
	}
}

func TestFaultsAreCut(t *testing.T) {
	_, err := config.Parse([]byte("log:\n"+strings.Repeat("  x: 1\n", 300)), config.Options{Path: "weir.yaml", LookupEnv: environment()})
	var faults config.Faults
	if !errors.As(err, &faults) {
		t.Fatalf("Parse error = %v, want Faults", err)
	}
	if got := len(faults); got != 101 || !strings.Contains(faults[100].Msg, "more faults follow") {
		t.Errorf("Parse reports %d faults, the last %v; want 100 and how many follow", got, faults[len(faults)-1])
	}
}

// TestAlmostWeirYAML: a file that is almost named right is not silently left
// out.
func TestAlmostWeirYAML(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("weir.yml", []byte("models: []\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(config.Options{LookupEnv: environment()})
	if err != nil {
		t.Fatal(err)
	}
	if c.Source != config.BuiltIn || len(c.Warnings) != 1 || !strings.Contains(c.Warnings[0].String(), "weir.yml: is not read") {
		t.Errorf("Load() = %s with warnings %v, want the built-in configuration and a word about weir.yml", c.Source, c.Warnings)
	}
}
