package form

import (
	"net/url"
	"strings"
	"unicode/utf8"
)

// parseHead reads a part's head: its lines without the last CRLF.
func parseHead(head []byte) (Part, error) {
	var p Part
	seen := map[string]bool{}
	for line := range strings.SplitSeq(string(head), "\r\n") {
		name, value, err := header(line)
		if err != nil {
			return Part{}, err
		}
		known := true
		switch name {
		case "content-disposition":
			err = p.disposition(value)
		case "content-type":
			p.Type, err = partType(value)
		case "content-transfer-encoding":
			err = identity(value)
		default: // nothing that a form needs: it goes no further
			known = false
		}
		if err == nil && known && seen[name] {
			err = wrong("a part has two headers `%s`", name)
		}
		if err != nil {
			return Part{}, err
		}
		seen[name] = true
	}
	if !seen["content-disposition"] {
		return Part{}, wrong("a part has no Content-Disposition")
	}
	return p, nil
}

// header reads one line of a head. The name comes in lower case.
func header(line string) (name, value string, err error) {
	name, value, ok := strings.Cut(line, ":")
	switch {
	case !ok || !isToken(name):
		return "", "", wrong("a part's head has a line that is no header")
	case strings.ContainsFunc(value, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }):
		return "", "", wrong("a part's head has a control character")
	case !utf8.ValidString(value):
		return "", "", wrong("a part's head is not UTF-8")
	}
	return strings.ToLower(name), strings.Trim(value, " \t"), nil
}

// disposition reads the value of Content-Disposition.
func (p *Part) disposition(value string) error {
	kind, params, _ := strings.Cut(value, ";")
	if !strings.EqualFold(strings.TrimRight(kind, " \t"), "form-data") {
		return wrong("a part's Content-Disposition is not form-data")
	}
	var plain, extended *string
	name := ""
	err := parameters(params, func(key, v string) error {
		switch key {
		case "name":
			name = v
		case "filename":
			plain = &v
		case "filename*":
			// RFC 7578 §4.2 forbids it. .NET sends it beside the other, some
			// Python clients instead.
			extended = &v
		case "name*":
			return wrong("a part's name is written as `name*`")
		}
		return nil
	})
	switch {
	case err != nil:
		return err
	case name == "" || len(name) > maxName || strings.ContainsFunc(name, notInName):
		return wrong("a part's name must be 1 to %d visible ASCII characters, without quotes, backslashes and percent signs", maxName)
	}
	p.Name = name
	if extended != nil {
		decoded, ok := extendedValue(*extended)
		if !ok {
			return &SyntaxError{Msg: "a part's `filename*` is not UTF-8 in the form of RFC 8187", Part: name}
		}
		plain = &decoded
	}
	if plain == nil {
		return nil
	}
	if len(*plain) > maxFilename {
		return &SyntaxError{Msg: "a file's name is too long", Part: name}
	}
	p.File, p.Filename = true, *plain
	return nil
}

func notInName(r rune) bool {
	return r <= ' ' || r >= 0x7f || strings.ContainsRune("\"\\%", r)
}

// extendedValue decodes UTF-8”percent%20encoded.
func extendedValue(s string) (string, bool) {
	charset, rest, ok := strings.Cut(s, "'")
	_, encoded, ok2 := strings.Cut(rest, "'")
	if !ok || !ok2 || !strings.EqualFold(charset, "utf-8") {
		return "", false
	}
	decoded, err := url.PathUnescape(encoded)
	if err != nil || !utf8.ValidString(decoded) || strings.ContainsFunc(decoded, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return "", false
	}
	return decoded, true
}

// partType checks the value of a part's Content-Type.
func partType(value string) (string, error) {
	media, _, _ := strings.Cut(value, ";")
	kind, sub, ok := strings.Cut(strings.TrimRight(media, " \t"), "/")
	switch {
	case !ok || !isToken(kind) || !isToken(sub) || len(value) > maxType || strings.ContainsFunc(value, func(r rune) bool { return r >= 0x7f }):
		return "", wrong("a part's Content-Type is not a media type")
	case strings.EqualFold(kind, "multipart"):
		return "", wrong("a part is a form of its own: that is not supported")
	}
	return value, nil
}

