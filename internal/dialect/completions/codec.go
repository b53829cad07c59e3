package completions

import (
	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/jsontree"
	"github.com/weir-gateway/weir/internal/llm"
)

var _ dialect.Codec = Dialect{}

// names are what a client calls each setting.
var names = [llm.Fields]string{ // immutable
	llm.FieldInstructions:     "prompt",
	llm.FieldMaxOutput:        "max_tokens",
	llm.FieldTemperature:      "temperature",
	llm.FieldTopP:             "top_p",
	llm.FieldTopK:             "top_k",
	llm.FieldSeed:             "seed",
	llm.FieldPresencePenalty:  "presence_penalty",
	llm.FieldFrequencyPenalty: "frequency_penalty",
	llm.FieldLogitBias:        "logit_bias",
	llm.FieldStop:             "stop",
	llm.FieldN:                "n",
	llm.FieldLogprobs:         "logprobs",
	llm.FieldTopLogprobs:      "logprobs",
	llm.FieldStream:           "stream",
}

// DecodeRequest reads a client's request, if it is one that can be asked of a
// model that answers messages: one prompt in text, which becomes what a user
// says, and nothing of what only this protocol has.
func (Dialect) DecodeRequest(body []byte) (*llm.Request, error) {
	root, err := jsontree.Parse(body)
	if err != nil {
		return nil, &llm.Error{Code: llm.CodeInvalidJSON, Op: "completions.decode_request", Err: err}
	}
	d := decoder{r: &llm.Request{Dialect: llm.Completions, Names: &names}}
	for name, v := range root.Members() {
		if !v.Given() {
			continue
		}
		d.member(name, v)
		if d.Err != nil {
			return nil, d.Err
		}
	}
	if len(d.r.Items) == 0 {
		d.Missing("prompt")
	}
	return d.r, d.Err
}

type decoder struct {
	dialect.Fields
	r *llm.Request
}

func (d *decoder) member(name string, v jsontree.Value) {
	r := d.r
	switch name {
	case "model":
		r.Model = d.Text(v, name)
	case "prompt":
		d.prompt(v)
	case "suffix", "echo", "best_of", "logprobs":
		d.own(name, v)
	case "max_tokens":
		r.MaxOutput = d.Int(v, name, 0)
	case "temperature":
		r.Temperature = d.Number(v, name)
	case "top_p":
		r.TopP = d.Number(v, name)
	case "top_k":
		r.TopK = d.Number(v, name)
	case "seed":
		r.Seed = d.Number(v, name)
	case "presence_penalty":
		r.PresencePenalty = d.Number(v, name)
	case "frequency_penalty":
		r.FrequencyPenalty = d.Number(v, name)
	case "logit_bias":
		r.LogitBias = d.Object(v, name)
	case "stop":
		r.Stop = d.Stop(v, name)
	case "n":
		if n := d.Int(v, name, 1); n != nil {
			r.N = *n
		}
	case "stream":
		b := d.Bool(v, name)
		r.Stream = b != nil && *b
	case "stream_options":
		d.Object(v, name)
		b := d.Bool(v.Get("include_usage"), name+".include_usage")
		r.IncludeUsage = b != nil && *b
		r.Obfuscation = d.Bool(v.Get("include_obfuscation"), name+".include_obfuscation")
	default:
		r.Others = append(r.Others, llm.Member{Name: name, Value: v.Raw()})
	}
}

// own refuses what only this protocol has, unless it asks for nothing.
func (d *decoder) own(name string, v jsontree.Value) {
	n, whole := v.Int()
	nothing := v.Is("") || name == "echo" && v.Kind() == jsontree.Bool && !v.True() || name == "best_of" && whole && n <= 1
	if !nothing && d.Err == nil {
		d.Err = dialect.Unsupported(name)
	}
}

// prompt reads the prompt: one text, or a list of one.
func (d *decoder) prompt(v jsontree.Value) {
	if v.Kind() == jsontree.Array && v.Len() == 1 {
		for _, e := range v.Elements() {
			v = e
		}
	}
	if v.Kind() != jsontree.String {
		if d.Err == nil {
			d.Err = dialect.UnsupportedValue("prompt", "the model that serves this request takes one prompt, in text")
		}
		return
	}
	d.r.Items = []llm.Item{{
		Kind: llm.ItemMessage, Role: llm.RoleUser, Path: "prompt",
		Parts: []llm.Part{{Kind: llm.PartText, Path: "prompt", Text: v.Text()}},
	}}
}
