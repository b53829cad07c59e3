package responses_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/dialect/responses"
	"github.com/weir-gateway/weir/internal/jsontree"
	"github.com/weir-gateway/weir/internal/llm"
)

// A search of the web means the same in each protocol that has one.
func TestWebSearch(t *testing.T) {
	const spelled = `{"type":"web_search_preview","search_context_size":"low","filters":{"allowed_domains":["a.example"]},"user_location":{"type":"approximate","country":"JP","timezone":"Asia/Tokyo"},"new":1}`
	r, err := responses.Dialect{}.DecodeRequest([]byte(`{"model":"m","input":"q","tools":[` + spelled + `]}`))
	if err != nil {
		t.Fatal(err)
	}
	want := &llm.WebSearch{Context: "low", Allowed: []string{"a.example"}, Country: "JP", TimeZone: "Asia/Tokyo"}
	if got := r.Tools[0]; got.Kind != llm.ToolHosted || got.Type != llm.HostedSearch || !cmp.Equal(want, got.Search) {
		t.Errorf("tool = %+v %+v, want %+v", got, got.Search, want)
	}
	for _, tt := range []struct {
		client llm.Dialect
		want   string
		losses int
	}{
		{llm.Responses, spelled, 0},
		{llm.Messages, `{"type":"web_search","search_context_size":"low","filters":{"allowed_domains":["a.example"]},"user_location":{"type":"approximate","country":"JP","timezone":"Asia/Tokyo"}}`, 1},
	} {
		r.Dialect = tt.client
		r.Tools[0].Search.Blocked = []string{"b.example"}
		e, err := responses.Dialect{}.EncodeRequest(r, &dialect.Target{Model: "m", Traits: all})
		if err != nil {
			t.Fatal(err)
		}
		v, err := jsontree.Parse(e.Body)
		if err != nil {
			t.Fatal(err)
		}
		for _, got := range v.Get("tools").Elements() {
			if string(got.Raw()) != tt.want || len(e.Losses) != tt.losses {
				t.Errorf("of a %s client: %s, lost %v; want %s", tt.client, got.Raw(), e.Losses, tt.want)
			}
		}
	}
}
