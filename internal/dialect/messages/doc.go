// Package messages is Anthropic's Messages protocol: POST /v1/messages and
// /v1/messages/count_tokens.
//
// It reads no content blocks and builds no events but the one that ends a
// stream which failed; see package dialect for what a dialect does.
package messages
