// Package completions is OpenAI's legacy Completions protocol: POST
// /completions, with a prompt instead of messages.
//
// It reads no prompt and builds no chunks; see package dialect for what a
// dialect does.
package completions
