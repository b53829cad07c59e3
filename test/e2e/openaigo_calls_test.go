package e2e_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/azure"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/packages/param"
	"github.com/openai/openai-go/v3/responses"
	"github.com/openai/openai-go/v3/shared"
)

// A goClient is openai-go with the cases of the other clients' programs.
type goClient struct {
	openai.Client
	model string
	seen  []seen
}

// newGoClient returns a client that does not read this machine's environment.
func newGoClient(h *house, model string, inAzure bool, opts ...option.RequestOption) *goClient {
	base := []option.RequestOption{option.WithMaxRetries(0), option.WithRequestTimeout(20 * time.Second)}
	if inAzure {
		base = append(base, azure.WithEndpoint(h.url, "2025-04-01-preview"), azure.WithAPIKey(h.key), azure.WithUnsafeAllowHTTP())
	} else {
		base = append(base, option.WithBaseURL(h.url+"/v1"), option.WithAPIKey(h.key))
	}
	return &goClient{Client: openai.NewClient(append(base, opts...)...), model: model}
}

// run runs every case, one after the other.
func (c *goClient) run(ctx context.Context, models bool) []seen {
	type step struct {
		name string
		call func(context.Context, string) error
	}
	steps := []step{
		{"chat", c.chat},
		{"chat stream", func(ctx context.Context, name string) error { return c.chatStream(ctx, name, false) }},
		{"chat stream with usage", func(ctx context.Context, name string) error { return c.chatStream(ctx, name, true) }},
		{"chat tools", c.chatTools},
		{"chat tools stream", c.chatToolsStream},
		{"completions", c.completions},
		{"completions stream", c.completionsStream},
		{"responses", c.responses},
		{"responses stream", func(ctx context.Context, name string) error { return c.responsesStream(ctx, name, prompt) }},
		{"responses reasoning", func(ctx context.Context, name string) error { return c.responsesStream(ctx, name, "think first") }},
		{"responses tools", c.responsesTools},
		{"embeddings", func(ctx context.Context, name string) error { return c.embeddings(ctx, name, "base64") }},
		{"embeddings float", func(ctx context.Context, name string) error { return c.embeddings(ctx, name, "float") }},
	}
	if models {
		steps = append(steps, step{"models", c.models})
	}
	for _, one := range steps {
		if err := one.call(ctx, one.name); err != nil {
			c.seen = append(c.seen, seen{Case: one.name, Fault: err.Error()})
		}
	}
	return c.seen
}

func (c *goClient) put(s seen) { c.seen = append(c.seen, s) }

func (c *goClient) chatParams(text string) openai.ChatCompletionNewParams {
	return openai.ChatCompletionNewParams{
		Model:    c.model,
		Messages: []openai.ChatCompletionMessageParamUnion{openai.UserMessage(text)},
	}
}

func weatherTool() openai.ChatCompletionToolUnionParam {
	return openai.ChatCompletionFunctionTool(shared.FunctionDefinitionParam{
		Name: "get_weather", Parameters: weather, Strict: param.NewOpt(true),
	})
}

func chatUsage(u openai.CompletionUsage) *usage {
	return &usage{
		Input: u.PromptTokens, Output: u.CompletionTokens, Total: u.TotalTokens,
		Cached: u.PromptTokensDetails.CachedTokens, Reasoning: u.CompletionTokensDetails.ReasoningTokens,
	}
}

func responsesUsage(u responses.ResponseUsage) *usage {
	return &usage{
		Input: u.InputTokens, Output: u.OutputTokens, Total: u.TotalTokens,
		Cached: u.InputTokensDetails.CachedTokens, Reasoning: u.OutputTokensDetails.ReasoningTokens,
	}
}

func toolCalls(m openai.ChatCompletionMessage) (calls []toolCall) {
	for _, call := range m.ToolCalls {
		calls = append(calls, toolCall{Name: call.Function.Name, Arguments: call.Function.Arguments})
	}
	return calls
}

func (c *goClient) chat(ctx context.Context, name string) error {
	var answer *http.Response
	r, err := c.Chat.Completions.New(ctx, c.chatParams(prompt), option.WithResponseInto(&answer))
	if err != nil {
		return err
	}
	c.put(seen{
		Case: name, Model: r.Model, Text: r.Choices[0].Message.Content, Finish: r.Choices[0].FinishReason,
		Usage: chatUsage(r.Usage), RequestID: answer.Header.Get("x-request-id"),
	})
	return nil
}

