// Package rule compiles and asks the conditions of routing rules: expressions
// over what is known of a request.
//
// A condition is checked when it is compiled: its types, the headers and zones
// that it names, and that it cannot cost much. It reads nothing but its [Env],
// and it decides nothing: package route does that.
package rule
