package simulator

import (
	"fmt"
	"strings"
)

// The checks of a request's shape. A checker keeps the first fault; the calls
// after it do nothing, so that a parser reads as a list of its members.
type checker struct{ fault *fault }

func (c *checker) fail(param, format string, args ...any) {
	if c.fault == nil {
		c.fault = invalid(param, fmt.Sprintf(format, args...))
	}
}

// failCode is fail with OpenAI's code for it.
func (c *checker) failCode(code, param, format string, args ...any) {
	if c.fault == nil {
		c.fail(param, format, args...)
		c.fault.code = code
	}
}

// err returns the fault as an error, nil if there is none.
func (c *checker) err() error {
	if c.fault == nil {
		return nil
	}
	return c.fault
}

// text returns the string called name, "" if it is absent or null.
func (c *checker) text(o object, name string) string {
	v := o.get(name)
	if v.exists() && !v.isString() {
		c.fail(name, "Invalid type for '%s': expected a string, but got %s.", name, v.kind())
	}
	return v.str()
}

// needText is text for a member that must be there and not be empty.
func (c *checker) needText(o object, name string) string {
	s := c.text(o, name)
	if s == "" {
		c.fail(name, "Missing required parameter: '%s'.", name)
	}
	return s
}

func (c *checker) flag(o object, name string) bool {
	v := o.get(name)
	if v.exists() && !v.isBool() {
		c.fail(name, "Invalid type for '%s': expected a boolean, but got %s.", name, v.kind())
	}
	return v.isTrue()
}

// integer returns the number called name, which must lie between least and
// most, or def if it is absent or null.
func (c *checker) integer(o object, name string, least, most, def int) int {
	v := o.get(name)
	if !v.exists() {
		return def
	}
	n, ok := v.integer()
	if !ok {
		c.fail(name, "Invalid type for '%s': expected an integer, but got %s.", name, v.kind())
		return def
	}
	if n < least || n > most {
		c.fail(name, "Invalid '%s': %d is not between %d and %d.", name, n, least, most)
	}
	return n
}

func (c *checker) number(o object, name string, most float64) {
	v := o.get(name)
	if !v.exists() {
		return
	}
	var f float64
	if _, err := fmt.Sscan(string(v), &f); err != nil || !v.isNumber() {
		c.fail(name, "Invalid type for '%s': expected a number, but got %s.", name, v.kind())
		return
	}
	if f < -most || f > most {
		c.fail(name, "Invalid '%s': %s is out of range.", name, v)
	}
}

// list returns the array called name, nil if it is absent or null.
func (c *checker) list(o object, name string) []value {
	v := o.get(name)
	if v.exists() && !v.isArray() {
		c.fail(name, "Invalid type for '%s': expected an array, but got %s.", name, v.kind())
	}
	return v.elems()
}

// dict returns the object called name, nil if it is absent or null.
func (c *checker) dict(o object, name string) object {
	v := o.get(name)
	if v.exists() && !v.isObject() {
		c.fail(name, "Invalid type for '%s': expected an object, but got %s.", name, v.kind())
	}
	return v.object()
}

// element returns v as an object, which every element of the list name must
// be.
func (c *checker) element(v value, name string, i int) object {
	if !v.isObject() {
		c.fail(fmt.Sprintf("%s[%d]", name, i), "Invalid type for '%s[%d]': expected an object, but got %s.", name, i, v.kind())
	}
	return v.object()
}

// oneOf fails unless s is one of the words in list, which are separated by
// spaces.
func (c *checker) oneOf(param, s, list string) {
	if hasWord(list, s) {
		return
	}
	c.fail(param, "Invalid value: '%s'. Supported values are: %s.", s, strings.ReplaceAll(list, " ", ", "))
}

// offered fails if the tool choice demands a tool that was not offered, or if
// too many were. hosted says whether there are any that a server runs. A demand that only a hosted tool
// could meet is dropped: there are none here.
func (c *checker) offered(t *turn, hosted bool) {
	if len(t.tools) > maxTools {
		c.fail("tools", "Invalid 'tools': more than %d.", maxTools)
	}
	if !t.choice.required {
		return
	}
	_, found := t.find(t.choice.name)
	switch {
	case len(t.tools) == 0 && !hosted:
		c.fail("tool_choice", "'tool_choice' is only allowed when 'tools' are specified.")
	case t.choice.name != "" && !found:
		c.fail("tool_choice", "Tool choice '%s' not found in 'tools' parameter.", t.choice.name)
	case len(t.tools) == 0:
		t.choice.required = false
	}
}

// parts returns the texts of content parts, which all need a type.
func (c *checker) parts(v value, param string) []string {
	var texts []string
	for i, e := range v.elems() {
		part := e.object()
		if part.get("type").str() == "" {
			c.fail(fmt.Sprintf("%s[%d].type", param, i), "Missing required parameter: '%s[%d].type'.", param, i)
		}
		if text := part.get("text"); text.isString() {
			texts = append(texts, text.str())
		} else if refusal := part.get("refusal"); refusal.isString() {
			texts = append(texts, refusal.str())
		}
	}
	return texts
}
