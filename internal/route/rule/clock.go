package rule

import (
	"fmt"
	"strings"
	"time"
)

// A clock knows the zones that a condition names. It is not changed once the
// condition is compiled. The zone without a name is that of the options.
type clock map[string]*time.Location

// at returns the time that a function was called with, in the zone that it was
// called with.
func (c clock) at(params []any) (time.Time, error) {
	name := ""
	if len(params) > 1 {
		name, _ = params[1].(string)
	}
	t, ok := params[0].(time.Time)
	zone := c[name]
	if !ok || zone == nil {
		return t, fmt.Errorf("there is no zone %q", name) // nothing that Compile lets pass
	}
	return t.In(zone), nil
}

// hour is hour(t, zone), from 0 to 23.
func (c clock) hour(params ...any) (any, error) {
	t, err := c.at(params)
	return t.Hour(), err
}

// weekday is weekday(t, zone): mon, tue, wed, thu, fri, sat or sun.
func (c clock) weekday(params ...any) (any, error) {
	t, err := c.at(params)
	return strings.ToLower(t.Weekday().String()[:3]), err
}

// date is date(t, zone), as in 2026-12-24.
func (c clock) date(params ...any) (any, error) {
	t, err := c.at(params)
	return t.Format(time.DateOnly), err
}
