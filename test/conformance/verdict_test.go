package conformance_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// A result is what became of one generated test in both runs.
type result struct {
	test            string
	direct, through outcome
}

// An outcome is one run of a test.
type outcome struct {
	passed  bool
	output  string
	asked   []call // what the test asked and was answered
	arrived []call // what arrived at Steady
}

// A row is one test that passes through Weir, as the list has it.
type row struct {
	endpoint string // "POST /chat/completions", in the document's words
	test     string
	by       string // who answered: "upstream", maybe "upstream without NAME, NAME", or "weir" from what it knows
}

func (r row) String() string { return r.endpoint + "\t" + r.test + "\t" + r.by }

// A verdict is what follows from all results.
type verdict struct {
	direct int      // tests that pass directly and ask something
	theirs int      // of them, tests of endpoints that Weir has
	rows   []row    // of them, tests that pass through Weir; sorted
	faults []string // differences between the two runs
	drift  []string // differences between the rows and the list
}

// judge compares the two runs of every test with each other, and what passes
// with the list.
func judge(results []result, listed []row) verdict {
	var v verdict
	why := map[string]string{}
	for _, r := range results {
		if len(r.direct.arrived) == 0 {
			continue // it asks nobody anything
		}
		if r.direct.passed {
			v.direct++
		}
		if why[r.test] = r.noMatter(); why[r.test] != "" {
			continue
		}
		v.theirs++
		fault, dropped := r.fault()
		if r.direct.passed && r.through.passed {
			v.rows = append(v.rows, r.row(dropped))
		}
		if fault != "" {
			why[r.test] = fault
			v.faults = append(v.faults, fmt.Sprintf("%s: %s: %s", r.endpoint(), r.test, fault))
		}
	}
	slices.SortFunc(v.rows, func(a, b row) int { return strings.Compare(a.String(), b.String()) })
	for _, want := range listed {
		if !slices.Contains(v.rows, want) {
			v.drift = append(v.drift, fmt.Sprintf("listed, but not found so: %s: %s", want, cmp.Or(why[want.test], "see what was found instead")))
		}
	}
	for _, got := range v.rows {
		if !slices.Contains(listed, got) {
			v.drift = append(v.drift, "found, but not listed so: "+got.String())
		}
	}
	return v
}

// noMatter says why Weir has nothing to do with how a test ends, or nothing.
func (r result) noMatter() string {
	switch {
	case r.absent():
		return "Weir does not have the endpoint" + r.through.story()
	case !r.direct.passed && !r.through.passed:
		return "it fails directly, too" + r.direct.story()
	case !r.direct.passed && len(r.through.arrived) == 0:
		return "it fails directly, and Weir answers it itself"
	}
	return ""
}

// fault says how the two runs of a test differ, and which parameters of the
// query did not arrive through Weir.
func (r result) fault() (fault string, dropped []string) {
	switch {
	case !r.direct.passed:
		return "fails directly and passes through Weir" + r.direct.story(), nil
	case !r.through.passed:
		return "passes directly and fails through Weir" + r.through.story(), nil
	}
	return r.compare()
}

// endpoint returns the method and the path that Steady found in its document.
func (r result) endpoint() string {
	first := r.direct.arrived[0]
	return first.method + " " + first.answer.Get("X-Steady-Matched-Path")
}

// row returns the test's row. Weir answers some requests itself; from others it
// takes query parameters that it does not hand on, and they are named.
func (r result) row(dropped []string) row {
	by := "upstream"
	switch {
	case len(r.through.arrived) == 0:
		by = "weir"
	case len(dropped) > 0:
		by += " without " + strings.Join(dropped, ", ")
	}
	return row{r.endpoint(), r.test, by}
}

// absent reports whether Weir itself said that it has no such endpoint.
func (r result) absent() bool {
	return len(r.through.arrived) == 0 && slices.ContainsFunc(r.through.asked, func(c call) bool {
		var body struct {
			Error struct{ Code string }
		}
		if json.Unmarshal(c.reply, &body) != nil {
			return false
		}
		return c.status == http.StatusNotFound && body.Error.Code == "unknown_url" ||
			c.status == http.StatusMethodNotAllowed && body.Error.Code == "method_not_allowed"
	})
}

