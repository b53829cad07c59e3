package simulator

import (
	"net/http"
	"strconv"
)

// A fault is an answer other than success, before a dialect has given it a
// shape.
type fault struct {
	status  int
	code    string // OpenAI's code; "" is null
	param   string // the field to blame; "" is null
	message string
}

func invalid(param, message string) *fault {
	return &fault{status: http.StatusBadRequest, param: param, message: message}
}

func (f *fault) Error() string { return f.message }

// A shape is a way to write an error.
type shape uint8

const (
	shapeOpenAI shape = iota
	shapeAzure
	shapeAnthropic
	shapeOllama
)

// appendFault appends f's body in the shape of a whole answer.
func appendFault(dst []byte, s shape, f *fault, requestID string) []byte {
	switch s {
	case shapeAzure:
		code := f.code
		if code == "" {
			code = strconv.Itoa(f.status)
		}
		dst = appendString(append(dst, `{"error":{"code":`...), code)
		dst = appendString(append(dst, `,"message":`...), f.message)
		if f.param != "" {
			dst = appendString(append(dst, `,"param":`...), f.param)
		}
		return append(dst, `}}`...)
	case shapeAnthropic:
		dst = appendString(append(dst, `{"type":"error","error":{"type":`...), anthropicType(f.status))
		dst = appendString(append(dst, `,"message":`...), f.text())
		dst = appendString(append(dst, `},"request_id":`...), requestID)
		return append(dst, '}')
	case shapeOllama:
		return append(appendString(append(dst, `{"error":`...), f.text()), '}')
	}
	return append(append(append(dst, `{"error":`...), f.openAI()...), '}')
}

// openAI returns the error object of OpenAI's shape.
func (f *fault) openAI() []byte {
	dst := appendString([]byte(`{"message":`), f.message)
	dst = appendString(append(dst, `,"type":`...), openAIType(f.status))
	dst = append(appendOptional(append(dst, `,"param":`...), f.param), `,"code":`...)
	return append(appendOptional(dst, f.code), '}')
}

// text is the message for shapes that have no member for the field to blame.
func (f *fault) text() string {
	if f.param == "" {
		return f.message
	}
	return f.param + ": " + f.message
}

// appendOptional appends s as a JSON string, or null if s is empty.
func appendOptional(dst []byte, s string) []byte {
	if s == "" {
		return append(dst, "null"...)
	}
	return appendString(dst, s)
}

func openAIType(status int) string {
	switch {
	case status == http.StatusTooManyRequests:
		return "rate_limit_error"
	case status >= 500:
		return "server_error"
	}
	return "invalid_request_error"
}

// anthropicType returns Anthropic's error type for a status.
//
// Source: https://docs.claude.com/en/api/errors, read 2026-11-21.
func anthropicType(status int) string {
	switch status {
	case http.StatusUnauthorized:
		return "authentication_error"
	case http.StatusPaymentRequired:
		return "billing_error"
	case http.StatusForbidden:
		return "permission_error"
	case http.StatusNotFound:
		return "not_found_error"
	case http.StatusRequestEntityTooLarge:
		return "request_too_large"
	case http.StatusTooManyRequests:
		return "rate_limit_error"
	case http.StatusGatewayTimeout:
		return "timeout_error"
	case 529:
		return "overloaded_error"
	}
	if status >= 500 {
		return "api_error"
	}
	return "invalid_request_error"
}

// asked returns the fault that x-sim-status asks for.
func asked(status int) *fault {
	f := &fault{status: status, message: "The simulator was asked to answer " + strconv.Itoa(status) + "."}
	switch status {
	case http.StatusTooManyRequests:
		f.code = "rate_limit_exceeded"
	case http.StatusUnauthorized:
		f.code = "invalid_api_key"
	case http.StatusNotFound:
		f.code = "model_not_found"
	case http.StatusServiceUnavailable:
		f.code = "server_is_overloaded"
	}
	return f
}
