package capability

import (
	"slices"
	"strconv"

	"github.com/weir-gateway/weir/internal/jsonscan"
	"github.com/weir-gateway/weir/internal/jsontree"
	"github.com/weir-gateway/weir/internal/llm"
)

// A place is where the requests of a protocol say something that Apply looks
// at.
type place struct {
	path  string
	field llm.Field // Fields, if it is none

	// read notes what is said there. It is given no null, unless the place is
	// of a member of Others.
	read func(r *llm.Request, kind jsonscan.ValueKind, raw []byte)

	// value returns what is to be said there, as JSON; empty if nothing is.
	value func(r *llm.Request) string
}

func numberAt(path string, field llm.Field, at func(*llm.Request) *llm.Number) place {
	return place{path, field, func(r *llm.Request, kind jsonscan.ValueKind, raw []byte) {
		if kind == jsonscan.Number {
			*at(r) = llm.Number(raw)
		}
	}, func(r *llm.Request) string { return string(*at(r)) }}
}

func textAt(path string, field llm.Field, at func(*llm.Request) *string) place {
	return place{path, field, func(r *llm.Request, kind jsonscan.ValueKind, raw []byte) {
		*at(r) = string(raw) // of a wrong kind: no word that is known
		if kind == jsonscan.String {
			*at(r), _ = jsonscan.Unquote(raw) // it has been scanned
		}
	}, func(r *llm.Request) string {
		if *at(r) == "" {
			return ""
		}
		return string(jsonscan.AppendQuote(nil, *at(r)))
	}}
}

// otherAt is the place of a member of llm.Request.Others.
func otherAt(name string) place {
	return place{name, llm.Fields, func(r *llm.Request, _ jsonscan.ValueKind, raw []byte) {
		r.Others = append(r.Others, llm.Member{Name: name, Value: raw})
	}, func(r *llm.Request) string { return string(r.Other(name)) }}
}

// emptyAt is the place of an object or an array of which only matters whether
// it is empty.
func emptyAt(path string, field llm.Field, set func(r *llm.Request, empty bool), given func(*llm.Request) bool) place {
	return place{path, field, func(r *llm.Request, kind jsonscan.ValueKind, raw []byte) {
		if kind == jsonscan.Array || kind == jsonscan.Object || kind == jsonscan.String {
			v, err := jsontree.Parse(raw)
			set(r, err == nil && v.Kind() != jsontree.String && v.Len() == 0)
		}
	}, func(r *llm.Request) string {
		if given(r) {
			return "given"
		}
		return ""
	}}
}

func stopAt(path string) place {
	return emptyAt(path, llm.FieldStop, func(r *llm.Request, empty bool) {
		if r.Stop = []string{}; !empty {
			r.Stop = append(r.Stop, "")
		}
	}, func(r *llm.Request) bool { return r.Stop != nil })
}

func temperature(r *llm.Request) *llm.Number { return &r.Temperature }
func topP(r *llm.Request) *llm.Number        { return &r.TopP }
func topK(r *llm.Request) *llm.Number        { return &r.TopK }
func effort(r *llm.Request) *string          { return &r.Effort }
func verbosity(r *llm.Request) *string       { return &r.Verbosity }

// topKAt is the place of a number that no protocol of OpenAI's has, so that
// null is none of its values either.
func topKAt() place {
	p := numberAt("top_k", llm.FieldTopK, topK)
	return place{p.path, p.field, func(r *llm.Request, kind jsonscan.ValueKind, raw []byte) {
		if p.read(r, kind, raw); r.TopK == "" {
			r.Others = append(r.Others, llm.Member{Name: "top_k", Value: raw})
		}
	}, func(r *llm.Request) string {
		if r.TopK != "" {
			return string(r.TopK)
		}
		return string(r.Other("top_k"))
	}}
}

var parallelAt = place{ // immutable
	"parallel_tool_calls", llm.FieldParallelTools,
	func(r *llm.Request, kind jsonscan.ValueKind, raw []byte) {
		if kind == jsonscan.Bool {
			b := string(raw) == "true"
			r.ParallelTools = &b
		}
	},
	func(r *llm.Request) string {
		if r.ParallelTools == nil {
			return ""
		}
		return strconv.FormatBool(*r.ParallelTools)
	},
}

var topLogprobsAt = place{ // immutable
	"top_logprobs", llm.FieldTopLogprobs,
	func(r *llm.Request, _ jsonscan.ValueKind, raw []byte) {
		if n, err := strconv.ParseInt(string(raw), 10, 64); err == nil {
			r.TopLogprobs = &n
		}
	},
	func(r *llm.Request) string {
		if r.TopLogprobs == nil {
			return ""
		}
		return strconv.FormatInt(*r.TopLogprobs, 10)
	},
}

const includeLogprobs = "message.output_text.logprobs"

