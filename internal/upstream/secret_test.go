package upstream_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/weir-gateway/weir/internal/llm"
	"github.com/weir-gateway/weir/internal/upstream"
)

func TestSecretsAreUnprintable(t *testing.T) {
	const secret = "sesame-0123456789"
	settings := upstream.Settings{
		Name: "u", Kind: upstream.OpenAI, Endpoint: "http://127.0.0.1:1",
		Auth:    upstream.Auth{Mode: upstream.AuthAPIKey, Secret: secret},
		Headers: map[string]string{"x-subscription": secret},
	}
	u := open(t, settings)
	credential := upstream.Credential{Header: "Authorization", Value: secret}
	type holder struct{ U, u *upstream.Upstream }
	c := upstream.Call{Op: llm.OpChat, Credential: credential, Header: http.Header{"Authorization": {secret}}, Body: []byte(secret)}

	for _, v := range []any{settings, &settings, settings.Auth, &settings.Auth, u, *u, credential, &credential, c, &c, holder{u, u}, []any{u, settings.Auth}, map[string]any{"k": credential}} {
		var out bytes.Buffer
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			fmt.Fprintf(&out, verb+"\n", v)
		}
		slog.New(slog.NewJSONHandler(&out, nil)).Info("m", "v", v)
		slog.New(slog.NewTextHandler(&out, nil)).Info("m", "v", v)
		if b, err := json.Marshal(v); err == nil {
			out.Write(b)
		}
		if strings.Contains(out.String(), secret) || strings.Contains(out.String(), fmt.Sprintf("%x", secret)) {
			t.Errorf("printing %T shows the secret:\n%s", v, out.String())
		}
	}
}
