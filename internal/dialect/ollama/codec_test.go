package ollama_test

import (
	"flag"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/dialect/dialecttest"
	"github.com/weir-gateway/weir/internal/dialect/ollama"
	"github.com/weir-gateway/weir/internal/jsontree"
	"github.com/weir-gateway/weir/internal/llm"
)

var update = flag.Bool("update", false, "write what was found into testdata")

// A server is the codec with the half that a server of the protocol has.
type server struct{ ollama.Dialect }

func (server) DecodeRequest([]byte) (*llm.Request, error) { panic("no client speaks it") }

func (server) EncodeReply(dst []byte, r *llm.Reply, _ *dialect.ReplyOptions) []byte {
	w := jsontree.NewWriter(dst)
	head(w, r).Name("message").Open('{').Name("role").Text("assistant")
	text, thought := "", ""
	var logs, calls []byte
	for i := range r.Items {
		item := &r.Items[i]
		text += item.Text(llm.PartText)
		thought += item.Text(llm.PartReasoning)
		for _, p := range item.Parts {
			if len(p.Logprobs) > 2 && len(logs) > 0 {
				logs = append(logs, ',')
			}
			if len(p.Logprobs) > 2 {
				logs = append(logs, p.Logprobs[1:len(p.Logprobs)-1]...)
			}
		}
		if item.Kind == llm.ItemCall {
			if len(calls) > 0 {
				calls = append(calls, ',')
			}
			calls = append(calls, call(item, i)...)
		}
	}
	w.Name("content").Text(text).Name("thinking").Text(thought)
	w.Name("tool_calls").Raw([]byte("[" + string(calls) + "]")).Close('}')
	w.Name("logprobs").Raw([]byte("[" + string(logs) + "]"))
	return tail(w, r)
}

func (server) NewWriter(*dialect.ReplyOptions) dialect.StreamWriter { return writer{} }

// head begins a line.
func head(w *jsontree.Writer, r *llm.Reply) *jsontree.Writer {
	return w.Open('{').Name("model").Text(r.Model).Name("created_at").Text(time.Unix(r.Created, 5).UTC().Format(time.RFC3339Nano))
}

// tail ends the last line.
func tail(w *jsontree.Writer, r *llm.Reply) []byte {
	word := "stop"
	if r.Status == llm.StatusIncomplete {
		word = "length"
	}
	w.Name("done").Bool(true).Name("done_reason").Text(word)
	w.Name("prompt_eval_count").Int(r.Usage.Input).Name("eval_count").Int(r.Usage.Output)
	return append(w.Close('}').Bytes(), '\n')
}

func call(item *llm.Item, i int) string {
	return fmt.Sprintf(`{"id":%q,"function":{"index":%d,"name":%q,"arguments":%s}}`, item.CallID, i, item.Name, item.Input)
}

type writer struct{}

func (writer) Append(dst []byte, e llm.Event) []byte {
	w := jsontree.NewWriter(dst)
	line := func(member, value string) []byte {
		head(w, e.Reply).Name("message").Open('{').Name("role").Text("assistant").Name(member).Raw([]byte(value)).Close('}')
		if e.Logprobs != nil {
			w.Name("logprobs").Raw(e.Logprobs)
		}
		return append(w.Name("done").Bool(false).Close('}').Bytes(), '\n')
	}
	switch {
	case e.Kind == llm.PartDelta && e.Item().Kind == llm.ItemReasoning:
		return line("thinking", string(jsontree.NewWriter(nil).Text(e.Text).Bytes()))
	case e.Kind == llm.PartDelta:
		return line("content", string(jsontree.NewWriter(nil).Text(e.Text).Bytes()))
	case e.Kind == llm.ItemDone && e.Item().Kind == llm.ItemCall:
		return line("tool_calls", "["+call(e.Item(), e.Index)+"]")
	case e.Kind == llm.ReplyDone:
		head(w, e.Reply).Name("message").Open('{').Name("role").Text("assistant").Name("content").Text("").Close('}')
		return tail(w, e.Reply)
	case e.Kind == llm.ReplyFailed:
		return append(dst, `{"error":`+strconv.Quote(e.Reply.Failure.Message)+"}\n"...)
	}
	return dst
}

func (writer) Fail(dst []byte, f dialect.Failure) []byte {
	return append(dst, `{"error":`+strconv.Quote(f.Err.Message())+"}\n"...)
}

func (writer) KeepAlive(dst []byte) []byte { return append(dst, '\n') }

func suite() dialecttest.CodecSuite {
	return dialecttest.CodecSuite{
		Codec:   server{},
		Carries: dialecttest.Carries{Reasoning: true, Logprobs: true, NoCache: true, NoRequests: true},
	}
}

func TestCodec(t *testing.T) { suite().Run(t) }

// recorded is the suite for what servers have sent, of which none is written.
func recorded() dialecttest.CodecSuite {
	s := suite()
	s.Carries.NoWriter = true
	return s
}

func TestRecordings(t *testing.T) { recorded().Recordings(t, "testdata/answers", *update, nil) }

func FuzzReader(f *testing.F) { recorded().FuzzReader(f, "testdata/answers", nil) }
