// Package responses is OpenAI's Responses protocol: POST /responses, as Codex
// speaks it too. It watches answers as they pass, and turns requests,
// responses and streams into the neutral form of package llm and back.
//
// It keeps no response: previous_response_id, item references and sealed
// reasoning are for its callers to resolve. See package dialect for what a
// dialect does.
package responses
