package rule_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/weir-gateway/weir/internal/route/rule"
)

var options = rule.Options{Headers: []string{"x-team"}} // immutable

func env() *rule.Env {
	return &rule.Env{
		Model: "gpt-5", Operation: "chat", Dialect: "chat", Tenant: "research", Key: "alice",
		Roles: []string{"dev"}, Metadata: map[string]string{"tier": "gold"},
		InputTokens: 1200, Stream: true, Now: time.Date(2026, 11, 21, 22, 30, 0, 0, time.UTC),
		Targets: []rule.Target{{Upstream: "a", Healthy: true, Quality: 3, Labels: map[string]string{"region": "eu"}}, {Upstream: "b", InputPrice: 0.5}},
		Header: func(name string) string {
			if strings.EqualFold(name, "X-Team") {
				return "blue"
			}
			return ""
		},
	}
}

func TestHolds(t *testing.T) {
	for source, want := range map[string]bool{
		`model == "gpt-5"`: true,
		`hour(now, "Asia/Tokyo") < 8 && model == "gpt-5"`: true, // 07:30 on the next day
		`hour(now) == 22`: true,
		`weekday(now) == "sat" && weekday(now, "Asia/Tokyo") == "sun"`: true,
		`date(now, "Asia/Tokyo") == "2026-11-22"`:                      true,
		`hour(now) in 9..17`: false,
		`hour(now) not in 9..17 && !(input_tokens in 0..1000)`:      true,
		`model matches "a{900}"`:                                    false,
		`"dev" in roles and metadata.tier == "gold"`:                true,
		`metadata["none"] == ""`:                                    true,
		`header("x-team") == "blue"`:                                true,
		`header("X-Team") startsWith "r"`:                           false,
		`model matches "^gpt-[0-9]$"`:                               true,
		`none(targets, .healthy)`:                                   false,
		`count(targets, .quality > 2) == 1`:                         true,
		`any(filter(targets, .healthy), .labels["region"] == "eu")`: true,
		`min(input_tokens, 100) == 100 && !tools`:                   true,
		`input_tokens + output_tokens > 2000 || spend > 1.5`:        false,
		`stream ? images : true`:                                    false,
		`lower(trim(" A ")) == "a"`:                                 true,
	} {
		c, err := rule.Compile(source, options)
		if err != nil {
			t.Errorf("%s: %v", source, err)
			continue
		}
		if got, err := c.Holds(env()); err != nil || got != want {
			t.Errorf("%s = %t, %v; want %t", source, got, err, want)
		}
		if got := strings.Contains(source, "targets"); got != c.Targets() {
			t.Errorf("%s looks at targets: %t", source, c.Targets())
		}
	}
}

func TestZone(t *testing.T) {
	tokyo, err := time.LoadLocation("Asia/Tokyo")
	if err != nil {
		t.Fatal(err)
	}
	c, err := rule.Compile(`hour(now) == 7 && hour(now, "UTC") == 22`, rule.Options{Zone: tokyo})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := c.Holds(env()); !got || err != nil {
		t.Errorf("= %t, %v", got, err)
	}
}

