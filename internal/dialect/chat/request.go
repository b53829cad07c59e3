package chat

import (
	"strconv"

	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/jsontree"
	"github.com/weir-gateway/weir/internal/llm"
)

// DecodeRequest reads a client's request.
//
// Reasoning is no part of OpenAI's protocol. A client is shown it, as
// reasoning_content, if it has said that it knows it: with include_reasoning,
// or by sending reasoning_content or reasoning back with an assistant's
// message. Its Request.Summary is then "auto", and empty otherwise.
func (Dialect) DecodeRequest(body []byte) (*llm.Request, error) {
	root, err := jsontree.Parse(body)
	if err != nil {
		return nil, &llm.Error{Code: llm.CodeInvalidJSON, Op: "chat.decode_request", Err: err}
	}
	d := decoder{r: &llm.Request{Dialect: llm.Chat, Names: &names}}
	for name, v := range root.Members() {
		if !v.Given() {
			continue
		}
		if read, ok := members[name]; ok {
			read(&d, v)
		} else {
			d.r.Others = append(d.r.Others, llm.Member{Name: name, Value: v.Raw()})
		}
		if d.Err != nil {
			return nil, d.Err
		}
	}
	d.conversation(root.Get("messages"))
	d.rename()
	if d.Err != nil {
		return nil, d.Err
	}
	return d.r, nil
}

// A decoder reads one request.
type decoder struct {
	dialect.Fields
	r      *llm.Request
	limit  *int64          // max_tokens
	custom map[string]bool // ids of calls of custom tools
	old    []oldCall       // calls by function_call that have no answer yet
}

// members are those of a request, but for the messages.
var members = map[string]func(*decoder, jsontree.Value){ // immutable
	"messages": func(*decoder, jsontree.Value) {}, // read when all else is known
	"model":    func(d *decoder, v jsontree.Value) { d.r.Model = d.Text(v, "model") },

	"tools":               func(d *decoder, v jsontree.Value) { d.tools(v) },
	"functions":           func(d *decoder, v jsontree.Value) { d.functions(v) },
	"tool_choice":         func(d *decoder, v jsontree.Value) { d.choice(v) },
	"function_call":       func(d *decoder, v jsontree.Value) { d.oldChoice(v) },
	"parallel_tool_calls": func(d *decoder, v jsontree.Value) { d.r.ParallelTools = d.Bool(v, "parallel_tool_calls") },
	"web_search_options":  func(d *decoder, v jsontree.Value) { d.webSearch(v) },

	"response_format":       func(d *decoder, v jsontree.Value) { d.format(v) },
	"verbosity":             func(d *decoder, v jsontree.Value) { d.r.Verbosity = d.Text(v, "verbosity") },
	"max_completion_tokens": func(d *decoder, v jsontree.Value) { d.r.MaxOutput = d.Int(v, "max_completion_tokens", 0) },
	"max_tokens":            func(d *decoder, v jsontree.Value) { d.limit = d.Int(v, "max_tokens", 0) },
	"reasoning_effort":      func(d *decoder, v jsontree.Value) { d.r.Effort = d.Text(v, "reasoning_effort") },
	"include_reasoning": func(d *decoder, v jsontree.Value) {
		if b := d.Bool(v, "include_reasoning"); b != nil && *b {
			d.wantReasoning()
		}
	},

	"temperature":       func(d *decoder, v jsontree.Value) { d.r.Temperature = d.Number(v, "temperature") },
	"top_p":             func(d *decoder, v jsontree.Value) { d.r.TopP = d.Number(v, "top_p") },
	"top_k":             func(d *decoder, v jsontree.Value) { d.r.TopK = d.Number(v, "top_k") },
	"seed":              func(d *decoder, v jsontree.Value) { d.r.Seed = d.Number(v, "seed") },
	"presence_penalty":  func(d *decoder, v jsontree.Value) { d.r.PresencePenalty = d.Number(v, "presence_penalty") },
	"frequency_penalty": func(d *decoder, v jsontree.Value) { d.r.FrequencyPenalty = d.Number(v, "frequency_penalty") },
	"logit_bias":        func(d *decoder, v jsontree.Value) { d.r.LogitBias = d.Object(v, "logit_bias") },
	"stop":              func(d *decoder, v jsontree.Value) { d.r.Stop = d.Stop(v, "stop") },
	"n": func(d *decoder, v jsontree.Value) {
		if n := d.Int(v, "n", 1); n != nil {
			d.r.N = *n
		}
	},
	"logprobs": func(d *decoder, v jsontree.Value) {
		b := d.Bool(v, "logprobs")
		d.r.Logprobs = b != nil && *b
	},
	"top_logprobs": func(d *decoder, v jsontree.Value) { d.r.TopLogprobs = d.Int(v, "top_logprobs", 0) },

	"stream": func(d *decoder, v jsontree.Value) {
		b := d.Bool(v, "stream")
		d.r.Stream = b != nil && *b
	},
	"stream_options": func(d *decoder, v jsontree.Value) {
		d.Object(v, "stream_options")
		b := d.Bool(v.Get("include_usage"), "stream_options.include_usage")
		d.r.IncludeUsage = b != nil && *b
		d.r.Obfuscation = d.Bool(v.Get("include_obfuscation"), "stream_options.include_obfuscation")
	},
	"store": func(d *decoder, v jsontree.Value) { d.r.Store = d.Bool(v, "store") },
}

func (d *decoder) wantReasoning() { d.r.Summary = "auto" }

// rename notes the names of settings that have two.
func (d *decoder) rename() {
	own := names
	if d.r.MaxOutput == nil && d.limit != nil {
		d.r.MaxOutput = d.limit
		own[llm.FieldMaxOutput] = "max_tokens"
	}
	if d.r.Functions {
		own[llm.FieldTools], own[llm.FieldToolChoice] = "functions", "function_call"
	}
	if own != names {
		d.r.Names = &own
	}
}

// format reads response_format.
func (d *decoder) format(v jsontree.Value) {
	const path = "response_format"
	d.Object(v, path)
	f := &d.r.Format
	switch kind := d.Need(v.Get("type"), path+".type"); kind {
	case "text":
	case "json_object":
		f.Kind = llm.FormatObject
	case "json_schema":
		f.Kind = llm.FormatSchema
		s := v.Get("json_schema")
		if d.Object(s, path+".json_schema") == nil {
			d.Missing(path + ".json_schema")
		}
		f.Name = d.Need(s.Get("name"), path+".json_schema.name")
		f.Description = d.Text(s.Get("description"), path+".json_schema.description")
		f.Schema = d.Object(s.Get("schema"), path+".json_schema.schema")
		f.Strict = d.Bool(s.Get("strict"), path+".json_schema.strict")
	default:
		d.Fault(path+".type", "text, json_object or json_schema")
	}
}

// at returns the path of an element.
func at(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }
