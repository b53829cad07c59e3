package config_test

import (
	"bytes"
	"regexp"
	"strings"
	"testing"

	"github.com/weir-gateway/weir/internal/config"
)

func TestTemplate(t *testing.T) {
	doc := config.Template()
	c, err := config.Parse(doc, config.Options{Path: "weir.yaml", LookupEnv: environment()})
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Warnings) > 0 || len(c.Upstreams) != 1 || len(c.Keys) != 1 {
		t.Errorf("Template() has %d upstreams, %d keys, warnings %v; want one each and none", len(c.Upstreams), len(c.Keys), c.Warnings)
	}
	if bytes.Equal(doc, config.Template()) {
		t.Error("two templates have the same key")
	}
}

// TestTemplateExamples takes every # away.
func TestTemplateExamples(t *testing.T) {
	doc := regexp.MustCompile(`(?m)^( *)#(-|  )`).ReplaceAllString(string(config.Template()), "$1$2")
	doc = strings.Replace(doc, "\n# routing:", "\nrouting:", 1)
	c, err := config.Parse([]byte(doc), config.Options{Path: "weir.yaml", LookupEnv: environment(
		"AZURE_OPENAI_API_KEY", "a-key", "OPENAI_API_KEY", "a-key", "ANTHROPIC_API_KEY", "a-key", "ALICE_KEY", "a-key-of-alice-that-is-made-up")})
	if err != nil {
		t.Fatalf("%v\n%s", err, doc)
	}
	if len(c.Warnings) > 0 || len(c.Upstreams) != 5 || len(c.Models) != 5 || len(c.Keys) != 2 || c.Routing.Header == "" {
		t.Errorf("the examples are %d upstreams, %d models, %d keys, with warnings %v", len(c.Upstreams), len(c.Models), len(c.Keys), c.Warnings)
	}
}
