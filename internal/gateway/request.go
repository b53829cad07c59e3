package gateway

import (
	"mime"
	"strings"
	"time"

	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/llm"
)

// read takes the request body and finds in it what must be known.
func (x *exchange) read() error {
	if x.h.draining.Load() {
		return &llm.Error{Code: llm.CodeShuttingDown, Op: "gateway.read", RetryAfter: time.Second}
	}
	contentType := x.r.Header.Get("Content-Type")
	json, form := takes(x.op)
	var err error
	switch {
	case form && isForm(contentType):
		err = x.readForm()
	case !json, !x.snap.Keys.Demanded() && !isJSON(contentType), strings.HasPrefix(contentType, "multipart/"):
		err = wrongType(x.op)
	default:
		err = x.readJSON()
	}
	if err != nil {
		return err
	}
	return x.nameModel()
}

// readJSON takes a body of JSON.
func (x *exchange) readJSON() (err error) {
	if x.body, err = x.readBody(); err != nil {
		return err
	}
	if len(x.body.bytes()) == 0 {
		return &llm.Error{Code: llm.CodeInvalidJSON, Op: "gateway.read", Public: "the request body is empty: JSON was expected at byte offset 0"}
	}
	x.req, err = x.dialect.ReadRequest(x.body.bytes())
	return err
}

// nameModel finds out which model is asked for. One that the path names is
// what is authorised; attempt makes the body agree, also where the API's
// default is meant.
func (x *exchange) nameModel() error {
	x.entry.Stream = x.req.Stream
	switch {
	case x.pathName != "":
		if err := dialect.CheckModel(x.pathName); err != nil {
			return err
		}
		x.entry.Model = x.pathName
	case !x.req.HasModel && x.req.DefaultModel != "":
		x.entry.Model = x.req.DefaultModel
	default:
		x.entry.Model = x.req.Model
		return x.req.NeedModel()
	}
	return nil
}

// noDefault is the refusal of a request that names no model and may not have
// the one that its API means then: err says why.
func (x *exchange) noDefault(err error) error {
	e := llm.AsError(err)
	if e.Code != llm.CodeModelNotFound && e.Code != llm.CodeModelNotAllowed {
		return err
	}
	return &llm.Error{
		Code: llm.CodeMissingParameter, Op: e.Op, Param: "model",
		Public: "you must provide a model parameter: without one, `" + x.entry.Model + "` is meant, and " + e.Message(),
	}
}

// isJSON reports whether a Content-Type is JSON's.
func isJSON(contentType string) bool {
	if isMedia(contentType, "application/json") {
		return true
	}
	t, _, err := mime.ParseMediaType(contentType)
	return err == nil && strings.HasSuffix(t, "+json")
}

// isMedia reports whether a Content-Type is media, with any parameters.
func isMedia(contentType, media string) bool {
	if contentType == media { // most are
		return true
	}
	t, _, err := mime.ParseMediaType(contentType)
	return err == nil && t == media
}
