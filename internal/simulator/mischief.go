package simulator

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Bounds of what a header may ask for.
const (
	maxText     = 64 << 20         // bytes of a generated text
	maxLine     = 1 << 30          // bytes of an endless line
	maxDelay    = 10 * time.Minute // one wait
	stallLimit  = time.Hour        // a stall whose client never leaves
	maxEndless  = 1_000_000        // events of an endless stream
	defaultSize = 16               // bytes of a delta when only their number was asked for
)

// never is the value of an event number that was not asked for.
const never = -1

// A mischief says how an answer misbehaves. The package comment has the table.
type mischief struct {
	firstByte  time.Duration
	eventDelay time.Duration

	stall    int // after this many events, or never
	cut      int
	cutBytes int
	endEarly int
	binary   int

	status  int
	headers []string
	body    string
	hasBody bool
	html    bool

	error     string // "", "first" or "middle"
	errorCode string
	errorForm string // "", "error" or "failed"

	noUsage, noDone, crlf, comments, oneByte bool

	huge, events, eventSize int
	endless, endlessLine    bool
	think                   bool
	cached                  int
	halfCached              bool

	azureItems   bool
	polls        int
	wrongLength  int
	early        bool
	reset        bool
	jsonToStream bool
	streamToJSON bool
}

// calm is a mischief that does nothing.
func calm() mischief { return mischief{stall: never, cut: never, endEarly: never, binary: never} }

// wild reports whether something is to happen between the events of a stream,
// or to their bytes.
func (m *mischief) wild() bool {
	return m.eventDelay > 0 || m.stall != never || m.cut != never || m.endEarly != never ||
		m.crlf || m.comments || m.endlessLine || m.error != ""
}

// models are the model names that misbehave, as the headers they stand for.
// sim-400 to sim-599 are not listed: they answer that status.
var models = map[string][]string{ // immutable
	"sim-slow":           {"X-Sim-First-Byte: 2s", "X-Sim-Event-Delay: 50ms"},
	"sim-stall":          {"X-Sim-Stall: 3"},
	"sim-cut":            {"X-Sim-Cut: 3"},
	"sim-end-early":      {"X-Sim-End-Early: 3"},
	"sim-binary":         {"X-Sim-Binary: 1"},
	"sim-error":          {"X-Sim-Error: middle"},
	"sim-error-first":    {"X-Sim-Error: first"},
	"sim-html":           {"X-Sim-Html: true"},
	"sim-huge":           {"X-Sim-Huge: 1MiB"},
	"sim-endless":        {"X-Sim-Events: endless", "X-Sim-Event-Delay: 10ms"},
	"sim-endless-line":   {"X-Sim-Endless-Line: true"},
	"sim-think":          {"X-Sim-Think: true"},
	"sim-cached":         {"X-Sim-Cached: half"},
	"sim-no-usage":       {"X-Sim-No-Usage: true"},
	"sim-no-done":        {"X-Sim-No-Done: true"},
	"sim-crlf":           {"X-Sim-Crlf: true"},
	"sim-comments":       {"X-Sim-Comments: true"},
	"sim-one-byte":       {"X-Sim-One-Byte: true"},
	"sim-reset":          {"X-Sim-Reset: true"},
	"sim-wrong-length":   {"X-Sim-Wrong-Length: +10"},
	"sim-json-to-stream": {"X-Sim-Json-To-Stream: true"},
	"sim-azure-items":    {"X-Sim-Azure-Items: true"},
}

// addModel adds what a model's name stands for, except what a header has
// already said.
func (m *mischief) addModel(name string, h http.Header) {
	if digits, ok := strings.CutPrefix(name, "sim-"); ok && len(digits) == 3 && m.status == 0 {
		if n, err := strconv.Atoi(digits); err == nil && n >= 400 && n <= 599 {
			m.status = n
			if n == http.StatusTooManyRequests && len(m.headers) == 0 {
				m.headers = []string{"retry-after: 1"}
			}
		}
	}
	for _, line := range models[name] {
		key, text, _ := strings.Cut(line, ": ")
		if _, said := h[key]; said {
			continue
		}
		if err := m.set(key, text); err != nil {
			panic("simulator: model " + name + ": " + err.Error()) // the table above is wrong
		}
	}
}

// addHeaders reads the x-sim-* headers.
func (m *mischief) addHeaders(h http.Header) error {
	for key, texts := range h {
		if !strings.HasPrefix(key, "X-Sim-") {
			continue
		}
		for _, text := range texts {
			if err := m.set(key, strings.TrimSpace(text)); err != nil {
				return fmt.Errorf("%s: %w", strings.ToLower(key), err)
			}
		}
	}
	if m.events > 0 && m.eventSize == 0 {
		m.eventSize = defaultSize
	}
	if m.events > 0 && m.eventSize > maxText/m.events {
		return fmt.Errorf("x-sim-events: %d events of %d bytes are more than %d bytes", m.events, m.eventSize, maxText)
	}
	return nil
}

// set reads one header; key has its canonical form.
func (m *mischief) set(key, text string) error {
	knob, ok := knobs[key]
	if !ok {
		return errors.New("unknown; see the package comment of the simulator")
	}
	return knob(m, text)
}

// A knob reads the text of one header.
type knob func(m *mischief, text string) error