func (c *goClient) chatStream(ctx context.Context, name string, withUsage bool) error {
	params := c.chatParams(prompt)
	if withUsage {
		params.StreamOptions.IncludeUsage = param.NewOpt(true)
	}
	var answer *http.Response
	stream := c.Chat.Completions.NewStreaming(ctx, params, option.WithResponseInto(&answer))
	defer stream.Close()
	s := seen{Case: name}
	for stream.Next() {
		chunk := stream.Current()
		if chunk.JSON.Usage.Valid() {
			s.UsageChunks++
			s.Usage = chatUsage(chunk.Usage)
		}
		for _, choice := range chunk.Choices {
			if choice.Delta.Content != "" {
				s.Deltas++
			}
			s.Text += choice.Delta.Content
			s.Finish = max(s.Finish, choice.FinishReason)
		}
	}
	if answer != nil {
		s.RequestID = answer.Header.Get("x-request-id")
	}
	c.put(s)
	return stream.Err()
}

func (c *goClient) chatTools(ctx context.Context, name string) error {
	params := c.chatParams(calls)
	params.Tools = []openai.ChatCompletionToolUnionParam{weatherTool()}
	r, err := c.Chat.Completions.New(ctx, params)
	if err != nil {
		return err
	}
	message := r.Choices[0].Message
	c.put(seen{Case: name + ": call", Finish: r.Choices[0].FinishReason, Tools: toolCalls(message), Usage: chatUsage(r.Usage)})
	params.Messages = append(params.Messages, message.ToParam())
	for _, call := range message.ToolCalls {
		params.Messages = append(params.Messages, openai.ToolMessage(forecast(call.Function.Arguments), call.ID))
	}
	if r, err = c.Chat.Completions.New(ctx, params); err != nil {
		return err
	}
	c.put(seen{
		Case: name + ": answer", Text: r.Choices[0].Message.Content,
		Finish: r.Choices[0].FinishReason, Usage: chatUsage(r.Usage),
	})
	return nil
}

// forecast is what the tool answers.
func forecast(arguments string) string {
	var args struct{ City string }
	if err := json.Unmarshal([]byte(arguments), &args); err != nil {
		return err.Error()
	}
	return "sunny in " + args.City
}

func (c *goClient) chatToolsStream(ctx context.Context, name string) error {
	params := c.chatParams(calls)
	params.Tools = []openai.ChatCompletionToolUnionParam{weatherTool()}
	params.StreamOptions.IncludeUsage = param.NewOpt(true)
	stream := c.Chat.Completions.NewStreaming(ctx, params)
	defer stream.Close()
	var acc openai.ChatCompletionAccumulator
	for stream.Next() {
		if !acc.AddChunk(stream.Current()) {
			return fmt.Errorf("the accumulator refuses chunk %s", stream.Current().RawJSON())
		}
	}
	if err := stream.Err(); err != nil {
		return err
	}
	c.put(seen{
		Case: name, Finish: acc.Choices[0].FinishReason,
		Tools: toolCalls(acc.Choices[0].Message), Usage: chatUsage(acc.Usage),
	})
	return nil
}

func (c *goClient) completions(ctx context.Context, name string) error {
	r, err := c.Completions.New(ctx, openai.CompletionNewParams{
		Model:  openai.CompletionNewParamsModel(c.model),
		Prompt: openai.CompletionNewParamsPromptUnion{OfString: param.NewOpt(prompt)},
	})
	if err != nil {
		return err
	}
	c.put(seen{Case: name, Text: r.Choices[0].Text, Finish: string(r.Choices[0].FinishReason), Usage: chatUsage(r.Usage)})
	return nil
}

func (c *goClient) completionsStream(ctx context.Context, name string) error {
	stream := c.Completions.NewStreaming(ctx, openai.CompletionNewParams{
		Model:  openai.CompletionNewParamsModel(c.model),
		Prompt: openai.CompletionNewParamsPromptUnion{OfString: param.NewOpt(prompt)},
	})
	defer stream.Close()
	s := seen{Case: name}
	for stream.Next() {
		chunk := stream.Current()
		if chunk.JSON.Usage.Valid() {
			s.UsageChunks++
		}
		for _, choice := range chunk.Choices {
			s.Text += choice.Text
			s.Finish = max(s.Finish, string(choice.FinishReason))
		}
	}
	c.put(s)
	return stream.Err()
}