// compare says in what the requests that arrived differ, but for parameters of
// the query that did not arrive through Weir: it returns their names. If Weir answered itself, nothing
// arrived, and there is nothing to compare.
func (r result) compare() (fault string, dropped []string) {
	if len(r.through.arrived) == 0 {
		return "", nil
	}
	var want, got []string
	for _, c := range r.direct.arrived {
		want = append(want, c.arrival())
	}
	for i, c := range r.through.arrived {
		got = append(got, c.arrival())
		if i < len(want) {
			dropped = append(dropped, missing(r.direct.arrived[i].query(), c.query())...)
		}
	}
	slices.Sort(dropped)
	dropped = slices.Compact(dropped)
	for i, c := range r.direct.arrived {
		want[i] += fmt.Sprintf(" query=%q", without(c.query(), dropped))
	}
	for i, c := range r.through.arrived {
		got[i] += fmt.Sprintf(" query=%q", c.query().Encode())
	}
	if slices.Equal(want, got) {
		return "", dropped
	}
	return fmt.Sprintf("what arrived is not the same\n  directly: %s\n  through Weir: %s", strings.Join(want, "\n    "), strings.Join(got, "\n    ")), dropped
}

// missing returns the names in want that got does not have.
func missing(want, got url.Values) []string {
	return slices.DeleteFunc(slices.Collect(maps.Keys(want)), got.Has)
}

// without encodes a query, but for the parameters of these names.
func without(query url.Values, names []string) string {
	maps.DeleteFunc(query, func(name string, _ []string) bool { return slices.Contains(names, name) })
	return query.Encode()
}

func (c call) path() string {
	path, _, _ := strings.Cut(c.uri, "?")
	return path
}

func (c call) query() url.Values {
	_, query, _ := strings.Cut(c.uri, "?")
	values, err := url.ParseQuery(query)
	if err != nil {
		return url.Values{"": {query}} // it can still be compared
	}
	return values
}

// arrival returns what a server must see in the same way, whoever sends it,
// but for the query: the method, the path, what the client wants to have and
// the body. A form's boundary and the order of its fields may differ.
func (c call) arrival() string {
	kind, params, _ := mime.ParseMediaType(c.header.Get("Content-Type"))
	body := string(c.body)
	if kind == "multipart/form-data" {
		body = form(c.body, params["boundary"])
	}
	return fmt.Sprintf("%s %s accept=%q content-type=%q openai-beta=%q body=%s",
		c.method, c.path(), c.header.Values("Accept"), kind, c.header.Values("OpenAI-Beta"), body)
}

// form returns the fields of a form, sorted.
func form(body []byte, boundary string) string {
	var fields []string
	for reader := multipart.NewReader(bytes.NewReader(body), boundary); ; {
		part, err := reader.NextRawPart()
		if err == io.EOF { //nolint:errorlint // the reader's own, unwrapped
			slices.Sort(fields)
			return strings.Join(fields, " & ")
		}
		if err != nil {
			return fmt.Sprintf("a broken form (%v): %q", err, body)
		}
		content, err := io.ReadAll(part)
		if err != nil {
			return fmt.Sprintf("a broken form (%v): %q", err, body)
		}
		fields = append(fields, fmt.Sprintf("%s file=%q type=%q %q", part.FormName(), part.FileName(), part.Header.Get("Content-Type"), content))
	}
}

// story tells a reader what happened in a run: what was asked, what was
// answered and what arrived, or, where that all looks well, what the test said.
func (o outcome) story() string {
	var b strings.Builder
	for _, c := range o.asked {
		fmt.Fprintf(&b, "\n  asked %s\n    answered %s", c.question(), c.result())
	}
	if len(o.arrived) > 0 && !slices.EqualFunc(o.asked, o.arrived, func(a, b call) bool { return a.status == b.status }) {
		for _, c := range o.arrived {
			fmt.Fprintf(&b, "\n  at Steady %s\n    answered %s", c.question(), c.result())
		}
	}
	if !o.passed && !slices.ContainsFunc(o.asked, func(c call) bool { return c.status >= http.StatusBadRequest }) {
		fmt.Fprintf(&b, "\n  the test printed: %s", cut(o.output))
	}
	return b.String()
}

func (c call) question() string {
	return fmt.Sprintf("%s %s (%s, %d bytes)", c.method, c.uri, c.header.Get("Content-Type"), len(c.body))
}

func (c call) result() string {
	if reason := c.answer.Get("X-Steady-Error-1-Message"); reason != "" {
		return fmt.Sprintf("%d, Steady says: %s: %s", c.status, c.answer.Get("X-Steady-Error-1-Path"), cut(reason))
	}
	return fmt.Sprintf("%d %s", c.status, cut(string(c.reply)))
}

func cut(text string) string {
	const most = 1000
	if len(text) > most {
		return text[:most] + " …"
	}
	return text
}