// knobs are the headers by their canonical names.
var knobs = map[string]knob{ // immutable
	"X-Sim-First-Byte":  parsed(delay, func(m *mischief) *time.Duration { return &m.firstByte }),
	"X-Sim-Event-Delay": parsed(delay, func(m *mischief) *time.Duration { return &m.eventDelay }),

	"X-Sim-Stall":     parsed(count, func(m *mischief) *int { return &m.stall }),
	"X-Sim-Cut":       parsed(count, func(m *mischief) *int { return &m.cut }),
	"X-Sim-Cut-Bytes": parsed(count, func(m *mischief) *int { return &m.cutBytes }),
	"X-Sim-End-Early": parsed(count, func(m *mischief) *int { return &m.endEarly }),
	"X-Sim-Binary":    parsed(count, func(m *mischief) *int { return &m.binary }),

	"X-Sim-Status":     parsed(status, func(m *mischief) *int { return &m.status }),
	"X-Sim-Header":     addHeader,
	"X-Sim-Body":       setBody,
	"X-Sim-Error":      parsed(oneOf("first", "middle"), func(m *mischief) *string { return &m.error }),
	"X-Sim-Error-Code": parsed(oneOf(), func(m *mischief) *string { return &m.errorCode }),
	"X-Sim-Error-Form": parsed(oneOf("error", "failed"), func(m *mischief) *string { return &m.errorForm }),

	"X-Sim-Huge":         parsed(size, func(m *mischief) *int { return &m.huge }),
	"X-Sim-Events":       parsedOr("endless", func(m *mischief) *bool { return &m.endless }, func(m *mischief) *int { return &m.events }),
	"X-Sim-Event-Size":   parsed(size, func(m *mischief) *int { return &m.eventSize }),
	"X-Sim-Cached":       parsedOr("half", func(m *mischief) *bool { return &m.halfCached }, func(m *mischief) *int { return &m.cached }),
	"X-Sim-Polls":        parsed(count, func(m *mischief) *int { return &m.polls }),
	"X-Sim-Wrong-Length": parsed(strconv.Atoi, func(m *mischief) *int { return &m.wrongLength }),

	"X-Sim-Html":           parsed(flag, func(m *mischief) *bool { return &m.html }),
	"X-Sim-No-Usage":       parsed(flag, func(m *mischief) *bool { return &m.noUsage }),
	"X-Sim-No-Done":        parsed(flag, func(m *mischief) *bool { return &m.noDone }),
	"X-Sim-Crlf":           parsed(flag, func(m *mischief) *bool { return &m.crlf }),
	"X-Sim-Comments":       parsed(flag, func(m *mischief) *bool { return &m.comments }),
	"X-Sim-One-Byte":       parsed(flag, func(m *mischief) *bool { return &m.oneByte }),
	"X-Sim-Endless-Line":   parsed(flag, func(m *mischief) *bool { return &m.endlessLine }),
	"X-Sim-Think":          parsed(flag, func(m *mischief) *bool { return &m.think }),
	"X-Sim-Early-Answer":   parsed(flag, func(m *mischief) *bool { return &m.early }),
	"X-Sim-Reset":          parsed(flag, func(m *mischief) *bool { return &m.reset }),
	"X-Sim-Json-To-Stream": parsed(flag, func(m *mischief) *bool { return &m.jsonToStream }),
	"X-Sim-Azure-Items":    parsed(flag, func(m *mischief) *bool { return &m.azureItems }),
	"X-Sim-Stream-To-Json": parsed(flag, func(m *mischief) *bool { return &m.streamToJSON }),
}

// parsed returns a knob that sets one member.
func parsed[T any](parse func(string) (T, error), member func(*mischief) *T) knob {
	return func(m *mischief, text string) (err error) {
		*member(m), err = parse(text)
		return err
	}
}

// parsedOr returns a knob for a number or the one word that sets a flag
// instead.
func parsedOr(word string, special func(*mischief) *bool, member func(*mischief) *int) knob {
	return func(m *mischief, text string) (err error) {
		if *special(m) = text == word; text != word {
			*member(m), err = count(text)
		}
		return err
	}
}

func addHeader(m *mischief, text string) error {
	if _, _, ok := strings.Cut(text, ":"); !ok {
		return fmt.Errorf("%q has no colon", text)
	}
	m.headers = append(m.headers, text)
	return nil
}

func setBody(m *mischief, text string) error {
	m.body, m.hasBody = text, true
	return nil
}

func flag(text string) (bool, error) {
	if text == "" {
		return true, nil
	}
	return strconv.ParseBool(text)
}

// oneOf returns a parser of the given words, or of any if there are none.
func oneOf(words ...string) func(string) (string, error) {
	return func(text string) (string, error) {
		if len(words) > 0 && !slices.Contains(words, text) {
			return "", fmt.Errorf("%q is not one of %s", text, strings.Join(words, ", "))
		}
		return text, nil
	}
}

// status reads a status that ends an exchange and may have a body.
func status(text string) (int, error) {
	n, err := strconv.Atoi(text)
	if err == nil && (n < 200 || n > 599 || n == http.StatusNoContent || n == http.StatusNotModified) {
		err = fmt.Errorf("%d is not a final status that has a body", n)
	}
	return n, err
}

func delay(text string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	if err == nil && (d < 0 || d > maxDelay) {
		err = fmt.Errorf("%v is not between 0s and %v", d, maxDelay)
	}
	return d, err
}

func count(text string) (int, error) {
	n, err := strconv.Atoi(text)
	if err == nil && (n < 0 || n > maxText) {
		err = fmt.Errorf("%d is not between 0 and %d", n, maxText)
	}
	return n, err
}

// size reads a number of bytes: 1024, 16KiB or 3MiB.
func size(text string) (int, error) {
	unit := 1
	for suffix, factor := range map[string]int{"KiB": 1 << 10, "MiB": 1 << 20} {
		if number, ok := strings.CutSuffix(text, suffix); ok {
			text, unit = number, factor
		}
	}
	n, err := count(text)
	if err == nil && n > maxText/unit {
		err = fmt.Errorf("more than %d bytes", maxText)
	}
	return n * unit, err
}
