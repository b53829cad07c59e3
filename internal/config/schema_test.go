package config_test

import (
	"bytes"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/weir-gateway/weir/internal/config"
)

// compiledSchema returns JSONSchema as another library understands it.
func compiledSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(config.JSONSchema()))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("weir.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("weir.json")
	if err != nil {
		t.Fatal(err)
	}
	if s.DraftVersion != 2020 {
		t.Errorf("the schema is of draft %d, want 2020", s.DraftVersion)
	}
	return s
}

func decodeYAML(t *testing.T, doc []byte) any {
	t.Helper()
	var v any
	if err := yaml.Unmarshal(doc, &v); err != nil {
		t.Fatalf("%v in\n%s", err, doc)
	}
	return v
}

// TestSchemaAcceptsWhatParseAccepts runs on what Print writes too, so that an
// editor does not underline it.
func TestSchemaAcceptsWhatParseAccepts(t *testing.T) {
	schema := compiledSchema(t)
	for _, a := range append(archives(t, "testdata/print/*.txtar"), archives(t, "testdata/warnings/*.txtar")...) {
		for _, file := range a.data.Files {
			if !strings.HasSuffix(file.Name, ".yaml") {
				continue
			}
			c, err := config.Parse(file.Data, a.options(file.Name))
			if err != nil {
				t.Fatal(err)
			}
			var printed bytes.Buffer
			if err := c.Print(&printed); err != nil {
				t.Fatal(err)
			}
			// References inside { } without quotes are Weir's own liberty.
			quoted := regexp.MustCompile(`([:\[] )(\$\{[A-Z_]+\})`).ReplaceAll(file.Data, []byte(`$1"$2"`))
			for _, doc := range [][]byte{quoted, printed.Bytes()} {
				if bytes.Contains(doc, []byte(`"[redacted]"`)) {
					continue // Parse refuses that too
				}
				if err := schema.Validate(decodeYAML(t, doc)); err != nil {
					t.Errorf("%s: the schema refuses what Parse accepts: %v\n%s", file.Name, err, doc)
				}
			}
		}
	}
}

