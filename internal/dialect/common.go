package dialect

import (
	"slices"
	"strings"

	"github.com/weir-gateway/weir/internal/jsontree"
	"github.com/weir-gateway/weir/internal/llm"
)

// Effort returns the effort of reasoning that r asks for, in whichever way. It
// is empty if r asks for none in particular.
//
// A budget of thinking stands for an effort: up to 4,096 tokens low, up to
// 16,384 medium, above high.
func Effort(r *llm.Request) string {
	switch {
	case r.Effort != "":
		return r.Effort
	case r.Thinking == "disabled":
		return "none"
	case r.ThinkingBudget == nil:
		return ""
	case *r.ThinkingBudget <= 4<<10:
		return "low"
	case *r.ThinkingBudget <= 16<<10:
		return "medium"
	default:
		return "high"
	}
}

// LostTo returns what a target of this protocol is not told because the neutral
// form does not hold it: nothing if the client speaks the same. Every
// EncodeRequest begins its losses with it.
func LostTo(target llm.Dialect, r *llm.Request) []Loss {
	if r.Dialect == target {
		return nil
	}
	return slices.Clone(r.Lost)
}

// SplitDataURL returns what a data URL in base64 holds (RFC 2397), and its
// media type.
func SplitDataURL(url string) (media, data string, ok bool) {
	rest, ok := strings.CutPrefix(url, "data:")
	if !ok {
		return "", "", false
	}
	head, data, ok := strings.Cut(rest, ",")
	media, base64 := strings.CutSuffix(head, ";base64")
	if !ok || !base64 {
		return "", "", false
	}
	media, _, _ = strings.Cut(media, ";")
	return media, data, true
}

// DataURL returns the data URL of what is base64 already.
func DataURL(media, data string) string {
	if media == "" {
		media = "application/octet-stream"
	}
	return "data:" + media + ";base64," + data
}

// shared are the members that OpenAI's protocols have in common and that
// change nothing of what a model says.
var shared = map[string]bool{ // immutable
	"metadata": true, "user": true, "safety_identifier": true, "prompt_cache_key": true, "prompt_cache_retention": true,
	"prompt_cache_options": true, "service_tier": true, "moderation": true,
}

// IsShared reports whether a member of llm.Request.Others is one that OpenAI's
// protocols have in common.
func IsShared(name string) bool { return shared[name] }

const emptySchema = `{"type":"object","properties":{}}`

// ObjectSchema returns a function's parameters as the schema of an object,
// byte for byte where they are one.
func ObjectSchema(raw []byte) []byte {
	v, err := jsontree.Parse(raw)
	if err != nil || v.Len() == 0 {
		return []byte(emptySchema)
	}
	if v.Get("type").Is("object") {
		return raw
	}
	var w jsontree.Writer
	w.Open('{').Name("type").Text("object")
	for name, member := range v.Members() {
		if name != "type" {
			w.Name(name).Raw(member.Raw())
		}
	}
	return w.Close('}').Bytes()
}
