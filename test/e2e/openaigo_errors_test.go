package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/packages/param"
	"github.com/openai/openai-go/v3/responses"
)

// runGoBad makes every call of days with openai-go.
func runGoBad(ctx context.Context, h *house, days []bad) (list []seen) {
	for _, d := range days {
		opts := []option.RequestOption{option.WithMaxRetries(d.Retries)}
		for name, text := range d.Headers {
			opts = append(opts, option.WithHeader(name, text))
		}
		as := *h
		as.key = or(d.Key, h.key)
		c := newGoClient(&as, d.Model, d.Azure, opts...)
		begun := time.Now()
		got, err := c.attempt(ctx, d.Call)
		list = append(list, seen{Case: d.Case, Text: got, Error: goFailure(err), Seconds: time.Since(begun).Seconds()})
	}
	return list
}

// attempt makes one call and returns its text, or the type of the last event
// of a stream of responses.
func (c *goClient) attempt(ctx context.Context, call string) (string, error) {
	input := responses.ResponseNewParams{
		Model: c.model, Input: responses.ResponseNewParamsInputUnion{OfString: param.NewOpt(prompt)},
	}
	switch call {
	case "chat":
		r, err := c.Chat.Completions.New(ctx, c.chatParams(prompt))
		if err != nil {
			return "", err
		}
		return r.Choices[0].Message.Content, nil
	case "chat stream":
		stream := c.Chat.Completions.NewStreaming(ctx, c.chatParams(prompt))
		defer stream.Close()
		var text strings.Builder
		for stream.Next() {
			for _, choice := range stream.Current().Choices {
				text.WriteString(choice.Delta.Content)
			}
		}
		return text.String(), stream.Err()
	case "responses":
		r, err := c.Responses.New(ctx, input)
		if err != nil {
			return "", err
		}
		return r.OutputText(), nil
	case "responses stream":
		stream := c.Responses.NewStreaming(ctx, input)
		defer stream.Close()
		var last responses.ResponseStreamEventUnion
		for stream.Next() {
			last = stream.Current()
		}
		if last.Type == "response.failed" {
			return "", fmt.Errorf("response.failed %s", last.Response.Error.Code)
		}
		return last.Type, stream.Err()
	case "embeddings":
		r, err := c.Embeddings.New(ctx, openai.EmbeddingNewParams{
			Model: c.model, Input: openai.EmbeddingNewParamsInputUnion{OfString: param.NewOpt("x")},
		})
		if err != nil {
			return "", err
		}
		return strconv.Itoa(len(r.Data)), nil
	}
	return "", fmt.Errorf("unknown call %q", call)
}

func goFailure(err error) *failure {
	if err == nil {
		return nil
	}
	f := &failure{Class: fmt.Sprintf("%T", err), Message: err.Error()}
	if e, ok := errors.AsType[*openai.Error](err); ok {
		f.Status, f.Code, f.Type, f.Param, f.Message = e.StatusCode, e.Code, e.Type, e.Param, e.Message
		f.RequestID = e.Response.Header.Get("x-request-id")
		f.Headers = map[string]string{}
		for _, name := range []string{"retry-after", "retry-after-ms", "x-should-retry"} {
			f.Headers[name] = e.Response.Header.Get(name)
		}
	}
	return f
}
