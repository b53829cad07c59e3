package config

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Print writes the configuration as YAML with every default filled in, and
// says in comments where a value comes from that its source does not hold. A
// value that came from references is written as those references, never
// resolved; a secret that stands in the document itself is written as
// [redacted]. Without such a secret the output loads, in the same
// environment, to the same configuration.
func (c *Config) Print(w io.Writer) error {
	p := &printer{config: c}
	if c.FromEnvironment() {
		p.WriteString("# No file was named or found: variables decide. Saved as weir.yaml, this is the file.\n")
	}
	p.fields(reflect.ValueOf(c).Elem(), "", 0)
	_, err := w.Write(align(p.Bytes()))
	return err
}

type printer struct {
	bytes.Buffer
	config *Config
}

// mark stands between a line and its comment until both are aligned. No value
// holds it: control characters are escaped.
const mark = '\x00'

// comment says why the value at path is what it is, if its source does not.
func (p *printer) comment(path string) {
	why := p.config.notes[path]
	if _, given := p.config.given[path]; why == "" && !given {
		why = "default"
	}
	if why != "" {
		p.WriteString(string(mark) + "# " + why)
	}
}

// align puts the comments below each other, but for those of long lines.
func align(text []byte) []byte {
	const widest = 48
	column := 0
	for line := range bytes.Lines(text) {
		if i := bytes.IndexByte(line, mark); i >= 0 && i <= widest {
			column = max(column, i)
		}
	}
	var out bytes.Buffer
	for line := range bytes.Lines(text) {
		if before, comment, found := bytes.Cut(line, []byte{mark}); found {
			fmt.Fprintf(&out, "%s%*s%s", before, max(column-len(before), 0)+2, "", comment)
		} else {
			out.Write(line)
		}
	}
	return out.Bytes()
}

// fields writes a struct as a block mapping. Empty values that have no
// default are left out.
func (p *printer) fields(v reflect.Value, path string, depth int) {
	for _, f := range fieldsOf(v.Type()) {
		fv, at := v.Field(f.index), join(path, f.name)
		if fv.IsZero() && f.fallback == "" && !p.has(at) && v.Type() != retryType && fv.Kind() != reflect.Slice || fv.Kind() == reflect.Slice && fv.Len() == 0 && !p.given(at) || fv.Kind() == reflect.Map && fv.Len() == 0 {
			continue
		}
		fmt.Fprintf(p, "%s%s:", indent(depth), f.name)
		switch {
		case fv.Kind() == reflect.Struct && p.block(fv, at):
			p.WriteByte('\n')
			p.fields(fv, at, depth+1)
		case fv.Kind() == reflect.Slice && fv.Type().Elem().Kind() == reflect.Struct:
			p.WriteByte('\n')
			p.items(fv, at, depth+1)
		default:
			p.WriteString(" " + p.inline(fv, f, at))
			p.comment(at)
			p.WriteByte('\n')
		}
	}
}

// has reports whether the value at path came from a reference, in which case
// it is written even if it is empty.
func (p *printer) has(path string) bool { _, ok := p.config.shown[path]; return ok }

// block reports whether a struct is written on lines of its own.
func (p *printer) block(v reflect.Value, path string) bool {
	if r, ok := reflect.TypeAssert[Retry](v); ok && r.isProfile() {
		return slices.ContainsFunc(slices.Collect(maps.Keys(p.config.shown)), func(at string) bool { return strings.HasPrefix(at, path+".") })
	}
	return v.Type() != secretType && v.Type() != authType
}

// given reports whether the source has a value at path.
func (p *printer) given(path string) bool { _, ok := p.config.given[path]; return ok }

// items writes a list of structs, each as a block mapping behind a dash.
func (p *printer) items(v reflect.Value, path string, depth int) {
	for i := range v.Len() {
		start := p.Len()
		p.fields(v.Index(i), fmt.Sprintf("%s[%d]", path, i), depth+1)
		p.Bytes()[start+len(indent(depth))] = '-'
	}
}

// inline returns a value on one line.
func (p *printer) inline(v reflect.Value, f field, path string) string {
	if src, ok := p.config.shown[path]; ok {
		return quoteYAML(src)
	}
	switch x := v.Interface().(type) {
	case Secret:
		return quoteYAML(x.source())
	case Auth:
		return x.inline()
	case Retry:
		return string(x.Profile)
	case map[string]Secret:
		var parts []string
		for _, name := range slices.Sorted(maps.Keys(x)) {
			parts = append(parts, quoteYAML(name)+": "+quoteYAML(x[name].source()))
		}
		return "{ " + strings.Join(parts, ", ") + " }"
	case map[string]string:
		var parts []string
		for _, name := range slices.Sorted(maps.Keys(x)) {
			text := p.inline(reflect.ValueOf(x[name]), f, join(path, plainOrQuoted(name)))
			parts = append(parts, quoteYAML(name)+": "+text)
		}
		return "{ " + strings.Join(parts, ", ") + " }"
	}
	switch v.Kind() {
	case reflect.Pointer:
		return p.inline(v.Elem(), f, path)
	case reflect.Slice:
		parts := make([]string, v.Len())
		for i := range parts {
			parts[i] = p.inline(v.Index(i), f, fmt.Sprintf("%s[%d]", path, i))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case reflect.Bool:
		return strconv.FormatBool(v.Bool())
	case reflect.Int64, reflect.Int:
		return f.format(v.Type(), v.Int())
	default:
		return quoteYAML(strings.ReplaceAll(v.String(), "$", "$$"))
	}
}

func (a Auth) inline() string {
	switch a.Method {
	case AuthAPIKey:
		return "{ api_key: " + quoteYAML(a.APIKey.source()) + " }"
	case AuthBearer:
		return "{ bearer: " + quoteYAML(a.Bearer.source()) + " }"
	default:
		return string(a.Method)
	}
}

func indent(depth int) string { return strings.Repeat("  ", depth) }

var (
	plainYAML   = regexp.MustCompile(`^[A-Za-z/]([A-Za-z0-9./_:*@+-]*[A-Za-z0-9/*_-])?$`)
	specialYAML = regexp.MustCompile(`^(?i:true|false|null|yes|no|on|off|y|n|file)$`)
)

// quoteYAML returns s as a YAML scalar that stands for a text: plain where
// every reader takes it for one, else in double quotes.
func quoteYAML(s string) string {
	if plainYAML.MatchString(s) && !specialYAML.MatchString(s) {
		return s
	}
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case r < ' ' || r == 0x7f:
			fmt.Fprintf(&b, `\x%02x`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}
