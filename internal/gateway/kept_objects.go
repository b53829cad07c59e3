package gateway

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/weir-gateway/weir/internal/dialect/responses"
	"github.com/weir-gateway/weir/internal/jsonscan"
	"github.com/weir-gateway/weir/internal/llm"
	"github.com/weir-gateway/weir/internal/responsestore"
)

// isKept reports whether the call is about a response that Weir itself keeps.
func (x *exchange) isKept() bool {
	return x.keepsState() && strings.HasPrefix(x.pathName, reservedID)
}

// tell answers a call about a response that Weir itself keeps.
func (c *objectCall) tell(x *exchange) error {
	if !idForm.MatchString(x.pathName) {
		return objectNotFound(errors.New("that is no id"))
	}
	r, err := x.h.responses.Get(x.r.Context(), x.scope(), x.pathName)
	if err == nil {
		x.entry.Model = r.Model
		if denied := x.mayRead(r); denied != nil {
			return denied
		}
		if c.method == http.MethodDelete {
			err = x.h.responses.Delete(x.r.Context(), x.scope(), x.pathName)
		}
	}
	switch {
	case errors.Is(err, responsestore.ErrNotFound):
		return objectNotFound(err)
	case err != nil:
		return storeError(err)
	}
	body, err := c.of(x, r)
	if err != nil {
		return err
	}
	x.respond(http.StatusOK, "application/json", body)
	return nil
}

// of returns what the call is answered with.
func (c *objectCall) of(x *exchange, r *responsestore.Record) ([]byte, error) {
	query := x.r.URL.Query()
	switch {
	case c.method == http.MethodDelete:
		b := jsonscan.AppendQuote([]byte(`{"id":`), r.ID)
		return append(b, `,"object":"response","deleted":true}`...), nil
	case c.method == http.MethodPost:
		return nil, &llm.Error{Code: llm.CodeInvalidValue, Op: opObject, Public: "Cannot cancel a synchronous response."}
	case c.list:
		return inputPage(r.Input, query)
	case query.Get("stream") == "true":
		return nil, &llm.Error{
			Code: llm.CodeUnsupportedValue, Op: opObject, Param: "stream",
			Public: "the upstream of this response keeps none, so that Weir does: it can be looked at whole, and not as a stream",
		}
	default:
		return r.Body, nil
	}
}

// The pages of …/input_items.
//
// Source: OpenAI's OpenAPI document, listInputItems.
const (
	pageItems = 20
	maxPage   = 100
)

// inputPage returns the page of items that a query asks for, the newest first
// if it does not say.
func inputPage(kept []responsestore.Item, query url.Values) ([]byte, error) {
	items := make([]responses.Item, len(kept))
	for i := range kept {
		items[i] = responses.ReadItem(kept[i].Raw)
		items[i].ID = kept[i].ID
	}
	switch order := query.Get("order"); order {
	case "", "desc":
		slices.Reverse(items)
	case "asc":
	default:
		return nil, pageError("order", "asc or desc")
	}
	limit := pageItems
	if s := query.Get("limit"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 || n > maxPage {
			return nil, pageError("limit", "a number between 1 and "+strconv.Itoa(maxPage))
		}
		limit = n
	}
	at := func(name string) (int, error) {
		id := query.Get(name)
		i := slices.IndexFunc(items, func(item responses.Item) bool { return item.ID == id })
		if i < 0 {
			return 0, pageError(name, "the id of an item in this list")
		}
		return i, nil
	}
	if query.Get("before") != "" {
		i, err := at("before")
		if err != nil {
			return nil, err
		}
		items = items[:i]
	}
	if query.Get("after") != "" {
		i, err := at("after")
		if err != nil {
			return nil, err
		}
		items = items[i+1:]
	}
	more := len(items) > limit
	return responses.List(nil, items[:min(limit, len(items))], more), nil
}

func pageError(param, want string) error {
	return &llm.Error{Code: llm.CodeInvalidValue, Op: opObject, Param: param, Public: param + " must be " + want}
}
