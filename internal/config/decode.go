package config

import (
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The types that have a form of their own in a document.
var (
	durationType = reflect.TypeFor[time.Duration]() // immutable
	secretType   = reflect.TypeFor[Secret]()        // immutable
	authType     = reflect.TypeFor[Auth]()          // immutable
	retryType    = reflect.TypeFor[Retry]()         // immutable
	dollarsType  = reflect.TypeFor[Dollars]()       // immutable
)

// A decoder fills a Config from a tree and remembers what validation and
// printing need: where each value stood, and which are already known to be
// wrong.
type decoder struct {
	doc    Pos    // of the whole document, for what is missing at its top
	source []byte // the document; nil if there is none
	folder string // where relative paths start
	refs   *resolver

	environment bool // the document was made from variables: whoever reads a fault has never seen it

	at       map[string]Pos    // :: path → place; only what the document holds
	bad      map[string]bool   // :: path → it has a fault already
	shown    map[string]string // :: path → source text of a value that has references
	notes    map[string]string // :: path → why it is what it is, where the document does not say it
	remedies map[string]string // :: path → what to do about its faults, and those below it
	faults   []Fault
	warned   []Fault
}

func newDecoder(doc Pos, o Options) *decoder {
	return &decoder{
		doc: doc, folder: folderOf(doc.File),
		refs: &resolver{lookup: o.LookupEnv, open: o.Open, files: map[string]string{}},
		at:   map[string]Pos{}, bad: map[string]bool{}, shown: map[string]string{}, notes: map[string]string{}, remedies: map[string]string{},
	}
}

// know keeps what a node says of the value at path.
func (d *decoder) know(path string, n *node) {
	d.at[path] = n.pos
	if n.why != "" {
		d.notes[path] = n.why
	}
	if n.remedy != "" {
		d.remedies[path] = n.remedy
	}
}

// above calls f with path and every path around it, from the inside, until f
// returns false.
func above(path string, f func(string) bool) {
	for path != "" && f(path) {
		path = path[:max(strings.LastIndexByte(path, '.'), strings.LastIndexByte(path, '['), 0)]
	}
}

// place returns where path stands, or the nearest value around it that the
// document holds.
func (d *decoder) place(path string) Pos {
	out := d.doc
	above(path, func(p string) bool {
		pos, known := d.at[p]
		if known {
			out = pos
		}
		return !known
	})
	return out
}

// faultAt returns a fault at path. One of a document that was made from variables
// speaks of the variable alone.
func (d *decoder) faultAt(path, msg, remedy string) Fault {
	f := Fault{Pos: d.place(path), Path: path, Msg: msg, Remedy: remedy}
	if !d.environment {
		return f
	}
	f.Path = ""
	above(path, func(p string) bool {
		better := d.remedies[p]
		if better != "" {
			f.Remedy = better
		}
		return better == ""
	})
	return f
}

// fault reports what is wrong at path, once per path.
func (d *decoder) fault(path, msg, remedy string) {
	if d.bad[path] {
		return
	}
	d.bad[path] = true
	d.faults = append(d.faults, d.faultAt(path, msg, remedy))
}

// faultOf is fault with a remedy for files and one for variables, which no
// other takes the place of.
func (d *decoder) faultOf(path, msg, file, variables string) {
	if d.sound(path) {
		d.fault(path, msg, file)
		d.faults[len(d.faults)-1].Remedy = d.words(file, variables)
	}
}

// full reports whether there are so many faults that looking for good advice
// on another is wasted.
func (d *decoder) full() bool { return len(d.faults) > 2*maxFaults }

func (d *decoder) warn(path, msg, remedy string) {
	w := d.faultAt(path, msg, remedy)
	w.Remedy = remedy // what mends a fault is no advice on what is allowed
	d.warned = append(d.warned, w)
}

// words returns what to say of a file, or of variables if they made the
// document.
func (d *decoder) words(file, variables string) string {
	if d.environment {
		return variables
	}
	return file
}

// given reports whether the document holds a value at path.
func (d *decoder) given(path string) bool {
	_, ok := d.at[path]
	return ok
}

// sound reports whether there is no fault at path yet, so that one mistake is
// not reported twice.
func (d *decoder) sound(path string) bool { return !d.bad[path] }

// quoteValue quotes the value at path for a message: the source if it came
// from a reference, for what references hold is not shown. Of a document that
// was made from variables the value is shown, for nobody has seen the source.
func (d *decoder) quoteValue(path, value string) string {
	if src, ok := d.shown[path]; ok && !d.environment {
		return quote(src)
	}
	return quote(value)
}

// structure fills v, which holds its defaults, from n.
func (d *decoder) structure(n *node, v reflect.Value, path string) {
	if !d.want(n, mapping, path) {
		return
	}
	fields := fieldsOf(v.Type())
	for _, e := range n.entries {
		at := join(path, e.name)
		i := slices.IndexFunc(fields, func(f field) bool { return f.name == e.name })
		if i < 0 {
			at = join(path, plainOrQuoted(e.name))
			d.at[at] = e.pos
			d.fault(at, "unknown key", d.suggest(e.name, fields))
			continue
		}
		d.know(at, e.value)
		d.value(e.value, v.Field(fields[i].index), fields[i], at)
	}
	for _, f := range fields {
		if at := join(path, f.name); f.required && !d.given(at) {
			d.fault(at, "missing", f.hint())
		}
	}
}

// value fills v, a field or an item of one, from n.
func (d *decoder) value(n *node, v reflect.Value, f field, path string) {
	switch {
	case v.Type() == authType:
		d.auth(n, v.Addr().Interface().(*Auth), path)
	case v.Type() == secretType:
		d.secret(n, v, path)
	case v.Type() == retryType && n.shape != mapping:
		d.profile(n, v, path)
	case v.Kind() == reflect.Struct:
		d.structure(n, v, path)
	case v.Kind() == reflect.Slice:
		d.list(n, v, f, path)
	case v.Kind() == reflect.Map:
		d.table(n, v, f, path)
	case v.Kind() == reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		d.value(n, v.Elem(), f, path)
	default:
		d.plain(n, v, f, path)
	}
}

// list fills a slice.
func (d *decoder) list(n *node, v reflect.Value, f field, path string) {
	if !d.want(n, sequence, path) {
		return
	}
	out := reflect.MakeSlice(v.Type(), len(n.items), len(n.items))
	for i, item := range n.items {
		at := path + "[" + strconv.Itoa(i) + "]"
		d.know(at, item)
		setDefaults(out.Index(i))
		d.value(item, out.Index(i), f, at)
	}
	v.Set(out)
}

// table fills a map of names to secrets or texts.
func (d *decoder) table(n *node, v reflect.Value, f field, path string) {
	if !d.want(n, mapping, path) {
		return
	}
	v.Set(reflect.MakeMapWithSize(v.Type(), len(n.entries)))
	for _, e := range n.entries {
		at := join(path, plainOrQuoted(e.name))
		d.at[at] = e.pos
		item := reflect.New(v.Type().Elem()).Elem()
		d.value(e.value, item, f, at)
		v.SetMapIndex(reflect.ValueOf(e.name), item)
	}
}

// secret fills a Secret.
func (d *decoder) secret(n *node, v reflect.Value, path string) {
	if !d.want(n, text, path) {
		return
	}
	s, ok := d.resolve(n, path)
	if !ok {
		return
	}
	if s.text == "" {
		d.fault(path, "is empty", "give it a value, or remove it")
		return
	}
	shown := redacted
	if s.ref {
		shown = s.shown
	}
	v.Set(reflect.ValueOf(newSecret(s.text, shown)))
}

// auth fills an Auth: a method's name, or a mapping with one credential.
func (d *decoder) auth(n *node, a *Auth, path string) {
	const forms = `write none, passthrough, { api_key: "${KEY}" } or { bearer: "${TOKEN}" }`
	if n.shape == text {
		s, ok := d.resolve(n, path)
		if !ok {
			return
		}
		a.Method = AuthMethod(s.text)
		if a.Method != AuthNone && a.Method != AuthPassthrough {
			// The text is not quoted: it may be a key that was put here.
			d.fault(path, "is neither none nor passthrough", forms)
		}
		d.remember(path, n, s)
		return
	}
	if n.shape != mapping {
		d.fault(path, "is "+shapeNames[n.shape], forms)
		return
	}
	d.structure(n, reflect.ValueOf(a).Elem(), path)
	hasKey, hasToken := d.given(path+".api_key"), d.given(path+".bearer")
	switch {
	case hasKey && hasToken:
		d.fault(path, "has two credentials", "keep api_key or bearer")
	case hasKey:
		a.Method = AuthAPIKey
	case hasToken:
		a.Method = AuthBearer
	case len(n.entries) == 0:
		d.fault(path, "has no credential", forms)
	default:
		d.bad[path] = true // the unknown keys are faults already
	}
}

// plain fills a text, a truth value, a duration, a size or a number.
func (d *decoder) plain(n *node, v reflect.Value, f field, path string) {
	if n.shape == mapping || n.shape == sequence || n.shape == null {
		d.fault(path, "is "+shapeNames[n.shape]+", wanted is "+f.wanted(v.Type()), d.remedyFor(n, v, f))
		return
	}
	s, ok := d.resolve(n, path)
	if !ok {
		return
	}
	d.remember(path, n, s)
	from := n.shape
	if s.ref && v.Kind() == reflect.Bool {
		from = boolean // a reference can stand for a truth value too
	}
	if err := set(v, f, s.text, from); err != nil {
		d.fault(path, d.quoteValue(path, n.text)+" "+err.Error(), d.remedyFor(n, v, f))
		return
	}
	if f.path && s.text != "" && !filepath.IsAbs(s.text) {
		v.SetString(filepath.Join(d.folder, s.text))
	}
}

// set gives v the value that s stands for; from is the shape of its source.
func set(v reflect.Value, f field, s string, from shape) error {
	switch {
	case v.Kind() == reflect.Bool:
		if from != boolean || !strings.EqualFold(s, "true") && !strings.EqualFold(s, "false") {
			return errors.New("is not a truth value")
		}
		v.SetBool(strings.EqualFold(s, "true"))
	case v.Kind() == reflect.String:
		if from != text {
			return errors.New("is " + shapeNames[from] + ", wanted is a text")
		}
		if len(f.enum) > 0 && !slices.Contains(f.enum, s) {
			return errors.New("is not one of the values allowed")
		}
		v.SetString(s)
	case f.off && s == off:
		v.SetInt(0)
	default:
		n, err := f.parse(v.Type(), s)
		if err != nil {
			return err
		}
		if n < f.min || n > f.max {
			return errors.New("is out of range")
		}
		v.SetInt(n)
	}
	return nil
}

// remedyFor says what a plain value may be.
func (d *decoder) remedyFor(n *node, v reflect.Value, f field) string {
	switch {
	case v.Kind() == reflect.Bool:
		return "write true or false"
	case len(f.enum) > 0:
		remedy := "write " + strings.Join(f.enum[:len(f.enum)-1], ", ") + " or " + f.enum[len(f.enum)-1]
		if best, ok := nearest(n.text, f.enum); ok {
			remedy = fmt.Sprintf("did you mean %s? %s", best, remedy)
		}
		return remedy
	case v.Kind() == reflect.String && n.shape == null:
		return "give it a value, or remove the line"
	case v.Kind() == reflect.String:
		return "put it in quotes"
	case v.Type() == durationType:
		return durationRemedy + f.rangeText(v.Type())
	case v.Type() == dollarsType:
		return dollarsRemedy + f.rangeText(v.Type())
	case v.Kind() == reflect.Int:
		return countRemedy + f.rangeText(v.Type())
	default:
		return sizeRemedy + f.rangeText(v.Type())
	}
}

// suggest is the remedy for an unknown key.
func (d *decoder) suggest(key string, fields []field) string {
	if d.full() {
		return "remove it"
	}
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = f.name
	}
	if best, ok := nearest(key, names); ok {
		return fmt.Sprintf("did you mean %s?", best)
	}
	return "the keys allowed here are " + strings.Join(names, ", ")
}

// resolve resolves the references of a scalar.
func (d *decoder) resolve(n *node, path string) (scalar, bool) {
	s, err := d.refs.resolve(n.text)
	if err != nil {
		var e *refError
		errors.As(err, &e)
		d.fault(path, e.msg, e.remedy)
		return scalar{}, false
	}
	return s, true
}

// remember keeps the source of a value that has references, for Print.
func (d *decoder) remember(path string, n *node, s scalar) {
	if s.ref {
		d.shown[path] = n.text
	}
}

// want reports whether n has the shape s.
func (d *decoder) want(n *node, s shape, path string) bool {
	if n.shape == s {
		return true
	}
	remedy := map[shape]string{
		mapping:  "write key: value, on lines of their own or between { and }",
		sequence: "write a list: [ … ], or lines that begin with -",
		text:     "put it in quotes",
	}[s]
	if n.shape == null {
		remedy = "give it a value, or remove the line"
	}
	d.fault(path, "is "+shapeNames[n.shape]+", wanted is "+shapeNames[s], remedy)
	return false
}

var plainKey = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,64}$`)

// plainOrQuoted is a key as it stands in paths.
func plainOrQuoted(key string) string {
	if plainKey.MatchString(key) {
		return key
	}
	return quote(key)
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}