// identity checks that a Content-Transfer-Encoding changes nothing.
func identity(value string) error {
	switch strings.ToLower(value) {
	case "7bit", "8bit", "binary":
		return nil
	}
	return wrong("a part has a Content-Transfer-Encoding: send its content as it is")
}

// Boundary returns the boundary that a Content-Type names. The error is a
// [SyntaxError].
func Boundary(contentType string) (string, error) {
	media, params, _ := strings.Cut(contentType, ";")
	if !strings.EqualFold(strings.Trim(media, " \t"), "multipart/form-data") {
		return "", wrong("the Content-Type is not multipart/form-data")
	}
	boundary := ""
	err := parameters(params, func(key, value string) error {
		switch key {
		case "boundary":
			boundary = value
		case "boundary*":
			return wrong("the boundary is written as `boundary*`")
		}
		return nil
	})
	switch {
	case err != nil:
		return "", err
	case boundary == "":
		return "", wrong("the Content-Type names no boundary")
	case len(boundary) > 70 || strings.HasSuffix(boundary, " ") || strings.ContainsFunc(boundary, notInBoundary):
		return "", wrong("the boundary is not 1 to 70 of the characters that RFC 2046 allows")
	}
	return boundary, nil
}

func notInBoundary(r rune) bool {
	return !isAlphanumeric(r) && !strings.ContainsRune("'()+_,-./:=? ", r)
}

func isAlphanumeric(r rune) bool {
	return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
}

// parameters reads `name=value; name="value"` and gives each to take, its name
// in lower case. No name may be there twice.
func parameters(s string, take func(name, value string) error) error {
	seen := map[string]bool{}
	for s = strings.Trim(s, " \t"); s != ""; {
		key, rest, ok := strings.Cut(s, "=")
		key = strings.ToLower(key)
		if !ok || !isToken(key) {
			return wrong("a parameter of a header is not written as name=value")
		}
		value, rest, err := parameterValue(key, rest)
		if err != nil {
			return err
		}
		if seen[key] {
			return wrong("the parameter `%s` of a header is there twice", key)
		}
		seen[key] = true
		if err := take(key, value); err != nil {
			return err
		}
		rest = strings.TrimLeft(rest, " \t")
		if rest == "" {
			return nil
		}
		if rest[0] != ';' {
			return wrong("something stands behind the parameter `%s` of a header", key)
		}
		s = strings.Trim(rest[1:], " \t")
		if s == "" {
			return wrong("a header ends in a semicolon")
		}
	}
	return nil
}

// parameterValue reads a token, or a quoted string: what begins s.
func parameterValue(key, s string) (value, rest string, err error) {
	if !strings.HasPrefix(s, `"`) {
		end := strings.IndexAny(s, "; \t")
		if end < 0 {
			end = len(s)
		}
		// Some clients do not quote boundaries that need it.
		if value := s[:end]; key != "boundary" && !isToken(value) || value == "" || strings.Contains(value, `"`) {
			return "", "", wrong("the parameter `%s` of a header needs quotes", key)
		}
		return s[:end], s[end:], nil
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			return b.String(), s[i+1:], nil
		case c == '\\' && i+1 < len(s) && (s[i+1] == '"' || s[i+1] == '\\'):
			i++
			b.WriteByte(s[i])
		default:
			b.WriteByte(c) // a backslash before anything else is one: paths of Windows
		}
	}
	return "", "", wrong("the quotes of the parameter `%s` of a header are not closed", key)
}

// isToken reports whether s is a token. RFC 9110 §5.6.2.
func isToken(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return !isAlphanumeric(r) && !strings.ContainsRune("!#$%&'*+-.^_`|~", r)
	})
}
