// Package load makes the requests of the benchmark and checks every answer
// while it does: a closed loop of whole answers, a fixed rate of them, streams
// read to their end, and streams held open.
//
// It speaks HTTP/1.1 over raw connections, because the generator shares a
// processor with the mock upstream and must be cheaper than what it measures.
// It measures time only; processor time and memory of the peer belong to
// package proc. Everything ends within the deadline of its connections, and
// the first answer that is not as it must be ends the whole call with an
// error.
package load
