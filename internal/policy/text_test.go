package policy

import (
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// The patterns below are written in pieces, or they would find themselves.

var leftover = regexp.MustCompile(`\b(TO` + `DO|FIX` + `ME)\b`)

// checkNoLeftovers forbids notes to oneself: an open point is an issue, a
// decision is an ADR.
func checkNoLeftovers(all tree) []string {
	return all.eachLine(func(_ *file, line string) string {
		return leftover.FindString(line)
	})
}

// Shapes of keys that providers hand out. Made-up keys in tests are words
// ("sk-test-alice"), which have no capital letters or no digits.
var secrets = []struct { // immutable
	what    string
	pattern *regexp.Regexp
	random  bool // the first group must look random too
}{
	{"an API key", regexp.MustCompile(`\bsk-(?:[a-z0-9]+-)*([A-Za-z0-9_]{20,})`), true},
	{"an AWS key", regexp.MustCompile(`\b(?:AK` + `IA|AS` + `IA)[A-Z0-9]{16}\b`), false},
	{"a Google key", regexp.MustCompile(`\bAI` + `za[A-Za-z0-9_-]{35}\b`), false},
	{"a GitHub token", regexp.MustCompile(`\b(?:gh[pousr]_[A-Za-z0-9]{36}|github` + `_pat_[A-Za-z0-9_]{22,})`), false},
	{"a Slack token", regexp.MustCompile(`\bxox[abprs]-[A-Za-z0-9-]{20,}`), false},
	{"a private key", regexp.MustCompile(`-----BEGIN (?:[A-Z]+ )?PRIVATE` + ` KEY-----`), false},
	{"a signed token", regexp.MustCompile(`\bey` + `J[A-Za-z0-9_-]{17,}\.ey` + `J[A-Za-z0-9_-]{17,}\.[A-Za-z0-9_-]{20,}`), false},
	{"an Azure key", regexp.MustCompile(`(?i)(?:api-?_?key|secret|token)["']?\s*[:=]\s*["']?([0-9a-f]{32}|[A-Za-z0-9]{84})\b`), false},
}

// checkNoSecrets looks for keys everywhere, recorded answers above all.
func checkNoSecrets(all tree) []string {
	return all.eachLine(func(_ *file, line string) string {
		for _, s := range secrets {
			if m := s.pattern.FindStringSubmatch(line); m != nil && (!s.random || looksRandom(m[1])) {
				return "what looks like " + s.what
			}
		}
		return ""
	})
}

// looksRandom reports whether s mixes capitals, small letters and digits.
func looksRandom(s string) bool {
	return strings.IndexFunc(s, unicode.IsUpper) >= 0 &&
		strings.IndexFunc(s, unicode.IsLower) >= 0 &&
		strings.IndexFunc(s, unicode.IsDigit) >= 0
}

// Where packages come from is the business of each machine's own settings.
var registryHosts = regexp.MustCompile(`\b(?:proxy\.golang` + `\.org|sum\.golang` + `\.org|registry\.npm` + `js\.org|registry\.yarn` + `pkg\.com` +
	`|(?:test\.)?pypi` + `\.org|files\.python` + `hosted\.org|(?:static\.|index\.)?crates` + `\.io|repo\d?\.maven` + `\.(?:apache\.)?org` +
	`|(?:deb|security|ftp)\.debian` + `\.org|archive\.ubuntu` + `\.com)\b`)

// Settings that name a registry, whatever its host.
var registrySettings = regexp.MustCompile(`"resolved": *"http|\bGO` + `PROXY=|\bPIP_` + `INDEX_URL\b|--index` + `-url\b|--extra-index` + `-url\b|--reg` + `istry[= ]`)

func checkNoRegistryHosts(all tree) []string {
	return all.eachLine(func(_ *file, line string) string {
		if registryHosts.MatchString(line) {
			return "names the host of a package registry"
		}
		if registrySettings.MatchString(line) {
			return "chooses a package registry"
		}
		return ""
	})
}

// Folders that exist on somebody's machine only.
var machinePaths = regexp.MustCompile("(?:^|[\\s\"'`(=:,<])(?:/ro" + "ot/|/wo" + "rk/|/ho" + "me/[a-z]|/Us" + "ers/[A-Za-z]|[A-Z]:\\\\Us" + "ers\\\\)")

func checkNoMachinePaths(all tree) []string {
	return all.eachLine(func(f *file, line string) string {
		if slices.Contains([]string{"package-lock.json", "go.sum"}, path.Base(f.path)) {
			return ""
		}
		if machinePaths.MatchString(line) {
			return "a path on somebody's machine"
		}
		return ""
	})
}