func (c *goClient) responses(ctx context.Context, name string) error {
	var answer *http.Response
	r, err := c.Responses.New(ctx, responses.ResponseNewParams{
		Model: c.model,
		Input: responses.ResponseNewParamsInputUnion{OfString: param.NewOpt(prompt)},
	}, option.WithResponseInto(&answer))
	if err != nil {
		return err
	}
	c.put(seen{
		Case: name, Model: r.Model, Text: r.OutputText(), Finish: string(r.Status),
		Usage: responsesUsage(r.Usage), RequestID: answer.Header.Get("x-request-id"),
	})
	return nil
}

func (c *goClient) responsesStream(ctx context.Context, name, text string) error {
	stream := c.Responses.NewStreaming(ctx, responses.ResponseNewParams{
		Model: c.model,
		Input: responses.ResponseNewParamsInputUnion{OfString: param.NewOpt(text)},
	})
	defer stream.Close()
	s := seen{Case: name, Ordered: true}
	next := int64(-1)
	var last responses.ResponseStreamEventUnion
	for stream.Next() {
		last = stream.Current()
		if next < 0 {
			s.First, next = last.Type, last.SequenceNumber
		}
		s.Ordered = s.Ordered && last.SequenceNumber == next
		next++
		if last.Type == "response.output_text.delta" {
			s.Deltas++
		}
	}
	if err := stream.Err(); err != nil {
		return err
	}
	s.Last, s.Text = last.Type, last.Response.OutputText()
	s.Finish, s.Usage = string(last.Response.Status), responsesUsage(last.Response.Usage)
	var thought strings.Builder
	for _, item := range last.Response.Output {
		if item.Type != "reasoning" {
			continue
		}
		for _, part := range item.Summary {
			thought.WriteString(part.Text)
		}
		for _, part := range item.Content { // of open models, where no summary is asked for
			thought.WriteString(part.Text)
		}
	}
	s.Reasoning = thought.String()
	c.put(s)
	return nil
}

func (c *goClient) responsesTools(ctx context.Context, name string) error {
	input := responses.ResponseInputParam{responses.ResponseInputItemParamOfMessage(calls, responses.EasyInputMessageRoleUser)}
	params := responses.ResponseNewParams{
		Model: c.model,
		Input: responses.ResponseNewParamsInputUnion{OfInputItemList: input},
		Tools: []responses.ToolUnionParam{responses.ToolParamOfFunction("get_weather", weather, true)},
		Store: param.NewOpt(false),
	}
	r, err := c.Responses.New(ctx, params)
	if err != nil {
		return err
	}
	s := seen{Case: name + ": call", Finish: string(r.Status), Usage: responsesUsage(r.Usage)}
	for _, item := range r.Output {
		if item.Type != "function_call" {
			continue
		}
		call := item.AsFunctionCall()
		s.Tools = append(s.Tools, toolCall{Name: call.Name, Arguments: call.Arguments})
		output := responses.ResponseInputItemParamOfFunctionCallOutput(forecast(call.Arguments))
		output.OfFunctionCallOutput.CallID = param.NewOpt(call.CallID)
		input = append(input, responses.ResponseInputItemParamOfFunctionCall(call.Arguments, call.CallID, call.Name), output)
	}
	c.put(s)
	params.Input.OfInputItemList = input
	if r, err = c.Responses.New(ctx, params); err != nil {
		return err
	}
	c.put(seen{Case: name + ": answer", Text: r.OutputText(), Finish: string(r.Status), Usage: responsesUsage(r.Usage)})
	return nil
}

func (c *goClient) models(ctx context.Context, name string) error {
	s := seen{Case: name}
	list := c.Models.ListAutoPaging(ctx)
	for list.Next() {
		m := list.Current()
		s.IDs = append(s.IDs, fmt.Sprintf("%s %s %t", m.Object, m.ID, m.Created > 0))
	}
	if err := list.Err(); err != nil {
		return err
	}
	one, err := c.Models.Get(ctx, c.model)
	if err != nil {
		return err
	}
	s.Model = one.ID
	c.put(s)
	return nil
}

func (c *goClient) embeddings(ctx context.Context, name, format string) error {
	r, err := c.Embeddings.New(ctx, openai.EmbeddingNewParams{
		Model:          c.model,
		Input:          openai.EmbeddingNewParamsInputUnion{OfArrayOfStrings: []string{"one", prompt}},
		EncodingFormat: openai.EmbeddingNewParamsEncodingFormat(format),
	})
	if err != nil {
		return err
	}
	s := seen{Case: name, Usage: &usage{Input: r.Usage.PromptTokens, Total: r.Usage.TotalTokens}}
	for _, one := range r.Data {
		s.addVector(one.Embedding)
	}
	c.put(s)
	return nil
}
