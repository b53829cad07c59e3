package config

import (
	"fmt"
	"slices"
	"strings"
)

// dialectNames are the protocols in which an upstream can be asked.
var dialectNames = []string{"chat", "responses", "messages", "completions", "ollama"} // immutable

// dialects checks the protocols of a target.
func (d *decoder) dialects(path string, names []string) {
	if len(names) == 0 && d.given(path) && d.sound(path) {
		d.fault(path, "is empty", "remove it, or name "+strings.Join(dialectNames, ", "))
	}
	for i, name := range names {
		at := fmt.Sprintf("%s[%d]", path, i)
		switch {
		case !d.sound(at):
		case !slices.Contains(dialectNames, name):
			d.fault(at, d.quoteValue(at, name)+" is not a protocol", "write "+strings.Join(dialectNames, ", "))
		case slices.Contains(names[:i], name):
			d.fault(at, d.quoteValue(at, name)+" is there twice", "remove one of the two")
		}
	}
}

// effortNames are the values of reasoning effort that any model knows.
var effortNames = []string{"none", "minimal", "low", "medium", "high", "xhigh", "max"} // immutable

// efforts checks the values of reasoning effort of a target.
func (d *decoder) efforts(path string, values []string) {
	if len(values) == 0 && d.given(path) && d.sound(path) {
		d.fault(path, "is empty", "remove it, or name what the model knows")
	}
	for i, value := range values {
		at := fmt.Sprintf("%s[%d]", path, i)
		if d.sound(at) && !slices.Contains(effortNames, value) {
			d.fault(at, d.quoteValue(at, value)+" is no reasoning effort", "write "+strings.Join(effortNames, ", "))
		}
	}
}
