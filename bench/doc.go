// Bench measures what Weir costs, side by side with nginx and with a bare
// httputil.ReverseProxy, and prints one table of ratios.
//
//	bash bench/run.sh           # as `make bench`: 21 rounds, about 11 minutes
//	bash bench/run.sh --quick   # two short rounds: does it all work?
//
// The mock upstream and the load generator run in this process, on one
// processor; each peer has the other one to itself while it is measured. In
// every round every figure is taken of every peer in turn, in an order that
// rotates, so that noise which lasts meets all of them; ratios are taken
// inside a round. Every answer is checked: a peer that gets one wrong is out
// of that figure. README.md says what the figures mean.
//
// It measures no single function: what steps cost is asserted by the
// benchmarks of their packages.
//
//	main.go      flags, and the way of a run
//	peers.go     what is measured: command lines and configurations
//	round.go     the order of things, and who failed
//	tasks.go     how each figure is taken
//	figures.go   what the table shows, with its bounds
//	report.go    Markdown and JSON
package main
