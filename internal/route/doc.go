// Package route says which targets may serve a model, best first.
//
// It is pure: a [Table] is built from values, asked with values, and answers
// with values. It does not know whether a target is up, it calls nobody, and
// it does not decide who may use a model.
package route
