package config

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"time"
)

// retryStatuses are those that mean: not now.
var retryStatuses = []int{408, 409, 425, 429, 500, 502, 503, 504, 529} // immutable

// retryProfile returns the values of a profile.
func retryProfile(p RetryProfile) Retry {
	r := Retry{
		Profile: p, MaxRetries: 1, Attempts: 6, Base: time.Second, Max: 8 * time.Second, Jitter: JitterEqual,
		Statuses: slices.Clone(retryStatuses), RetryAfterMax: 30 * time.Second, Within: 10 * time.Minute, Commit: CommitAuto, Budget: 10,
	}
	switch p {
	case RetryNone:
		r.MaxRetries, r.Attempts = 0, 1
	case RetryPatient:
		r.MaxRetries, r.Attempts, r.RetryAfterMax = 3, 8, time.Minute
	}
	return r
}

// profile fills a Retry that is a profile's name.
func (d *decoder) profile(n *node, v reflect.Value, path string) {
	for _, f := range fieldsOf(v.Type()) {
		if f.name == "profile" {
			d.plain(n, v.Field(f.index), f, path)
		}
	}
}

// completeRetry gives each value that was not given that of the profile.
func (d *decoder) completeRetry(r *Retry, path string) {
	to, from := reflect.ValueOf(r).Elem(), reflect.ValueOf(retryProfile(r.Profile))
	for _, f := range fieldsOf(to.Type()) {
		if at := join(path, f.name); f.name != "profile" && !d.given(at) {
			to.Field(f.index).Set(from.Field(f.index))
			d.notes[at] = "of profile " + string(r.Profile)
		}
	}
}

// retry checks what no single value shows.
func (d *decoder) retry(u *Upstream, at string) {
	at += ".retry"
	for i, status := range u.Retry.Statuses {
		if p := fmt.Sprintf("%s.statuses[%d]", at, i); (status == 403 || status == 404) && d.sound(p) {
			d.fault(p, strconv.Itoa(status)+" is never tried again: it would be refused again", "remove it")
		}
	}
	if u.Retry.Max < u.Retry.Base && d.sound(at+".max") && d.sound(at+".base") {
		d.fault(at+".max", "is less than base", "write at least "+formatDuration(u.Retry.Base))
	}
	if h := u.Health; h.MaxOut < h.Out {
		d.warn(join(at[:len(at)-len(".retry")], "health.max_out"), "is less than out, which counts", "write at least "+formatDuration(h.Out))
	}
}

// isProfile reports whether r is what its profile's name alone means.
func (r Retry) isProfile() bool { return reflect.DeepEqual(r, retryProfile(r.Profile)) }

// The variables of AOAI-Proxy that override the pool.
const (
	varConnections  = "UPSTREAM_MAX_CONNECTIONS"
	varKeepAlive    = "UPSTREAM_KEEPALIVE_TIMEOUT_MS"
	varKeepAliveMax = "UPSTREAM_KEEPALIVE_MAX_TIMEOUT_MS"
	varHeaders      = "UPSTREAM_HEADERS_TIMEOUT_MS"
	varBody         = "UPSTREAM_BODY_TIMEOUT_MS"
	varPipelining   = "UPSTREAM_PIPELINING"
)

// pool puts what variables say in place of what upstreams have. It comes after
// the upstreams are complete.
func (d *decoder) pool(c *Config, o Options) {
	connections, hasConnections := d.variable(o, varConnections, 1)
	keepAlive, hasKeepAlive := d.variable(o, varKeepAlive, 1)
	longest, hasLongest := d.variable(o, varKeepAliveMax, 1)
	header, hasHeader := d.variable(o, varHeaders, 1)
	body, hasBody := d.variable(o, varBody, 0)
	if n, ok := d.variable(o, varPipelining, 0); ok && n > 1 {
		d.warned = append(d.warned, Fault{
			Pos: Pos{File: varPipelining}, Msg: "has no effect: no request is sent before the last one on its connection is answered",
			Remedy: "unset it, or set it to 1",
		})
	}
	for i := range c.Upstreams {
		u, path := &c.Upstreams[i], fmt.Sprintf("upstreams[%d]", i)
		if hasConnections {
			u.Pool.Connections = connections
			d.from(path+".pool.connections", varConnections)
		}
		if hasKeepAlive {
			u.Pool.KeepAlive = milliseconds(keepAlive)
			d.from(path+".pool.keep_alive", varKeepAlive)
		}
		if hasLongest && u.Pool.KeepAlive > milliseconds(longest) {
			u.Pool.KeepAlive = milliseconds(longest)
			d.from(path+".pool.keep_alive", varKeepAliveMax)
		}
		if hasHeader {
			u.Pool.HeaderTimeout = milliseconds(header)
			d.from(path+".pool.header_timeout", varHeaders)
		}
		if hasBody && body > 0 {
			u.Timeouts.Idle = milliseconds(body)
			d.from(path+".timeouts.idle", varBody)
		}
	}
}

func milliseconds(n int) time.Duration { return time.Duration(n) * time.Millisecond }

// from notes that a variable has decided about the value at path.
func (d *decoder) from(path, variable string) {
	d.forget(path, Pos{File: variable})
	d.notes[path] = "from " + variable
}

// variable reads a whole number, of milliseconds or of anything else.
func (d *decoder) variable(o Options, name string, least int) (int, bool) {
	s, given := o.LookupEnv(name)
	if !given || s == "" {
		return 0, false
	}
	const most = math.MaxInt32 // 24 days
	n, err := strconv.Atoi(s)
	if err != nil || n < least || n > most {
		d.faults = append(d.faults, Fault{
			Pos: Pos{File: name}, Msg: quote(s) + " is not a number that it can be",
			Remedy: fmt.Sprintf("set it to a whole number from %d to %d, or unset it", least, most),
		})
		return 0, false
	}
	return n, true
}
