// Package proc starts the programs that are measured, each on a processor of
// its own, reads what they have used from /proc, and ends them.
//
// Processor time is the sum of what the scheduler counted for every thread, in
// nanoseconds, not the clock ticks of /proc/<pid>/stat. Memory is the
// proportional set size, so that pages which several processes of one program
// share count once. It works on Linux alone, and ends no process that it did
// not start.
package proc
