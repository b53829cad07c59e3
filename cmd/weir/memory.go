package main

import (
	"os"
	"runtime/debug"
	"strconv"
	"strings"
)

// gcPercent trades memory for time: a gateway's live heap is small, and its
// garbage is cheap to keep a little longer (docs/adr/0006-memory.md).
const gcPercent = 200

// tuneMemory sets the garbage collector for a server, unless GOGC and
// GOMEMLIMIT say otherwise. Where the process has a memory limit of its own (a
// container), the collector works harder before it is reached.
func tuneMemory() {
	if _, set := os.LookupEnv("GOGC"); !set {
		debug.SetGCPercent(gcPercent)
	}
	if _, set := os.LookupEnv("GOMEMLIMIT"); set {
		return
	}
	if limit, ok := containerLimit(); ok {
		debug.SetMemoryLimit(limit / 10 * 9)
	}
}

// containerLimit returns the memory limit of the process's control group, in
// bytes. Source: Linux, Documentation/admin-guide/cgroup-v2.rst, memory.max.
func containerLimit() (int64, bool) {
	b, err := os.ReadFile("/sys/fs/cgroup/memory.max")
	if err != nil {
		return 0, false
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(b)), 10, 64)
	return n, err == nil && n > 0 // "max" is no limit
}
