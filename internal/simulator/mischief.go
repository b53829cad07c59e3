package simulator

import (
	"errors"
	"fmt"
	"net/http"
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

	wrongLength  int
	early        bool
	reset        bool
	jsonToStream bool
	streamToJSON bool
}

// calm is a mischief that does nothing.
func calm() mischief { return mischief{stall: never, cut: never, endEarly: never} }

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
}

// addModel adds what a model's name stands for, except what a header has
// already said.
func (m *mischief) addModel(name string, h http.Header) {
	if status, err := strconv.Atoi(strings.TrimPrefix(name, "sim-")); err == nil && len(name) == len("sim-429") {
		if status >= 400 && status <= 599 && m.status == 0 {
			m.status = status
			if status == http.StatusTooManyRequests && len(m.headers) == 0 {
				m.headers = []string{"retry-after: 1"}
			}
		}
		return
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
func (m *mischief) set(key, text string) (err error) {
	switch key {
	case "X-Sim-First-Byte":
		m.firstByte, err = delay(text)
	case "X-Sim-Event-Delay":
		m.eventDelay, err = delay(text)
	case "X-Sim-Stall":
		m.stall, err = count(text)
	case "X-Sim-Cut":
		m.cut, err = count(text)
	case "X-Sim-Cut-Bytes":
		m.cutBytes, err = count(text)
	case "X-Sim-End-Early":
		m.endEarly, err = count(text)
	case "X-Sim-Status":
		if m.status, err = count(text); err == nil && (m.status < 200 || m.status > 599) {
			err = fmt.Errorf("%d is not a final status", m.status)
		}
	case "X-Sim-Header":
		if _, _, ok := strings.Cut(text, ":"); !ok {
			err = fmt.Errorf("%q has no colon", text)
		}
		m.headers = append(m.headers, text)
	case "X-Sim-Body":
		m.body, m.hasBody = text, true
	case "X-Sim-Error":
		if m.error = text; text != "first" && text != "middle" {
			err = fmt.Errorf("%q is neither first nor middle", text)
		}
	case "X-Sim-Error-Code":
		m.errorCode = text
	case "X-Sim-Error-Form":
		if m.errorForm = text; text != "error" && text != "failed" {
			err = fmt.Errorf("%q is neither error nor failed", text)
		}
	case "X-Sim-Huge":
		m.huge, err = size(text)
	case "X-Sim-Events":
		if m.endless = text == "endless"; !m.endless {
			m.events, err = count(text)
		}
	case "X-Sim-Event-Size":
		m.eventSize, err = size(text)
	case "X-Sim-Cached":
		if m.halfCached = text == "half"; !m.halfCached {
			m.cached, err = count(text)
		}
	case "X-Sim-Wrong-Length":
		m.wrongLength, err = strconv.Atoi(text)
	default:
		err = m.setFlag(key, text)
	}
	return err
}

func (m *mischief) setFlag(key, text string) (err error) {
	flags := map[string]*bool{
		"X-Sim-Html":           &m.html,
		"X-Sim-No-Usage":       &m.noUsage,
		"X-Sim-No-Done":        &m.noDone,
		"X-Sim-Crlf":           &m.crlf,
		"X-Sim-Comments":       &m.comments,
		"X-Sim-One-Byte":       &m.oneByte,
		"X-Sim-Endless-Line":   &m.endlessLine,
		"X-Sim-Think":          &m.think,
		"X-Sim-Early-Answer":   &m.early,
		"X-Sim-Reset":          &m.reset,
		"X-Sim-Json-To-Stream": &m.jsonToStream,
		"X-Sim-Stream-To-Json": &m.streamToJSON,
	}
	flag, ok := flags[key]
	if !ok {
		return errors.New("unknown; see the package comment of the simulator")
	}
	if text == "" {
		text = "true"
	}
	*flag, err = strconv.ParseBool(text)
	return err
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