// TestFaults: what is wrong, and where.
func TestFaults(t *testing.T) {
	for _, tt := range []struct {
		source       string
		line, column int
		says         string
	}{
		{`mode1 == "gpt-5"`, 1, 1, "unknown name mode1"},
		{`model ==`, 1, 8, "unexpected token EOF"},
		{`model == 5`, 1, 7, "mismatched types"},
		{"stream &&\n  input_tokens > \"5\"", 2, 16, "invalid operation"},
		{`input_tokens`, 1, 1, "expected bool"},
		{`metadata`, 1, 1, "expected bool"},
		{`targets[0].helthy`, 1, 12, "has no field helthy"},
		{`header("x-other") == ""`, 1, 1, `the header "x-other" is not among routing.headers`},
		{`header(model) == ""`, 1, 1, "must stand here in quotes"},
		{`hour(now, "Asia/Tokio") < 8`, 1, 1, `no time zone "Asia/Tokio"`},
		{`hour(now, model) < 8`, 1, 1, "must stand here in quotes"},
		{`model matches key`, 1, 7, "pattern must stand here in quotes"},
		{`model matches "("`, 1, 7, "error parsing regexp"},
		{`any(targets, any(roles, # == "a"))`, 1, 14, "cannot hold another one"},
		{`len(model + model) > 5`, 1, 11, "texts cannot be added"},
		{`hour(now, 5) == 1`, 1, 1, "must stand here"},
		{`hour() == 1`, 1, 1, "not enough arguments"},
		{`any(1..1000000, # == input_tokens)`, 1, 6, "at most 1000 apart"},
		{`any(1..input_tokens, # == 1)`, 1, 6, "two whole numbers"},
		{`stream && any(0..9, # == input_tokens)`, 1, 16, "behind `in` alone"},
		{`hour(now) in 0..5 && 3 in filter(0..9, # > 2)`, 1, 35, "behind `in` alone"},
		{`model matches "(a?){1001}"`, 1, 7, "error parsing regexp"},
		{`model matches "(a?){1000}b"`, 1, 7, "repeats too much"},
		{`model matches "a{600}" || key matches "a{600}"`, 1, 31, "repeats too much"},
		{`let a = model; a == a`, 1, 5, "let is not allowed"},
		{`now.Hour() < 8`, 1, 5, "methods cannot be called"},
		{`$env["model"] == "a"`, 1, 1, "$env is not allowed"},
		{`len(map(roles, #)) > 0`, 1, 5, "unknown name map"},
		{`repeat("a", 1000000000) == ""`, 1, 1, "unknown name repeat"},
		{strings.Repeat("!", 5000) + "stream", 1, 1, "longer than 4096 bytes"},
		{strings.Repeat("!", 2000) + "stream", 1, 2006, "maximum"},
	} {
		_, err := rule.Compile(tt.source, options)
		e, ok := errors.AsType[*rule.Error](err)
		if !ok {
			t.Errorf("%.60s: %v, want an error", tt.source, err)
			continue
		}
		if e.Line != tt.line || e.Column != tt.column || !strings.Contains(e.Msg, tt.says) {
			t.Errorf("%.60s: %v, want %d:%d: …%s…", tt.source, err, tt.line, tt.column, tt.says)
		}
	}
}

// TestCannotBeAsked: what goes wrong only where it is asked.
func TestCannotBeAsked(t *testing.T) {
	for _, source := range []string{`roles[1] == "a"`, `find(targets, .quality > 9).healthy`, `input_tokens % output_tokens == 1`} {
		c, err := rule.Compile(source, options)
		if err != nil {
			t.Errorf("%s: %v", source, err)
			continue
		}
		if holds, err := c.Holds(env()); err == nil || holds {
			t.Errorf("%s = %t, %v; want an error", source, holds, err)
		}
	}
}

// FuzzCompile: whatever compiles ends soon, and nothing ends the program.
// TestLongTexts: what a client makes long, a condition sees the beginning of.
func TestLongTexts(t *testing.T) {
	c, err := rule.Compile(`len(model) == 4096 && len(header("x-team")) == 4096`, options)
	if err != nil {
		t.Fatal(err)
	}
	e := env()
	long := strings.Repeat("x", 60_000)
	e.Model, e.Header = long, func(string) string { return long }
	if holds, err := c.Holds(e); err != nil || !holds || e.Model != long {
		t.Errorf("Holds = %t, %v, and the model has %d bytes then", holds, err, len(e.Model))
	}
}

func FuzzCompile(f *testing.F) {
	for _, source := range []string{
		`hour(now, "Asia/Tokyo") < 8 && model == "gpt-5"`, `any(filter(targets, .healthy), .labels["region"] == "eu")`,
		`header("x-team") matches "^b" ? stream : all(1..999, # > 0)`, `metadata.x ?? key == "a"`, `roles[1:2] == ["a"]`, `input_tokens ** 99 > 1`,
	} {
		f.Add(source)
	}
	f.Fuzz(func(t *testing.T, source string) {
		c, err := rule.Compile(source, options)
		if err != nil {
			if e, ok := errors.AsType[*rule.Error](err); !ok || e.Line < 1 || e.Column < 1 || e.Msg == "" {
				t.Errorf("%q: %#v", source, err)
			}
			return
		}
		start := time.Now()
		_, _ = c.Holds(env())
		if took := time.Since(start); took > time.Second {
			t.Errorf("%q took %v", source, took)
		}
	})
}

func BenchmarkHolds(b *testing.B) {
	c, err := rule.Compile(`hour(now, "Asia/Tokyo") < 8 && model == "gpt-5"`, options)
	if err != nil {
		b.Fatal(err)
	}
	e := env()
	b.ReportAllocs()
	for b.Loop() {
		_, _ = c.Holds(e)
	}
}
