// Package health keeps what is known of how upstreams do: for each target what
// is running, how quickly answers begin, how much of its limits is left, and
// whether it should be left alone for a while; for each upstream how much may
// run at once and be tried again.
//
// An [Upstream] lives as long as its settings stay what they are, over any
// number of configurations. Nothing here chooses a target, sends a request or
// reads an answer; whoever does tells a [Run] about it. What is known is one
// process's own.
package health
