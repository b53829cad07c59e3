// Package route says which targets may serve a request, best first, and why.
//
// It is pure: a [Table] is built from values, asked with values, and answers
// with values; time and chance come with the question. It calls nobody, it
// does not find out whether a target works but asks a [Health], and it does
// not decide who may use a model.
package route
