package messages

import (
	"crypto/sha256"
	"encoding/hex"
	"unicode/utf8"

	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/jsonscan"
	"github.com/weir-gateway/weir/internal/jsontree"
	"github.com/weir-gateway/weir/internal/llm"
)

// DecodeRequest reads a client's request.
//
// Parts and items keep their block in Raw, the system prompt its whole value,
// and members that other protocols spell differently are in Echo: so a server
// of the same protocol can be given what the client wrote. A hosted tool's
// Type is without its date (web_fetch for web_fetch_20250910), and the servers
// of mcp_servers are hosted tools too.
func (d Dialect) DecodeRequest(body []byte) (*llm.Request, error) {
	root, err := jsontree.Parse(body)
	if err != nil {
		return nil, &llm.Error{Code: llm.CodeInvalidJSON, Op: "messages.decode_request", Err: err}
	}
	in := decoder{r: &llm.Request{Dialect: llm.Messages, Names: &names}}
	if root.Kind() != jsontree.Object {
		return nil, dialect.Invalid("", "the request must be an object")
	}
	in.system(root.Get("system"))
	in.conversation(root.Get("messages"))
	for name, v := range root.Members() {
		if !v.Given() {
			continue
		}
		if read, ok := members[name]; ok {
			read(&in, v)
		} else {
			in.r.Others = append(in.r.Others, llm.Member{Name: name, Value: v.Raw()})
		}
	}
	in.mcpServers(root.Get("mcp_servers"))
	in.hostedChoice()
	if in.r.MaxOutput == nil && !d.Counting {
		in.Missing("max_tokens")
	}
	if in.Err != nil {
		return nil, in.Err
	}
	return in.r, nil
}

// A decoder reads one request.
type decoder struct {
	dialect.Fields
	r *llm.Request
}

// members are those of a request that mean something here. Those that are read
// on their own are left out of the others all the same.
var members = map[string]func(*decoder, jsontree.Value){ // immutable
	"system": func(*decoder, jsontree.Value) {}, "messages": func(*decoder, jsontree.Value) {},

	"model":          func(d *decoder, v jsontree.Value) { d.r.Model = d.Text(v, "model") },
	"max_tokens":     func(d *decoder, v jsontree.Value) { d.r.MaxOutput = d.Int(v, "max_tokens", 0) },
	"tools":          func(d *decoder, v jsontree.Value) { d.tools(v) },
	"tool_choice":    func(d *decoder, v jsontree.Value) { d.choice(v) },
	"temperature":    func(d *decoder, v jsontree.Value) { d.r.Temperature = d.Number(v, "temperature") },
	"top_p":          func(d *decoder, v jsontree.Value) { d.r.TopP = d.Number(v, "top_p") },
	"top_k":          func(d *decoder, v jsontree.Value) { d.r.TopK = d.Number(v, "top_k") },
	"stop_sequences": func(d *decoder, v jsontree.Value) { d.stop(v) },
	"stream": func(d *decoder, v jsontree.Value) {
		b := d.Bool(v, "stream")
		d.r.Stream = b != nil && *b
	},
	"thinking":      func(d *decoder, v jsontree.Value) { d.thinking(v) },
	"output_config": func(d *decoder, v jsontree.Value) { d.outputConfig(v) },
	"output_format": func(d *decoder, v jsontree.Value) { d.echo("output_format", v); d.format(v, "output_format") },
	"metadata":      func(d *decoder, v jsontree.Value) { d.metadata(v) },
	"service_tier":  func(d *decoder, v jsontree.Value) { d.serviceTier(v) },

	// Where prompts are cached, and why they were not, is nothing to others.
	"cache_control": func(d *decoder, v jsontree.Value) { d.echo("cache_control", v) },
	"diagnostics":   func(d *decoder, v jsontree.Value) { d.echo("diagnostics", v) },
	"mcp_servers":   func(d *decoder, v jsontree.Value) { d.echo("mcp_servers", v) },
}