// TestSchemaAndParseRefuseTheSame has one document for each class of fault
// that both can see.
func TestSchemaAndParseRefuseTheSame(t *testing.T) {
	const (
		upstreams = "upstreams: [{ name: a, kind: simulator }]\n"
		models    = "models: [{ name: a, targets: [{ upstream: a }] }]\n"
		both      = upstreams + models
	)
	schema := compiledSchema(t)
	parse := func(doc string) error {
		_, err := config.Parse([]byte(doc), config.Options{Path: "weir.yaml", LookupEnv: func(string) (string, bool) { return "", false }})
		return err
	}
	for _, tt := range []struct{ name, doc string }{
		{"nothing missing", both},
		{"every default", both + "listen: {}\ntimeouts: {}\nlog: {}\nkeys: []\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if err := parse(tt.doc); err != nil {
				t.Errorf("Parse error = %v", err)
			}
			if err := schema.Validate(decodeYAML(t, []byte(tt.doc))); err != nil {
				t.Errorf("the schema refuses it: %v", err)
			}
		})
	}
	for _, tt := range []struct{ name, doc string }{
		{"a list for the document", "- a\n"},
		{"no upstreams", models},
		{"no models", upstreams},
		{"empty upstreams", "upstreams: []\n" + models},
		{"empty models", upstreams + "models: []\n"},
		{"unknown key at the top", both + "retry: {}\n"},
		{"unknown key further down", both + "listen: { timeouts: { read: 1s } }\n"},
		{"unknown key of an item", "upstreams: [{ name: a, kind: simulator, retry: x }]\n" + models},
		{"required key missing", "upstreams: [{ kind: simulator }]\n" + models},
		{"targets missing", upstreams + "models: [{ name: a }]\n"},
		{"targets empty", upstreams + "models: [{ name: a, targets: [] }]\n"},
		{"nothing", both + "keys:\n"},
		{"number for a text", both + "listen: { address: 8787 }\n"},
		{"text for a list", both + "listen: { hosts: a }\n"},
		{"text for a mapping", both + "log: info\n"},
		{"text for a truth value", both + "listen: { open: \"true\" }\n"},
		{"list for a duration", both + "listen: { drain: [1s] }\n"},
		{"value that is not allowed", both + "log: { level: trace }\n"},
		{"duration without unit", both + "listen: { drain: 30 }\n"},
		{"duration in days", both + "listen: { drain: 1d }\n"},
		{"off where it is not allowed", both + "timeouts: { connect: off }\n"},
		{"size without unit", both + "listen: { body_limit: 1024 }\n"},
		{"size of an unknown unit", both + "listen: { body_limit: 1M }\n"},
		{"upstream name", "upstreams: [{ name: a b, kind: simulator }]\nmodels: [{ name: a, targets: [{ upstream: a b }] }]\n"},
		{"no auth where it is needed", "upstreams: [{ name: a, kind: openai }]\n" + models},
		{"unknown auth", "upstreams: [{ name: a, kind: openai, auth: basic }]\n" + models},
		{"two credentials", "upstreams: [{ name: a, kind: openai, auth: { api_key: x, bearer: y } }]\n" + models},
		{"no credential", "upstreams: [{ name: a, kind: openai, auth: {} }]\n" + models},
		{"unknown credential", "upstreams: [{ name: a, kind: openai, auth: { entra: {} } }]\n" + models},
		{"no endpoint where it is needed", "upstreams: [{ name: a, kind: ollama }]\n" + models},
		{"api of another kind", "upstreams: [{ name: a, kind: openai, auth: none, api: v1 }]\n" + models},
		{"headers of another kind", "upstreams: [{ name: a, kind: openai, auth: none, headers: { X-A: b } }]\n" + models},
		{"header name", "upstreams: [{ name: a, kind: compatible, endpoint: \"http://a\", headers: { \"X A\": b } }]\n" + models},
		{"empty secret", "upstreams: [{ name: a, kind: compatible, endpoint: \"http://a\", headers: { X-A: \"\" } }]\n" + models},
		{"short secret", both + "keys: [{ name: a, secret: short }]\n"},
		{"secret with a space", both + "keys: [{ name: a, secret: long enough but with spaces }]\n"},
		{"key name", both + "keys: [{ name: a b, secret: long-enough-to-be-a-key }]\n"},
		{"unknown feature", upstreams + "models: [{ name: a, targets: [{ upstream: a, features: { shell: true } }] }]\n"},
		{"text for a feature", upstreams + "models: [{ name: a, targets: [{ upstream: a, features: { state: \"no\" } }] }]\n"},
		{"size for a number", upstreams + "models: [{ name: a, targets: [{ upstream: a, ollama: { num_ctx: 4KiB } }] }]\n"},
		{"number out of range", upstreams + "models: [{ name: a, targets: [{ upstream: a, ollama: { num_ctx: 0 } }] }]\n"},
		{"empty route", upstreams + "models: [{ name: a, targets: [{ upstream: a, routes: { responses: \"\" } }] }]\n"},
		{"number for a route", upstreams + "models: [{ name: a, targets: [{ upstream: a, routes: { responses: 1 } }] }]\n"},
		{"key with no models", both + "keys: [{ name: a, secret: long-enough-to-be-a-key, models: [] }]\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if err := parse(tt.doc); err == nil {
				t.Errorf("Parse accepts it:\n%s", tt.doc)
			}
			if err := schema.Validate(decodeYAML(t, []byte(tt.doc))); err == nil {
				t.Errorf("the schema accepts it:\n%s", tt.doc)
			}
		})
	}
}

// TestReferencePageHasAnExampleThatLoads keeps the first thing that is copied
// from the page working.
func TestReferencePageHasAnExampleThatLoads(t *testing.T) {
	page, err := os.ReadFile("../../docs/reference/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	_, example, found := bytes.Cut(page, []byte("```yaml\n"))
	example, _, closed := bytes.Cut(example, []byte("```\n"))
	if !found || !closed {
		t.Fatal("the page has no example")
	}
	env := func(name string) (string, bool) {
		return "0123456789abcdef-" + name, name != "BODY_LIMIT" && name != "WEIR_STORE" && name != "WEIR_SECRET_KEY" && name != "WEIR_SECRET_KEY_FILE" && !strings.HasPrefix(name, "UPSTREAM_")
	}
	c, err := config.Parse(example, config.Options{Path: "weir.yaml", LookupEnv: env})
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Warnings) > 0 {
		t.Errorf("the example has warnings: %v", config.Faults(c.Warnings))
	}
	if err := compiledSchema(t).Validate(decodeYAML(t, example)); err != nil {
		t.Errorf("the schema refuses the example: %v", err)
	}
}
