package upstream

import (
	"fmt"
	"testing"
)

// TestAccount: two upstreams are one account as long as the provider takes them
// for the same.
func TestAccount(t *testing.T) {
	base := Settings{Name: "up", Kind: Compatible, Endpoint: "https://a.example/v1", Auth: Auth{Mode: AuthAPIKey, Secret: "made-up-one"}, Headers: map[string]string{"x-a": "1", "x-b": "2"}}
	account := func(change func(*Settings)) Account {
		s := base
		change(&s)
		u, err := New(s)
		if err != nil {
			t.Fatal(err)
		}
		return u.Account()
	}
	same := account(func(*Settings) {})
	if same != account(func(s *Settings) { s.Name, s.Timeouts.Idle = "other", 1 }) {
		t.Error("the name and the timeouts make another account")
	}
	for name, change := range map[string]func(*Settings){
		"endpoint": func(s *Settings) { s.Endpoint = "https://b.example/v1" },
		"kind":     func(s *Settings) { s.Kind = OpenAI },
		"secret":   func(s *Settings) { s.Auth.Secret = "made-up-two" },
		"mode":     func(s *Settings) { s.Auth.Mode = AuthBearer },
		"header":   func(s *Settings) { s.Headers = map[string]string{"x-a": "1", "x-b": "3"} },
		"headers":  func(s *Settings) { s.Headers = nil },
	} {
		if account(change) == same {
			t.Errorf("another %s is the same account", name)
		}
	}
	if got := fmt.Sprintf("%v %s %x %+v", same, same, same, struct{ A Account }{same}); got != "[redacted] [redacted] 5b72656461637465645d {A:[redacted]}" {
		t.Errorf("it prints as %s", got)
	}
}
