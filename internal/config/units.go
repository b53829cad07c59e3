package config

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// off is the text of a duration that never ends.
const off = "off"

var (
	plainNumber = regexp.MustCompile(`^[0-9]+(\.[0-9]+)?$`)
	sizeForm    = regexp.MustCompile(`^([0-9]+)([A-Za-z]+)$`)
	durationRun = regexp.MustCompile(`^([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h))+$`)
)

// sizeUnits are the units of a size, largest first.
var sizeUnits = []struct { // immutable
	name  string
	bytes int64
}{
	{"TiB", 1 << 40}, {"TB", 1e12}, {"GiB", 1 << 30}, {"GB", 1e9}, {"MiB", 1 << 20}, {"MB", 1e6}, {"KiB", 1 << 10}, {"kB", 1e3}, {"KB", 1e3}, {"B", 1},
}

var (
	errDurationUnit = errors.New("has no unit")
	errDuration     = errors.New("is not a duration")
	errSizeUnit     = errors.New("has no unit")
	errSize         = errors.New("is not a size")
	errDollars      = errors.New("is not a sum of dollars")
	errCount        = errors.New("is not a whole number")
)

// remedies for values that carry units.
const (
	durationRemedy = "write a number and its unit: 500ms, 10s, 5m or 1h30m"
	sizeRemedy     = "write a whole number and its unit: 512KiB, 50MiB, 2GiB or 50MB"
	dollarsRemedy  = "write dollars: 2, 0.5 or 1.25"
	countRemedy    = "write a whole number"
)

// parseDuration reads a duration such as 10s or 1h30m. "0" alone has no unit
// either.
func parseDuration(s string) (time.Duration, error) {
	if plainNumber.MatchString(s) {
		return 0, errDurationUnit
	}
	if !durationRun.MatchString(s) {
		return 0, errDuration
	}
	d, err := time.ParseDuration(s)
	if err != nil {
		return 0, errDuration
	}
	return d, nil
}

// A dollar has so many decimals.
const decimals = 9

// parseDollars reads dollars such as 1.25.
func parseDollars(s string) (int64, error) {
	if !plainNumber.MatchString(s) {
		return 0, errDollars
	}
	whole, part, _ := strings.Cut(s, ".")
	if len(part) > decimals {
		return 0, errDollars
	}
	n, err := strconv.ParseInt(whole+part+strings.Repeat("0", decimals-len(part)), 10, 64)
	if err != nil {
		return 0, errDollars
	}
	return n, nil
}

// formatDollars is the inverse of parseDollars.
func formatDollars(n int64) string {
	s := fmt.Sprintf("%0*d", decimals+1, n)
	whole, part := s[:len(s)-decimals], strings.TrimRight(s[len(s)-decimals:], "0")
	if part == "" {
		return whole
	}
	return whole + "." + part
}

// parseCount reads a whole number without a sign.
func parseCount(s string) (int64, error) {
	n, err := strconv.ParseUint(s, 10, 31)
	if err != nil {
		return 0, errCount
	}
	return int64(n), nil
}

// parseSize reads a size such as 50MiB.
func parseSize(s string) (int64, error) {
	if plainNumber.MatchString(s) {
		return 0, errSizeUnit
	}
	m := sizeForm.FindStringSubmatch(s)
	if m == nil {
		return 0, errSize
	}
	n, err := strconv.ParseInt(m[1], 10, 64)
	if err != nil {
		return 0, errSize
	}
	for _, u := range sizeUnits {
		if u.name == m[2] && n <= math.MaxInt64/u.bytes {
			return n * u.bytes, nil
		}
	}
	return 0, errSize
}

// formatDuration is the shortest text that parseDuration reads as d.
func formatDuration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// formatSize is the shortest text that parseSize reads as n.
func formatSize(n int64) string {
	best := fmt.Sprintf("%dB", n)
	if n == 0 {
		return best
	}
	for _, u := range sizeUnits {
		if s := fmt.Sprintf("%d%s", n/u.bytes, u.name); n%u.bytes == 0 && len(s) < len(best) {
			best = s
		}
	}
	return best
}
