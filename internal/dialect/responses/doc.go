// Package responses is OpenAI's Responses protocol: POST /responses, as Codex
// speaks it too.
//
// It reads no items and no tools, keeps no response and builds no events but
// the one that ends a stream which failed; see package dialect for what a
// dialect does.
package responses
