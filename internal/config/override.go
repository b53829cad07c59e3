package config

import (
	"os/user"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
)

// override puts what flags and the environment say in place of what the
// document says.
func (d *decoder) override(c *Config, o Options) {
	if o.Listen != "" {
		d.forget("listen.address", Pos{File: "--listen"})
		d.notes["listen.address"] = "from --listen"
		c.Listen.Address = o.Listen
	}
	d.dataDir(c, o)
	d.store(c, o)
	d.rootSecret(c, o)
	s, given := o.LookupEnv("BODY_LIMIT")
	if !given || s == "" {
		return
	}
	const path = "listen.body_limit"
	d.forget(path, Pos{File: "BODY_LIMIT"})
	d.notes[path] = "from BODY_LIMIT"
	size := s
	if _, err := strconv.ParseUint(s, 10, 63); err == nil {
		size += "B"
	}
	v := reflect.ValueOf(&c.Listen).Elem()
	for _, f := range fieldsOf(v.Type()) {
		if f.name != "body_limit" {
			continue
		}
		if err := set(v.Field(f.index), f, size, text); err != nil {
			d.fault(path, quote(s)+" "+err.Error(), "write a number of bytes, or a number and its unit such as 50MiB"+f.rangeText(v.Field(f.index).Type()))
		}
	}
}

// forget drops what is known of the value at path and places it elsewhere.
// Faults of the document's own value stay: it is wrong all the same.
func (d *decoder) forget(path string, pos Pos) {
	d.at[path] = pos
	delete(d.shown, path)
	delete(d.bad, path)
	delete(d.notes, path)
	delete(d.remedies, path)
}

// containerData is where the container image keeps its data.
const containerData = "/app/data"

// dataDir decides where data_dir is: the flag, the document, $WEIR_DATA_DIR,
// $STATE_DIRECTORY (systemd), the container's folder if it is there, else the
// user's state folder (XDG Base Directory Specification 0.8). It is absolute,
// and need not be there.
func (d *decoder) dataDir(c *Config, o Options) {
	const path = "data_dir"
	if o.DataDir == "" && c.DataDir != "" {
		c.DataDirNamed = true
		return
	}
	dir, why, from := o.DataDir, "from --data-dir", "--data-dir"
	if dir == "" {
		dir, from = o.stateFolder()
		why = "from " + from
	}
	c.DataDirNamed = from == "--data-dir" || from == "WEIR_DATA_DIR" || from == "STATE_DIRECTORY"
	d.forget(path, Pos{File: from})
	d.notes[path] = why
	abs, err := filepath.Abs(dir)
	if err != nil {
		d.fault(path, "cannot be found: "+err.Error(), "give an absolute path with --data-dir")
		return
	}
	c.DataDir = abs
}

// store decides what keeps things: the document, else $WEIR_STORE.
func (d *decoder) store(c *Config, o Options) {
	const path, name = "store", "WEIR_STORE"
	s, given := o.LookupEnv(name)
	if !given || s == "" || d.given(path) {
		return
	}
	d.forget(path, Pos{File: name})
	d.notes[path] = "from " + name
	if c.Store = Store(s); c.Store != StoreSQLite && c.Store != StoreNone {
		d.fault(path, quote(s)+" is not one of the values allowed", "write "+string(StoreSQLite)+" or "+string(StoreNone))
	}
}

// stateFolder returns where this machine keeps the state of programs, and what
// says so.
func (o Options) stateFolder() (dir, from string) {
	get := func(name string) string { v, _ := o.places(name); return v }
	if dir := get("WEIR_DATA_DIR"); dir != "" {
		return dir, "WEIR_DATA_DIR"
	}
	if dir, _, _ := strings.Cut(get("STATE_DIRECTORY"), ":"); dir != "" { // systemd.exec(5): a list
		return dir, "STATE_DIRECTORY"
	}
	if f, err := o.probe(containerData); err == nil {
		_ = f.Close() // nothing was read
		return containerData, containerData + ", which is there"
	}
	if dir := get("XDG_STATE_HOME"); filepath.IsAbs(dir) { // a relative one is to be ignored
		return filepath.Join(dir, "weir"), "XDG_STATE_HOME"
	}
	home, from := get("HOME"), "HOME"
	if !filepath.IsAbs(home) {
		home, from = "/", "the root folder, as HOME is not set"
		if u, err := user.Current(); err == nil && filepath.IsAbs(u.HomeDir) {
			home, from = u.HomeDir, "the user's home folder"
		}
	}
	return filepath.Join(home, ".local", "state", "weir"), from
}
