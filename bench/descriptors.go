package main

import (
	"fmt"
	"io"
	"slices"
	"syscall"
)

// spare is the number of descriptors needed beside those of connections.
const spare = 500

// raiseDescriptors sees to it that enough files may be open for the idle
// streams of s, in this process, which has both ends, and in the peers, which
// inherit the limit and have both ends too. Where it may not be raised, the
// numbers of streams that do not fit are left out.
func raiseDescriptors(s *scale, progress io.Writer) {
	need := func(streams int) uint64 { return uint64(2*streams + spare) }
	var have syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &have); err != nil {
		return // unknown: the measurement will tell
	}
	most := need(slices.Max(s.idle))
	want := syscall.Rlimit{Cur: max(have.Cur, most), Max: max(have.Max, most)}
	err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &want)
	if err == nil {
		return
	}
	s.idle = slices.DeleteFunc(s.idle, func(n int) bool { return need(n) > have.Cur })
	fmt.Fprintf(progress, "bench: only %d files may be open, %d are needed (%v): taking idle streams %v\n", have.Cur, most, err, s.idle)
}
