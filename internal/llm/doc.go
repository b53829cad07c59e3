// Package llm is the vocabulary that every other package shares: operations,
// dialects, token usage, and the one error type with its closed table of
// codes.
//
// It holds values and no behaviour beyond naming them. It knows no HTTP
// handler, no provider and no wire format: rendering an [Error] for a client
// is the work of package dialect, choosing what to try next is the work of
// package gateway.
package llm
