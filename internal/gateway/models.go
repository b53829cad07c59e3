package gateway

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/weir-gateway/weir/internal/llm"
)

// catalogCreated is the time that every model of the catalog is said to be
// from. Weir does not know it, and clients want a number that is the same from
// every replica and after every restart.
const catalogCreated = 1767225600 // 2026-01-01T00:00:00Z

// models answers GET /v1/models and /v1/models/{id} from the catalog: what
// the caller's key may use, in the shape that the caller expects. It is
// nobody's exchange: nothing is used.
func (x *exchange) models() *llm.Error {
	caller, err := x.snap.Keys.Authenticate(x.r.Header)
	if err != nil {
		return llm.AsError(err)
	}
	if name := x.pathName; name != "" {
		_, known := x.snap.Routes.Lookup(name)
		if err := modelError(caller.Principal, name, known); err != nil {
			return llm.AsError(err)
		}
		return x.respondJSON(x.modelObject(name))
	}
	names := []string{}
	for _, name := range x.snap.Routes.Names() {
		if caller.Principal.MayUse(name) {
			names = append(names, name)
		}
	}
	return x.respondJSON(x.modelList(names))
}

// openaiModel is a model as OpenAI lists it. The last three members are those
// of 2023: web clients of that time do not start without them, and no other is
// disturbed by them.
type openaiModel struct {
	ID         string            `json:"id"`
	Object     string            `json:"object"`
	Created    int64             `json:"created"`
	OwnedBy    string            `json:"owned_by"`
	Permission []modelPermission `json:"permission"`
	Root       string            `json:"root"`
	Parent     *string           `json:"parent"`
}

type modelPermission struct {
	ID                 string  `json:"id"`
	Object             string  `json:"object"`
	Created            int64   `json:"created"`
	AllowCreateEngine  bool    `json:"allow_create_engine"`
	AllowSampling      bool    `json:"allow_sampling"`
	AllowLogprobs      bool    `json:"allow_logprobs"`
	AllowSearchIndices bool    `json:"allow_search_indices"`
	AllowView          bool    `json:"allow_view"`
	AllowFineTuning    bool    `json:"allow_fine_tuning"`
	Organization       string  `json:"organization"`
	Group              *string `json:"group"`
	IsBlocking         bool    `json:"is_blocking"`
}

// permitted is what clients of 2023 expect to be allowed.
var permitted = []modelPermission{{ // immutable
	Object: "model_permission", Created: catalogCreated,
	AllowCreateEngine: true, AllowSampling: true, AllowLogprobs: true, AllowSearchIndices: true, AllowView: true, AllowFineTuning: true,
	Organization: "*",
}}

type anthropicModel struct {
	Type        string `json:"type"`
	ID          string `json:"id"`
	DisplayName string `json:"display_name"`
	CreatedAt   string `json:"created_at"`
}

// modelObject is one model in the caller's shape.
func (x *exchange) modelObject(name string) any {
	if x.anthropic() {
		return anthropicModel{"model", name, name, time.Unix(catalogCreated, 0).UTC().Format(time.RFC3339)}
	}
	return openaiModel{ID: name, Object: "model", Created: catalogCreated, OwnedBy: "weir", Permission: permitted, Root: name}
}

// modelList is the whole list in the caller's shape: Anthropic's if it sends
// anthropic-version, Codex's if it sends client_version in the query, else
// OpenAI's.
func (x *exchange) modelList(names []string) any {
	if !x.anthropic() && x.r.URL.Query().Has("client_version") {
		return map[string]any{"models": codexModels(names)}
	}
	data := make([]any, 0, len(names))
	for _, name := range names {
		data = append(data, x.modelObject(name))
	}
	if !x.anthropic() {
		return struct {
			Object string `json:"object"`
			Data   []any  `json:"data"`
		}{"list", data}
	}
	list := struct {
		Data    []any   `json:"data"`
		HasMore bool    `json:"has_more"`
		FirstID *string `json:"first_id"`
		LastID  *string `json:"last_id"`
	}{Data: data}
	if len(names) > 0 {
		list.FirstID, list.LastID = &names[0], &names[len(names)-1]
	}
	return list
}

func (x *exchange) anthropic() bool { return len(x.r.Header["Anthropic-Version"]) > 0 }

func (x *exchange) respondJSON(v any) *llm.Error {
	body, err := json.Marshal(v)
	if err != nil {
		return &llm.Error{Code: llm.CodeInternal, Op: "gateway.models", Err: err}
	}
	x.respond(http.StatusOK, "application/json", append(body, '\n'))
	return nil
}