// ofChat, ofResponses, ofMessages and ofOthers are the places of each protocol.
var (
	ofChat = []place{ // immutable
		numberAt("temperature", llm.FieldTemperature, temperature),
		numberAt("top_p", llm.FieldTopP, topP),
		topKAt(),
		numberAt("presence_penalty", llm.FieldPresencePenalty, func(r *llm.Request) *llm.Number { return &r.PresencePenalty }),
		numberAt("frequency_penalty", llm.FieldFrequencyPenalty, func(r *llm.Request) *llm.Number { return &r.FrequencyPenalty }),
		emptyAt("logit_bias", llm.FieldLogitBias, func(r *llm.Request, empty bool) {
			if r.LogitBias = []byte("{}"); !empty {
				r.LogitBias = []byte(`{"":0}`)
			}
		}, func(r *llm.Request) bool { return r.LogitBias != nil }),
		stopAt("stop"),
		{"n", llm.FieldN, func(r *llm.Request, _ jsonscan.ValueKind, raw []byte) {
			r.N, _ = strconv.ParseInt(string(raw), 10, 64)
		}, func(r *llm.Request) string { return strconv.FormatInt(r.N, 10) }},
		topLogprobsAt,
		{"logprobs", llm.FieldLogprobs, func(r *llm.Request, kind jsonscan.ValueKind, raw []byte) {
			if kind != jsonscan.Bool {
				return
			}
			if r.Logprobs = string(raw) == "true"; !r.Logprobs && r.TopLogprobs == nil {
				r.TopLogprobs = new(int64) // says as little
			}
		}, func(r *llm.Request) string {
			if !r.Logprobs && r.TopLogprobs == nil {
				return ""
			}
			return strconv.FormatBool(r.Logprobs)
		}},
		textAt("reasoning_effort", llm.FieldEffort, effort),
		textAt("verbosity", llm.FieldVerbosity, verbosity),
		parallelAt,
		otherAt("service_tier"), otherAt("serviceTier"), otherAt("reasoning"), otherAt("thinking"),
	}
	ofResponses = []place{ // immutable
		numberAt("temperature", llm.FieldTemperature, temperature),
		numberAt("top_p", llm.FieldTopP, topP),
		topKAt(),
		topLogprobsAt,
		{"include", llm.FieldLogprobs, func(r *llm.Request, _ jsonscan.ValueKind, raw []byte) {
			v, _ := jsontree.Parse(raw)
			for _, e := range v.Elements() {
				r.Logprobs = r.Logprobs || e.Is(includeLogprobs)
			}
		}, func(r *llm.Request) string { return strconv.FormatBool(r.Logprobs) }},
		{"reasoning", llm.Fields, func(r *llm.Request, _ jsonscan.ValueKind, raw []byte) {
			r.Echo = append(r.Echo, llm.Member{Name: "reasoning", Value: raw})
		}, func(*llm.Request) string { return "" }},
		textAt("reasoning.effort", llm.FieldEffort, effort),
		textAt("text.verbosity", llm.FieldVerbosity, verbosity),
		parallelAt,
		otherAt("verbosity"),
		otherAt("service_tier"), otherAt("serviceTier"), otherAt("reasoning_effort"), otherAt("thinking"),
	}
	ofMessages = []place{ // immutable
		numberAt("temperature", llm.FieldTemperature, temperature),
		numberAt("top_p", llm.FieldTopP, topP),
		numberAt("top_k", llm.FieldTopK, topK),
		stopAt("stop_sequences"),
		textAt("output_config.effort", llm.FieldEffort, effort),
		{"thinking", llm.FieldThinking, func(r *llm.Request, _ jsonscan.ValueKind, raw []byte) {
			v, _ := jsontree.Parse(raw)
			r.Thinking = v.Get("type").Text()
		}, func(r *llm.Request) string {
			if r.Thinking == "" {
				return ""
			}
			return `{"type":` + string(jsonscan.AppendQuote(nil, r.Thinking)) + `}`
		}},
	}
	ofOthers = []place{topKAt(), otherAt("service_tier"), otherAt("serviceTier"), otherAt("verbosity")} // immutable
)

// Members that are looked at beside the places, as they come after them.
const (
	atMaxTokens = iota
	atMaxCompletionTokens
	atStreamOptions
	atTools
	atChoice
	extras
)

// A table is what is looked at in the requests of one protocol.
type table struct {
	dialect llm.Dialect
	places  []place
	paths   *jsonscan.Paths
	names   [llm.Fields]string
}

func newTable(d llm.Dialect, places []place) *table {
	t := &table{dialect: d, places: places}
	var watch []string
	for i := range places {
		watch = append(watch, places[i].path)
		if f := places[i].field; f < llm.Fields {
			t.names[f] = places[i].path
		}
	}
	t.names[llm.FieldToolChoice] = "tool_choice"
	watch = append(watch, "max_tokens", "max_completion_tokens", "stream_options", "tools[].type", "tool_choice.type")
	t.paths = jsonscan.Compile(jsonscan.Spec{Watch: watch})
	return t
}

var (
	chatTable      = newTable(llm.Chat, ofChat)           // immutable
	responsesTable = newTable(llm.Responses, ofResponses) // immutable
	messagesTable  = newTable(llm.Messages, ofMessages)   // immutable
	otherTable     = newTable("", ofOthers)               // immutable
)

func tableOf(d llm.Dialect) *table {
	all := [...]*table{chatTable, responsesTable, messagesTable}
	if i := slices.IndexFunc(all[:], func(t *table) bool { return t.dialect == d }); i >= 0 {
		return all[i]
	}
	return otherTable
}
