package config

import (
	"bytes"
	"crypto/sha256"
	"io"
	"os"
	"slices"
)

// A Source is where a configuration comes from, to be read again and again. It
// must not be used by several goroutines at once.
type Source struct {
	o     Options
	first *Config             // what the first successful Load returned
	read  map[string]contents // :: file → what it held; those of the last Load
}

// contents is what a file held: the hash of it, or nothing if it could not be
// read.
type contents [sha256.Size]byte

// again is what later loads know of the first one.
type again struct {
	file  string // that was read; empty: variables have decided
	first *Config
}

// NewSource returns the source that o describes. It reads nothing.
func NewSource(o Options) *Source {
	return &Source{o: o.withDefaults(), read: make(map[string]contents)}
}

// Load is the function [Load], for this source. Once it has succeeded, the
// source does not change any more: a file is not given up for variables because
// it has gone, nor variables for a file that has come. Files of variables are
// read again; the environment of the process stays as it was.
//
// Settings that cannot change while Weir runs stay as they were in the first
// Config: listen.address, listen.tls, listen.timeouts, transparent.address,
// transparent.tls, data_dir, log.format and the root secret. [Config.Waiting]
// names those that the source says otherwise. If what comes of that would not
// be allowed, it is a fault.
func (s *Source) Load() (*Config, error) {
	o := s.o
	s.read = make(map[string]contents)
	o.Open = s.open
	if s.first != nil {
		o.again = &again{file: s.first.file, first: s.first}
	}
	c, err := Load(o)
	if err == nil && s.first == nil {
		s.first = c
	}
	if s.first != nil && s.first.file == "" {
		delete(s.read, defaultFile) // was not there, and will not be taken
	}
	return c, err
}

// open reads a file as Options.Open does, and notes what it holds.
func (s *Source) open(name string) (io.ReadCloser, error) {
	f, err := s.o.Open(name)
	if err != nil {
		s.read[name] = contents{}
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxSource+1))
	if err != nil {
		s.read[name] = contents{}
		return nil, err
	}
	s.read[name] = sha256.Sum256(b)
	return io.NopCloser(bytes.NewReader(b)), nil
}

// Files returns the names of all files that the last Load has read, or has
// tried to: the configuration, files of variables and what both refer to.
func (s *Source) Files() []string {
	names := make([]string, 0, len(s.read))
	for name := range s.read {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Changed reports whether any of Files holds something else than the last Load
// has read. A pipe or device never does: to look would be to take.
func (s *Source) Changed() bool {
	for name, before := range s.read {
		if info, err := os.Stat(name); err == nil && !info.Mode().IsRegular() {
			continue
		}
		var now contents
		if b, err := readAll(s.o.Open, name, maxSource+1); err == nil {
			now = sha256.Sum256(b)
		}
		if now != before {
			return true
		}
	}
	return false
}

// keep puts the settings that cannot change while Weir runs back to what they
// were at the start, and checks that what comes of it is allowed.
func (d *decoder) keep(c *Config, a *again) {
	if a == nil || len(d.faults) > 0 {
		return
	}
	d.restarts(c, a.first)
	if len(c.Waiting) == 0 {
		return
	}
	warned := d.warned
	d.validate(c)
	d.warned = warned
	for i := range d.faults {
		d.faults[i].Msg += " (" + waitingNames(c) + " cannot change before a restart)"
		d.faults[i].Remedy = "restart weir, or take the change of " + waitingNames(c) + " back"
	}
}

// restarts puts back what cannot change, and notes what that is.
func (d *decoder) restarts(c, first *Config) {
	wait := func(path string) {
		c.Waiting = append(c.Waiting, Fault{Pos: d.place(path), Path: path, Msg: "has changed, and stays as it was until Weir is restarted"})
	}
	if c.Listen.Address != first.Listen.Address {
		wait("listen.address")
	}
	if c.Listen.TLS != first.Listen.TLS {
		wait("listen.tls")
	}
	if c.Listen.Timeouts != first.Listen.Timeouts {
		wait("listen.timeouts")
	}
	c.Listen.Address, c.Listen.TLS, c.Listen.Timeouts = first.Listen.Address, first.Listen.TLS, first.Listen.Timeouts
	d.door(c, first, wait)
	if c.DataDir != first.DataDir {
		wait("data_dir")
	}
	c.DataDir, c.DataDirNamed = first.DataDir, first.DataDirNamed
	if c.Store != first.Store {
		wait("store")
	}
	if c.Responses != first.Responses {
		wait("responses")
	}
	c.Store, c.Responses = first.Store, first.Responses
	if c.Log.Format != first.Log.Format {
		wait("log.format")
	}
	c.Log.Format = first.Log.Format
	if c.RootSecretFrom != first.RootSecretFrom || !c.RootSecret.Equal(first.RootSecret) {
		c.Waiting = append(c.Waiting, Fault{Pos: Pos{File: varSecret}, Path: varSecret, Msg: "has changed, and stays as it was until Weir is restarted"})
	}
	c.RootSecret, c.RootSecretFrom = first.RootSecret, first.RootSecretFrom
}

// door puts back where the transparent door listens. One that wants a listener
// where there was none is closed until there is; one that has gone, or moved
// to the main listener, leaves a listener behind that serves nothing.
func (d *decoder) door(c, first *Config, wait func(string)) {
	now, was := &c.Transparent, first.Transparent
	if now.Address != was.Address {
		wait("transparent.address")
		switch {
		case was.Address == "":
			*now = Transparent{}
			return
		case now.Address == "":
			return
		}
		now.Address = was.Address
	}
	if now.TLS != was.TLS && now.Address != "" {
		wait("transparent.tls")
		now.TLS = was.TLS
	}
}

// waitingNames lists what waits for a restart, for a message.
func waitingNames(c *Config) string {
	var b bytes.Buffer
	for i, w := range c.Waiting {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(w.Path)
	}
	return b.String()
}
