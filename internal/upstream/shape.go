package upstream

import (
	"bytes"
	"encoding/json"
	"strings"
)

// A shape is a family of error bodies.
type shape uint8

const (
	unknown        shape = iota // not JSON, or nothing that is known
	openAIShape                 // {"error":{"message":…}}: OpenAI, Azure, Foundry, vLLM, Gemini
	anthropicShape              // {"type":"error","error":{"message":…}}
	otherShape                  // a message somewhere else
)

// A report is what an upstream says of a failure, whatever the shape.
type report struct {
	shape   shape
	message string
	typ     string
	code    string // a number is written as its digits
	param   string // empty if absent or null
	inner   string // Azure's innererror.code
}

// parseReport reads an error body. A body that it cannot read has the zero
// report.
//
// The shapes, beside the three providers' own: {"statusCode","message"} of
// Azure API Management, {"error":"text"} of Ollama, [{"error":{…}}] of Gemini,
// {"object":"error","message"} of older vLLM, {"detail":…} of FastAPI.
func parseReport(body []byte) report {
	body = bytes.TrimSpace(body)
	var list []json.RawMessage
	if len(body) > 0 && body[0] == '[' {
		if json.Unmarshal(body, &list) != nil || len(list) == 0 {
			return report{}
		}
		body = list[0]
	}
	var top struct {
		Type    any             `json:"type"`
		Error   json.RawMessage `json:"error"`
		Message any             `json:"message"`
		Code    json.RawMessage `json:"code"`
		Param   any             `json:"param"`
		Detail  json.RawMessage `json:"detail"`
	}
	if json.Unmarshal(body, &top) != nil {
		return report{}
	}
	r := report{shape: otherShape}
	if string(top.Error) == "null" {
		top.Error = nil
	}
	switch {
	case len(top.Error) > 0 && top.Error[0] == '{':
		r = parseInner(top.Error)
		if r.shape == openAIShape && top.Type == "error" {
			r.shape = anthropicShape
		}
	case len(top.Error) > 0:
		r.message = text(top.Error)
	case top.Message != nil:
		r.message, _ = top.Message.(string)
		r.typ, _ = top.Type.(string)
		r.param, _ = top.Param.(string)
		r.code = text(top.Code)
	case len(top.Detail) > 0:
		if r.message = text(top.Detail); r.message == "" {
			r.message = string(top.Detail)
		}
	}
	if len(list) > 0 && r.shape != unknown {
		r.shape = otherShape
	}
	if r.message == "" && r.shape == otherShape {
		return report{}
	}
	return r
}

// parseInner reads the object under "error".
func parseInner(raw json.RawMessage) report {
	var e struct {
		Message any             `json:"message"`
		Type    any             `json:"type"`
		Code    json.RawMessage `json:"code"`
		Param   any             `json:"param"`
		Inner   json.RawMessage `json:"innererror"`
	}
	if json.Unmarshal(raw, &e) != nil {
		return report{}
	}
	r := report{shape: openAIShape, code: text(e.Code)}
	message, ok := e.Message.(string)
	if !ok {
		r.shape = otherShape
	}
	r.message = message
	r.typ, _ = e.Type.(string)
	r.param, _ = e.Param.(string)
	var inner struct {
		Code any `json:"code"`
	}
	if len(e.Inner) > 0 && json.Unmarshal(e.Inner, &inner) == nil {
		r.inner, _ = inner.Code.(string)
	}
	return r
}

// text returns a JSON string's content or a number's digits, else "".
func text(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	var n json.Number
	if json.Unmarshal(raw, &n) == nil {
		return strings.TrimSpace(n.String())
	}
	return ""
}
