package auth_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/weir-gateway/weir/internal/auth"
	"github.com/weir-gateway/weir/internal/llm"
)

func headers(pairs ...string) http.Header {
	h := http.Header{}
	for i := 0; i < len(pairs); i += 2 {
		h.Add(pairs[i], pairs[i+1])
	}
	return h
}

func TestAuthenticate(t *testing.T) {
	keys := auth.New([]auth.Key{
		{Name: "alice", Tenant: "research", Secret: "alice-secret", Models: []llm.Pattern{"gpt-5*"}},
		{Name: "bob", Secret: "bob-secret"},
		{Name: "gone", Secret: "gone-secret", Disabled: true},
	})
	for _, tt := range []struct {
		name    string
		header  http.Header
		wantKey string
		wantErr llm.Code
	}{
		{"bearer", headers("Authorization", "Bearer alice-secret"), "alice", ""},
		{"bearer in any case", headers("Authorization", "bEARER alice-secret"), "alice", ""},
		{"bearer with more spaces", headers("Authorization", "Bearer   alice-secret "), "alice", ""},
		{"x-api-key", headers("x-api-key", "bob-secret"), "bob", ""},
		{"api-key", headers("api-key", "bob-secret"), "bob", ""},
		{"x-weir-key", headers("x-weir-key", "bob-secret"), "bob", ""},
		{"equal values count once", headers("Authorization", "Bearer bob-secret", "api-key", "bob-secret", "x-api-key", "bob-secret"), "bob", ""},
		{"two different ones", headers("Authorization", "Bearer alice-secret", "api-key", "bob-secret"), "", llm.CodeAmbiguousCredentials},
		{"two different lines", headers("Authorization", "Bearer alice-secret", "Authorization", "Bearer bob-secret"), "", llm.CodeAmbiguousCredentials},
		{"x-weir-key wins over others", headers("x-weir-key", "bob-secret", "Authorization", "Bearer something", "api-key", "else"), "bob", ""},
		{"two x-weir-keys", headers("x-weir-key", "bob-secret", "x-weir-key", "alice-secret"), "", llm.CodeAmbiguousCredentials},
		{"an empty x-weir-key is not skipped", headers("x-weir-key", "", "api-key", "bob-secret"), "", llm.CodeInvalidKey},
		{"none", headers(), "", llm.CodeMissingKey},
		{"empty bearer", headers("Authorization", "Bearer "), "", llm.CodeMissingKey},
		{"basic is not a key", headers("Authorization", "Basic YWxpY2U6eA=="), "", llm.CodeMissingKey},
		{"unknown", headers("Authorization", "Bearer nobody"), "", llm.CodeInvalidKey},
		{"another case", headers("Authorization", "Bearer ALICE-SECRET"), "", llm.CodeInvalidKey},
		{"disabled is as unknown", headers("Authorization", "Bearer gone-secret"), "", llm.CodeInvalidKey},
		{"undefined is not a key", headers("Authorization", "Bearer undefined"), "", llm.CodeInvalidKey},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := keys.Authenticate(tt.header)
			if tt.wantErr != "" {
				if err == nil || llm.AsError(err).Code != tt.wantErr {
					t.Fatalf("Authenticate(%v) error = %v, want code %s", tt.header, err, tt.wantErr)
				}
				for _, secret := range []string{"alice-secret", "bob-secret", "gone-secret", "nobody"} {
					if strings.Contains(err.Error(), secret) {
						t.Errorf("the error shows a secret: %v", err)
					}
				}
				return
			}
			if err != nil {
				t.Fatalf("Authenticate(%v) error = %v", tt.header, err)
			}
			if got.Principal.Key != tt.wantKey {
				t.Errorf("Authenticate(%v) = key %q, want %q", tt.header, got.Principal.Key, tt.wantKey)
			}
		})
	}
}

