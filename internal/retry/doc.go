// Package retry decides what happens when an attempt has failed: the same
// target again, another one, or the end; and how long to wait before that.
//
// [Advise] reads one failure. A [Plan] counts the attempts of one exchange and
// applies a [Policy] to what was advised.
//
// It is pure: times and chance are given to it. It calls nobody, waits for
// nothing, chooses no target, and does not know whether one is healthy. That
// nothing may be tried again once the client has a byte is for its caller.
package retry
