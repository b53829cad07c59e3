// Package faults shows, over sockets, that there is always an answer: between
// a gateway and simulators stands toxiproxy, a real proxy that breaks
// connections, and the simulators misbehave.
//
// TestFaults is a table of faults; each is tried with answers that are whole
// and that are streams, with one target and with a second one that works, in
// the express and in the translated lane. What the client sees, the attempts,
// the targets, how long it took and the one entry are checked. `make check`
// runs each fault in each of these once or more; `make matrix` all of them
// together. TestChaos lets everything happen at once, for a minute in `make
// check` and shorter where somebody waits for it.
//
// It has no code but tests. How long waits are to be is not tested here, but
// in package retry, in virtual time: here they are as short as they can be.
package faults
