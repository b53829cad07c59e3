// Package telemetry makes what operators read: loggers, request ids, and text
// with its secrets taken out.
//
// It does not decide what is logged and it holds no global logger: whoever
// logs is given one.
package telemetry