// echo keeps a member as it came.
func (d *decoder) echo(name string, v jsontree.Value) {
	d.r.Echo = append(d.r.Echo, llm.Member{Name: name, Value: v.Raw()})
}

// lose notes what only a server of the same protocol is told.
func (d *decoder) lose(path, why string) {
	d.r.Lost = append(d.r.Lost, llm.Loss{Path: path, Why: why})
}

func (d *decoder) stop(v jsontree.Value) {
	d.List(v, "stop_sequences")
	for i, e := range v.Elements() {
		d.r.Stop = append(d.r.Stop, d.Need(e, at("stop_sequences", i)))
	}
}

// thinking reads how the model is to think. A client that asks for thinking
// wants to see it, and sends back what its maker alone can read.
func (d *decoder) thinking(v jsontree.Value) {
	const path = "thinking"
	if d.Object(v, path) == nil {
		return
	}
	d.echo(path, v)
	switch kind := d.Need(v.Get("type"), path+".type"); kind {
	case "enabled":
		d.r.Thinking = kind
		if d.r.ThinkingBudget = d.Int(v.Get("budget_tokens"), path+".budget_tokens", 1); d.r.ThinkingBudget == nil {
			d.Missing(path + ".budget_tokens")
		}
	case "adaptive", "between_tools":
		d.r.Thinking = "adaptive"
	case "disabled":
		d.r.Thinking = kind
		return
	default:
		d.Fault(path+".type", "enabled, adaptive or disabled")
		return
	}
	d.r.WantSealed = true
	if !v.Get("display").Is("omitted") {
		d.r.Summary = "auto"
	}
}

func (d *decoder) outputConfig(v jsontree.Value) {
	const path = "output_config"
	if d.Object(v, path) == nil {
		return
	}
	d.echo(path, v)
	d.r.Effort = d.Text(v.Get("effort"), path+".effort")
	if f := v.Get("format"); f.Given() {
		d.format(f, path+".format")
	}
}

func (d *decoder) format(v jsontree.Value, path string) {
	if d.Object(v, path) == nil {
		return
	}
	if d.Word(v.Get("type"), path+".type", "json_schema") == "" {
		d.Missing(path + ".type")
	}
	strict := true
	d.r.Format = llm.Format{Kind: llm.FormatSchema, Name: "output", Strict: &strict, Schema: d.Object(v.Get("schema"), path+".schema")}
	if d.r.Format.Schema == nil {
		d.Missing(path + ".schema")
	}
}

// maxUser is the longest name of a user that OpenAI's protocols take, in
// characters.
const maxUser = 64

// metadata reads user_id, which other protocols know as safety_identifier.
func (d *decoder) metadata(v jsontree.Value) {
	const path = "metadata.user_id"
	if d.Object(v, "metadata") == nil {
		return
	}
	d.echo("metadata", v)
	user := d.Text(v.Get("user_id"), path)
	if user == "" {
		return
	}
	if utf8.RuneCountInString(user) > maxUser {
		sum := sha256.Sum256([]byte(user))
		user = hex.EncodeToString(sum[:])
		d.lose(path, "it is too long, and told as its SHA-256")
	}
	d.r.Others = append(d.r.Others, llm.Member{Name: "safety_identifier", Value: jsonscan.AppendQuote(nil, user), Path: path})
}

func (d *decoder) serviceTier(v jsontree.Value) {
	const path = "service_tier"
	d.echo(path, v)
	switch d.Word(v, path, "auto", "standard_only") {
	case "standard_only":
		d.lose(path, "other servers know no such tier: the one without priority is asked for")
		d.r.Others = append(d.r.Others, llm.Member{Name: path, Value: []byte(`"default"`), Path: path})
	case "auto":
		d.r.Others = append(d.r.Others, llm.Member{Name: path, Value: []byte(`"auto"`), Path: path})
	}
}
