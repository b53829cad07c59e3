package config_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/weir-gateway/weir/internal/config"
)

func TestSecretIsNotPrinted(t *testing.T) {
	const text = "the-secret-text"
	type holder struct {
		Shown  config.Secret
		hidden config.Secret // fmt cannot call methods on it
		list   []config.Secret
		byName map[string]config.Secret
	}
	s := config.NewSecret(text)
	h := holder{Shown: s, hidden: s, list: []config.Secret{s}, byName: map[string]config.Secret{"a": s}}
	encoded := func(marshal func(any) ([]byte, error), v any) string {
		b, err := marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	logged := func(h func(*bytes.Buffer) slog.Handler) string {
		var b bytes.Buffer
		slog.New(h(&b)).Info("x", "secret", s, "holder", struct{ S config.Secret }{s})
		return b.String()
	}
	for _, tt := range []struct{ name, got string }{
		{"String", s.String()},
		{"GoString", s.GoString()},
		{"%v", fmt.Sprintf("%v", s)},
		{"%+v", fmt.Sprintf("%+v", s)},
		{"%#v", fmt.Sprintf("%#v", s)},
		{"%s", fmt.Sprintf("%s", s)},
		{"%q", fmt.Sprintf("%q", s)},
		{"%x", fmt.Sprintf("%x", s)},
		{"%v of a pointer", fmt.Sprintf("%v", &s)},
		{"error text", fmt.Errorf("using %v", s).Error()},
		{"JSON", encoded(json.Marshal, s)},
		{"JSON of a struct", encoded(json.Marshal, h)},
		{"YAML", encoded(yaml.Marshal, s)},
		{"JSON log", logged(func(b *bytes.Buffer) slog.Handler { return slog.NewJSONHandler(b, nil) })},
		{"text log", logged(func(b *bytes.Buffer) slog.Handler { return slog.NewTextHandler(b, nil) })},
	} {
		if strings.Contains(tt.got, text) || !strings.Contains(tt.got, "[redacted]") {
			t.Errorf("%s = %q, want [redacted] in place of the secret", tt.name, tt.got)
		}
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d"} {
		if got := fmt.Sprintf(verb, h); strings.Contains(got, text) || strings.Contains(got, fmt.Sprintf("%x", text)) {
			t.Errorf("Sprintf(%s, struct) = %q, which holds the secret", verb, got)
		}
	}
	if got := s.Reveal(); got != text {
		t.Errorf("Reveal() = %q, want %q", got, text)
	}
}

func TestSecretEquality(t *testing.T) {
	a, b := config.NewSecret("a"), config.NewSecret("b")
	for _, tt := range []struct {
		name string
		x, y config.Secret
		want bool
	}{
		{"same text", a, config.NewSecret("a"), true},
		{"another text", a, b, false},
		{"another length", a, config.NewSecret("aa"), false},
		{"empty and not", config.Secret{}, a, false},
		{"both empty", config.Secret{}, config.NewSecret(""), true},
	} {
		if got := tt.x.Equal(tt.y); got != tt.want {
			t.Errorf("%s: Equal = %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestEmptySecretShowsThatItIsEmpty(t *testing.T) {
	var s config.Secret
	if got := fmt.Sprintf("%v|%s", s, s.Reveal()); got != "|" || !s.IsZero() {
		t.Errorf("the zero Secret is %q, IsZero %v; want nothing, true", got, s.IsZero())
	}
}
