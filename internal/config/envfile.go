package config

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"unicode/utf8"
)

// A variable is one line of a file of variables.
type variable struct {
	name, value string
	pos         Pos
}

// notFromFiles are variables that the Go runtime and net/http read for
// themselves, which a file of variables cannot set.
var notFromFiles = []string{ // immutable
	"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy",
	"SSL_CERT_FILE", "SSL_CERT_DIR", "GODEBUG", "GOGC", "GOMEMLIMIT", "GOMAXPROCS", "TZ",
}

// withEnvFiles returns options whose environment has the variables of the
// files (--env-file) beside its own, and warnings. Its own win, and of the
// files the later. The environment of the process is not touched.
func (o Options) withEnvFiles() (Options, []Fault, error) {
	if len(o.EnvFiles) == 0 || o.BuiltIn {
		return o, nil, nil
	}
	own, values := o.LookupEnv, make(map[string]string)
	var warned, faults []Fault
	for _, file := range o.EnvFiles {
		data, err := readAll(o.Open, file, maxSource)
		switch {
		case errors.Is(err, errTooLarge):
			faults = append(faults, Fault{Pos: Pos{File: file}, Msg: "the file is larger than " + formatSize(maxSource), Remedy: "variables are a few lines; check the file's name"})
			continue
		case err != nil:
			return o, nil, fmt.Errorf("reading the variables that --env-file names: %w\n\t%s", err, envFileRemedy(err))
		}
		vars, wrong := parseEnvFile(file, string(data))
		faults = append(faults, wrong...)
		for _, v := range vars {
			warn := func(msg, remedy string) {
				warned = append(warned, Fault{Pos: v.pos, Path: v.name, Msg: msg, Remedy: remedy})
			}
			switch has, _ := own(v.name); {
			case slices.Contains(notFromFiles, v.name):
				warn("is not taken from a file", "set it in the environment that starts weir")
			case has != "" && has != v.value:
				warn("has another value in the environment, which wins", "unset it there, or remove this line")
			}
			values[v.name] = v.value
		}
	}
	if len(faults) > 0 {
		return o, nil, Faults(sorted(faults))
	}
	o.EnvFiles = nil
	o.LookupEnv = func(name string) (string, bool) {
		if value, set := own(name); set && value != "" {
			return value, true
		}
		if value, set := values[name]; set {
			return value, true
		}
		return own(name)
	}
	o.places = o.LookupEnv
	return o, warned, nil
}

func envFileRemedy(err error) string {
	if errors.Is(err, fs.ErrNotExist) {
		return "correct its name, or leave --env-file out"
	}
	return readRemedy(err)
}

// parseEnvFile reads lines NAME=VALUE. A line may begin with "export", a value
// may be in quotes: in single ones it stands as it is, in double ones \n, \r,
// \t, \", \$ and \\ are escapes. A # that begins a line, or follows a space
// outside quotes, begins a comment. Nothing is expanded.
func parseEnvFile(file, text string) ([]variable, []Fault) {
	var (
		out    []variable
		faults []Fault
	)
	number := 0
	for line := range strings.SplitSeq(strings.TrimPrefix(text, "\ufeff"), "\n") {
		number++
		line = strings.TrimSuffix(line, "\r")
		at := func(rest string) Pos {
			return Pos{File: file, Line: number, Column: utf8.RuneCountInString(line[:len(line)-len(rest)]) + 1}
		}
		rest := strings.TrimLeft(line, " \t")
		if rest == "" || rest[0] == '#' {
			continue
		}
		v, after, err := parseVariable(rest)
		if err == nil {
			v.pos = at(rest)
			out = append(out, v)
			continue
		}
		var e *refError
		errors.As(err, &e)
		faults = append(faults, Fault{Pos: at(after), Msg: e.msg, Remedy: e.remedy})
		if len(faults) > maxFaults {
			break
		}
	}
	return out, faults
}

// parseVariable reads one line that is neither empty nor a comment. If it
// fails, rest begins where the fault is.
func parseVariable(line string) (v variable, rest string, err error) {
	rest = line
	if after, ok := strings.CutPrefix(rest, "export"); ok && after != strings.TrimLeft(after, " \t") {
		rest = strings.TrimLeft(after, " \t")
	}
	name, value, found := strings.Cut(rest, "=")
	v.name = strings.TrimRight(name, " \t")
	switch {
	case !found:
		return v, rest, &refError{"there is no = in this line", "write NAME=VALUE, and # before a comment"}
	case !referenceName.MatchString(v.name):
		return v, rest, &refError{"what stands before = is not a variable's name", "a name has letters, digits and _, the first not a digit"}
	}
	rest = strings.TrimLeft(value, " \t")
	if rest == "" || rest[0] != '\'' && rest[0] != '"' {
		v.value = strings.Trim(uncommented(value), " \t")
		return v, rest, plainValue(v.value)
	}
	v.value, rest, err = quoted(rest)
	if err != nil {
		return v, rest, err
	}
	if tail := strings.TrimLeft(rest, " \t"); tail != "" && tail[0] != '#' {
		return v, tail, &refError{"something follows the closing quote", "put all of the value in quotes, and # before a comment"}
	}
	return v, rest, plainValue(v.value)
}

// uncommented is an unquoted value without the comment behind it.
func uncommented(value string) string {
	for i := 1; i < len(value); i++ {
		if value[i] == '#' && (value[i-1] == ' ' || value[i-1] == '\t') {
			return value[:i]
		}
	}
	return value
}

// quoted reads a value in quotes, and returns what follows it.
func quoted(s string) (value, rest string, err error) {
	quote := s[0]
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == quote:
			return b.String(), s[i+1:], nil
		case c == '\\' && quote == '"' && i+1 < len(s):
			i++
			escape := strings.IndexByte(`nrt"$\`, s[i])
			if escape < 0 {
				return "", s[i-1:], &refError{"this escape is not known", `write \\ for a backslash; the others are \n, \r, \t, \" and \$`}
			}
			b.WriteByte("\n\r\t\"$\\"[escape])
		default:
			b.WriteByte(c)
		}
	}
	return "", s, &refError{"the quote is not closed on this line", "close it; a line break in a value is \\n between double quotes"}
}

// plainValue checks that a variable can have the value.
func plainValue(value string) error {
	switch {
	case !utf8.ValidString(value) || strings.ContainsRune(value, 0):
		return &refError{"the value is not a text in UTF-8", "save the file as UTF-8"}
	case len(value) > maxValue:
		return &refError{"the value is longer than " + formatSize(maxValue), "check the file"}
	}
	return nil
}
