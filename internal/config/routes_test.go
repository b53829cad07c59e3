package config_test

import (
	"testing"

	"github.com/weir-gateway/weir/internal/config"
)

// TestLead: the target's routes before the upstream's, a name before *, and * no
// further than it can be asked for.
func TestLead(t *testing.T) {
	type routes = map[string]string
	for _, tt := range []struct {
		name             string
		upstream, target routes
		of               string
		want             config.Lead // none without a Route
	}{
		{"none", nil, nil, "responses", config.Lead{}},
		{"the target's", routes{"responses": "/u/responses"}, routes{"responses": "/t/responses"}, "responses", config.Lead{Route: "responses", Path: "/t/responses", Sure: true}},
		{"the upstream's", routes{"responses": "/u/responses"}, routes{"embeddings": "/t"}, "responses", config.Lead{Route: "responses", Path: "/u/responses", Sure: true}},
		{"the target's * before the upstream's name", routes{"responses": "/u/responses"}, routes{"*": "chat/completions"}, "responses", config.Lead{Route: "chat/completions", Sure: true}},
		{"a name before *", nil, routes{"*": "chat/completions", "responses": "responses"}, "responses", config.Lead{Route: "responses", Sure: true}},
		{"an operation whose path the upstream has", routes{"responses": "/u/x"}, routes{"*": "responses"}, "chat/completions", config.Lead{Route: "responses", Path: "/u/x", Sure: true}},
		{"images are no conversation", nil, routes{"*": "responses"}, "images/generations", config.Lead{}},
		{"* does not hide what the upstream says", routes{"images/generations": "/u/i"}, routes{"*": "responses"}, "images/generations", config.Lead{Route: "images/generations", Path: "/u/i", Sure: true}},
		{"a path says what is spoken there", nil, routes{"chat/completions": "/x/V1/Responses?api-version=1"}, "chat/completions", config.Lead{Route: "responses", Path: "/x/V1/Responses?api-version=1", Sure: true}},
		{"the longest end", nil, routes{"responses": "/x/chat/completions"}, "responses", config.Lead{Route: "chat/completions", Path: "/x/chat/completions", Sure: true}},
		{"* to a path of conversations", nil, routes{"*": "/x/responses"}, "embeddings", config.Lead{}},
		{"* to a path that says nothing", nil, routes{"*": "/x/{deployment}"}, "embeddings", config.Lead{Route: "embeddings", Path: "/x/{deployment}"}},
		{"a name to a path that says nothing", nil, routes{"messages": "/x/{deployment}"}, "messages", config.Lead{Route: "messages", Path: "/x/{deployment}", Sure: true}},
		{"a name of the upstream's own", routes{"preview": "/p/responses"}, routes{"chat/completions": "preview"}, "chat/completions", config.Lead{Route: "responses", Path: "/p/responses", Sure: true}},
		{"a name of its own that says nothing", routes{"preview": "/p"}, routes{"chat/completions": "preview"}, "chat/completions", config.Lead{Route: "chat/completions", Path: "/p", Sure: true}},
		{"no chain", routes{"responses": "chat/completions"}, routes{"messages": "responses"}, "messages", config.Lead{Route: "responses", Sure: true}},
		{"Ollama's own", nil, routes{"*": "api/chat"}, "responses", config.Lead{Route: "api/chat", Sure: true}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			u := config.Upstream{Routes: tt.upstream}
			if got, ok := u.Lead(&config.Target{Routes: tt.target}, tt.of); got != tt.want || ok != (tt.want.Route != "") {
				t.Errorf("Lead(%s) = %+v, %t; want %+v", tt.of, got, ok, tt.want)
			}
		})
	}
}
