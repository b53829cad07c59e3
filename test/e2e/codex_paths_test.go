package e2e_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// TestCodexWebSocket lets the built-in provider try a WebSocket: Weir refuses
// it in the way that makes Codex go on over HTTP at once.
func TestCodexWebSocket(t *testing.T) {
	t.Parallel()
	c := newCodex(t, newHouse(t, "openai"))
	config := fmt.Sprintf("model = %q\nopenai_base_url = \"%s/v1\"\n", classicModel, c.front.url)
	r := c.exec(t, config, "hi", "CODEX_API_KEY="+c.house.key)
	if r.exit != 0 || !strings.Contains(r.stdout, "echo: hi") {
		t.Errorf("Codex ended with exit code %d and %q, want 0 and echo: hi", r.exit, r.stdout)
	}
	var upgrades, refused int
	for _, one := range c.front.requests() {
		if strings.EqualFold(one.Header.Get("Upgrade"), "websocket") {
			upgrades++
		}
		if one.Status == http.StatusUpgradeRequired {
			refused++
		}
	}
	if upgrades != 1 || refused != 1 || len(c.posts()) != 1 {
		t.Errorf("Codex tried %d upgrades, of which %d got 426, and posted %d times; want 1, 1, 1", upgrades, refused, len(c.posts()))
	}
	c.checkUntouched(t, classicModel, classicModel)
	c.checkAccount(t, classicModel, 1)
}

// TestCodexModels lets a provider with a command for its key ask for the list
// of models, which Codex wants in a shape of its own.
func TestCodexModels(t *testing.T) {
	t.Parallel()
	c := newCodex(t, newHouse(t, "openai"))
	config := fmt.Sprintf("model = %q\n"+provider+"[model_providers.weir.auth]\ncommand = \"echo\"\nargs = [%q]\n",
		classicModel, c.front.url, c.house.key)
	r := c.exec(t, config, "hi")
	if r.exit != 0 || !strings.Contains(r.stdout, "echo: hi") {
		t.Errorf("Codex ended with exit code %d and %q, want 0 and echo: hi", r.exit, r.stdout)
	}
	if strings.Contains(r.stderr, "ERROR") {
		t.Error("Codex complains about the list of models")
	}
	var lists int
	for _, one := range c.front.requests() {
		if strings.HasPrefix(one.URI, "/v1/models?client_version=") && one.Status == http.StatusOK {
			lists++
		}
	}
	if lists == 0 {
		t.Error("Codex did not ask for the list of models, or did not get it")
	}
	c.checkAccount(t, classicModel, 1)
}

// TestCodexAzure speaks to Weir as to Azure's classic paths: the version that
// Codex sends goes no further, whichever surface the upstream has.
func TestCodexAzure(t *testing.T) {
	t.Parallel()
	const model = "gpt-5.6-luna"
	c := newCodex(t, newHouse(t, "openai"))
	config := fmt.Sprintf(`model = %q
model_provider = "azure"
[model_providers.azure]
name = "Azure"
base_url = "%s/openai"
query_params = { api-version = "2025-03-01-preview" }
env_http_headers = { "api-key" = "WEIR_KEY" }
wire_api = "responses"
`, model, c.front.url)
	r := c.exec(t, config, "hi", "WEIR_KEY="+c.house.key)
	if r.exit != 0 || !strings.Contains(r.stdout, "echo: hi") {
		t.Errorf("Codex ended with exit code %d and %q, want 0 and echo: hi", r.exit, r.stdout)
	}
	c.checkUntouched(t, model, "my-deployment")
	c.checkAccount(t, model, 1)
	c.house.checkArrived(t, "azure")
}
