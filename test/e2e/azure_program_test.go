package e2e_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// azureKey is a key of a resource of Azure's that does not exist.
const azureKey = "0123456789abcdef-made-up-azure-key"

// TestAzureProgram: a program that was written for Azure OpenAI runs through
// Weir with another endpoint, and nothing else changed in it.
func TestAzureProgram(t *testing.T) {
	t.Parallel()
	const door = `
listen: { address: "127.0.0.1:0" }
upstreams: [{ name: azure, kind: azure, endpoint: "SIM", auth: passthrough }]
transparent: { upstream: azure }
`
	for _, tt := range []struct {
		name, yaml, key, path string
		tls                   bool
	}{
		{"a transparent door", door, azureKey, "", false},
		{"a transparent door over TLS", strings.Replace(door, `:0"`, `:0", tls: { cert: PAIR.crt, key: PAIR.key }`, 1), azureKey, "", true},
		{"a transparent door below a prefix", `
listen: { address: "127.0.0.1:0" }
upstreams: [{ name: azure, kind: azure, endpoint: "SIM", auth: passthrough }]
models: [{ name: other, targets: [{ upstream: azure }] }]
transparent: { upstream: azure, prefix: /azure }
`, azureKey, "/azure", false},
		{"the Azure form of a model", `
listen: { address: "127.0.0.1:0" }
upstreams: [{ name: azure, kind: azure, api: classic, api_version: 2024-10-21, endpoint: "SIM", auth: { api_key: "` + azureKey + `" } }]
models: [{ name: gpt-4o, targets: [{ upstream: azure, model: gpt-4o }] }]
keys: [{ name: client, secret: ` + clientKey + ` }]
`, clientKey, "", false},
		{"the Azure form, with the caller's own key", `
listen: { address: "127.0.0.1:0" }
upstreams: [{ name: azure, kind: azure, api: classic, endpoint: "SIM", auth: passthrough }]
models: [{ name: "*", targets: [{ upstream: azure }] }]
`, azureKey, "", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			simulator := start(t, "simulate", "--listen", "127.0.0.1:0", "--key", azureKey)
			pair := ""
			if tt.tls {
				pair = writeSigned(t, "localhost")
			}
			path := filepath.Join(t.TempDir(), "weir.yaml")
			text := strings.NewReplacer("SIM", "http://"+simulator.address, "PAIR", pair).Replace(tt.yaml)
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			weir := start(t, "serve", "--config", path)
			endpoint := "http://" + weir.address + tt.path
			if tt.tls {
				_, port, _ := net.SplitHostPort(weir.address)
				endpoint = "https://localhost:" + port // the name in the certificate
			}
			for _, args := range [][]string{nil, {"stream"}} {
				got := runAzureProgram(t, endpoint, tt.key, pair, args...)
				if want := "echo: こんにちは、元気ですか？\n"; got != want {
					t.Errorf("with %q the program printed %q, want %q", args, got, want)
				}
			}
			wantAzurePaths(t, simulator)
		})
	}
}

// runAzureProgram runs the program as its user does, and returns what it prints.
func runAzureProgram(t *testing.T, endpoint, key, pair string, args ...string) string {
	t.Helper()
	interpreter := need(t, "Python SDK (openai)", ".cache/venv/bin/python3")
	ctx, cancel := context.WithTimeout(t.Context(), clientLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, interpreter, append([]string{"-B", "-I", "python/azure_program.py"}, args...)...)
	cmd.Env = environment(t.TempDir(), "AOAI_ENDPOINT="+endpoint, "AOAI_KEY="+key)
	if pair != "" {
		cmd.Env = append(cmd.Env, "SSL_CERT_FILE="+pair+".ca")
	}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("the program: %v\n%s", err, stderr.Bytes())
	}
	return string(out)
}

// writeSigned writes a certificate for host, its key and the authority that has
// signed it, and returns their path without .crt, .key and .ca.
func writeSigned(t *testing.T, host string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "weir")
	write := func(ending, kind string, b []byte) {
		if err := os.WriteFile(path+ending, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: b}), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	template := func(n int64, name string) *x509.Certificate {
		return &x509.Certificate{
			SerialNumber: big.NewInt(n), Subject: pkix.Name{CommonName: name},
			NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		}
	}
	authority, own := template(1, "an authority of one's own"), template(2, host)
	authority.IsCA, authority.BasicConstraintsValid, authority.KeyUsage = true, true, x509.KeyUsageCertSign
	own.DNSNames, own.ExtKeyUsage = []string{host}, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	var keys [2]*ecdsa.PrivateKey
	for i, c := range []*x509.Certificate{authority, own} {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		keys[i] = key
		signed, err := x509.CreateCertificate(rand.Reader, c, authority, &key.PublicKey, keys[0])
		if err != nil {
			t.Fatal(err)
		}
		write([]string{".ca", ".crt"}[i], "CERTIFICATE", signed)
	}
	secret, err := x509.MarshalECPrivateKey(keys[1])
	if err != nil {
		t.Fatal(err)
	}
	write(".key", "EC PRIVATE KEY", secret)
	return path
}

// wantAzurePaths checks that the simulator was called as Azure is.
func wantAzurePaths(t *testing.T, simulator *process) {
	t.Helper()
	resp, err := http.Get("http://" + simulator.address + "/sim/served?wait=5s")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var report bytes.Buffer
	if _, err := report.ReadFrom(resp.Body); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(report.String(), "/openai/deployments/gpt-4o/chat/completions"); n != 2 {
		t.Errorf("the simulator was called as Azure is %d times, want 2:\n%s", n, report.String())
	}
}