func TestOwnCredential(t *testing.T) {
	keyed := auth.New([]auth.Key{{Name: "a", Secret: "ours"}, {Name: "old", Secret: "old-ours", Disabled: true}})
	keyless := auth.New(nil)
	for _, tt := range []struct {
		name       string
		keys       *auth.Keys
		header     http.Header
		want       auth.Credential
		wantOwnErr bool
	}{
		{"no keys: all are the upstream's", keyless, headers("Authorization", "Bearer up"), auth.Credential{Value: "up", Header: "Authorization"}, false},
		{"no keys, api-key", keyless, headers("api-key", "up"), auth.Credential{Value: "up", Header: "Api-Key"}, false},
		{"no keys, two different", keyless, headers("api-key", "up", "x-api-key", "other"), auth.Credential{}, true},
		{"no keys, none", keyless, headers(), auth.Credential{}, false},
		{"keys: ours in x-weir-key", keyed, headers("x-weir-key", "ours", "Authorization", "Bearer up"), auth.Credential{Value: "up", Header: "Authorization"}, false},
		{"our key is never the upstream's", keyed, headers("x-weir-key", "ours", "Authorization", "Bearer ours"), auth.Credential{}, true},
		{"nor is a disabled one", keyed, headers("x-weir-key", "ours", "Authorization", "Bearer old-ours"), auth.Credential{}, true},
		{"our key in Authorization leaves none", keyed, headers("Authorization", "Bearer ours"), auth.Credential{}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := tt.keys.Authenticate(tt.header)
			if err != nil {
				t.Fatal(err)
			}
			if got.Own != tt.want || (got.OwnErr != nil) != tt.wantOwnErr {
				t.Errorf("Authenticate(%v) = own %+v, error %v; want %+v, error %v", tt.header, got.Own, got.OwnErr, tt.want, tt.wantOwnErr)
			}
		})
	}
}

func TestMayUse(t *testing.T) {
	keys := auth.New([]auth.Key{{Name: "a", Secret: "s", Models: []llm.Pattern{"gpt-5*", "o3"}}})
	c, err := keys.Authenticate(headers("api-key", "s"))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{"gpt-5-mini": true, "o3": true, "o3-mini": false, "": false} {
		if got := c.Principal.MayUse(name); got != want {
			t.Errorf("MayUse(%q) = %v, want %v", name, got, want)
		}
	}
}

func TestAllKeysDisabledLetsNobodyIn(t *testing.T) {
	keys := auth.New([]auth.Key{{Name: "a", Secret: "s", Disabled: true}})
	if _, err := keys.Authenticate(headers()); err == nil || !keys.Demanded() {
		t.Errorf("a listener whose keys are all disabled lets everybody in (error %v)", err)
	}
}

func TestAuthenticateApart(t *testing.T) {
	keys := auth.New([]auth.Key{{Name: "alice", Secret: "alice-secret"}, {Name: "gone", Secret: "gone-secret", Disabled: true}})
	for _, tt := range []struct {
		name    string
		header  http.Header
		wantErr llm.Code
	}{
		{"in its place", headers("x-weir-key", " alice-secret ", "Authorization", "Bearer theirs", "api-key", "other"), ""},
		{"nowhere", headers("api-key", "theirs"), llm.CodeMissingKey},
		{"elsewhere", headers("Authorization", "Bearer alice-secret"), llm.CodeMissingKey},
		{"and elsewhere too", headers("x-weir-key", "alice-secret", "X-Any", "alice-secret"), llm.CodeMissingKey},
		{"and a disabled one elsewhere", headers("x-weir-key", "alice-secret", "Authorization", "Bearer gone-secret"), llm.CodeMissingKey},
		{"unknown", headers("x-weir-key", "nobody"), llm.CodeInvalidKey},
		{"twice", headers("x-weir-key", "alice-secret", "x-weir-key", "other"), llm.CodeAmbiguousCredentials},
	} {
		p, err := keys.AuthenticateApart(tt.header)
		if got := llm.AsError(err); (got == nil) != (tt.wantErr == "") || got != nil && got.Code != tt.wantErr || got == nil && p.Key != "alice" {
			t.Errorf("%s: AuthenticateApart() = %v, %v, want code %q", tt.name, p, err, tt.wantErr)
		}
	}
	if p, err := auth.New(nil).AuthenticateApart(headers("Authorization", "Bearer theirs")); err != nil || p.Tenant != auth.DefaultTenant {
		t.Errorf("without keys: %v, %v, want the default tenant", p, err)
	}
}
