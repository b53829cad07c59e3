package proc

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// parseSchedstat returns the time spent on the processor, the first of the
// three numbers of a schedstat file.
// Source: Linux, Documentation/scheduler/sched-stats.rst.
func parseSchedstat(text string) (time.Duration, error) {
	first, _, _ := strings.Cut(text, " ")
	ns, err := strconv.ParseInt(first, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("parsing schedstat: %w", err)
	}
	return time.Duration(ns), nil
}

// parsePSS returns the Pss of a smaps_rollup file in bytes.
// Source: Linux, Documentation/filesystems/proc.rst.
func parsePSS(text string) (int64, error) {
	for line := range strings.Lines(text) {
		rest, ok := strings.CutPrefix(line, "Pss:")
		if !ok {
			continue
		}
		number, ok := strings.CutSuffix(strings.TrimSpace(rest), " kB")
		if !ok {
			return 0, fmt.Errorf("parsing smaps: unit of %q is not kB", strings.TrimSpace(line))
		}
		kb, err := strconv.ParseInt(number, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("parsing smaps: %w", err)
		}
		return kb << 10, nil
	}
	return 0, fmt.Errorf("parsing smaps: no Pss among %d bytes", len(text))
}
