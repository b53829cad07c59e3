package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/weir-gateway/weir/internal/app"
	"github.com/weir-gateway/weir/internal/config"
)

// An asking is what the flags of "weir explain" say.
type asking struct {
	config  config.Options
	key     string
	model   string
	path    string
	at      string
	headers []string
	body    string
	stream  bool
	json    bool
}

func explainCommand() *cobra.Command {
	var a asking
	cmd := &cobra.Command{
		Use:   "explain --model name",
		Short: "Say where a request would go, and why",
		Long: `Say where a request would go: who asks, what each rule says, which targets would
be tried in which order and why, how the request would be put for each and what it
would lose, and what would follow on a failure.

Nobody is called. It answers for a gateway that has just started: all upstreams
are well. What a running one decided is in the header x-weir-explanation of an
answer to a request with "x-weir-explain: true", from a key with "explain: true".`,
		Args: positional(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			q, err := a.question(cmd.InOrStdin())
			if err != nil {
				return usageError{err}
			}
			cfg, err := loadConfig(a.config)
			if err != nil {
				return err
			}
			e, err := app.Explain(cmd.Context(), cfg, q)
			if err != nil {
				return usageError{err}
			}
			if a.json {
				out := json.NewEncoder(cmd.OutOrStdout())
				out.SetIndent("", "  ")
				out.SetEscapeHTML(false)
				return out.Encode(e)
			}
			return explain(cmd.OutOrStdout(), e)
		},
	}
	configFlags(cmd, &a.config)
	f := cmd.Flags()
	f.StringVarP(&a.key, "key", "k", "", "name of the key that asks; none where none is demanded")
	f.StringVarP(&a.model, "model", "m", "", "model that is asked for, if no --body names it")
	f.StringVarP(&a.path, "path", "p", "/v1/chat/completions", "path of the API")
	f.StringVar(&a.at, "at", "", "time of the request, as 2026-11-21T15:04:05Z or 15:04; default: now")
	f.StringArrayVarP(&a.headers, "header", "H", nil, "header of the request, name=value or name: value; may be given again")
	f.StringVarP(&a.body, "body", "b", "", `file with the body of the request, "-" for standard input; default: a short one`)
	f.BoolVarP(&a.stream, "stream", "s", false, "ask for a stream, if there is no --body")
	f.BoolVar(&a.json, "json", false, "print JSON")
	return cmd
}

// question returns what is asked.
func (a *asking) question(stdin io.Reader) (*app.Question, error) {
	q := &app.Question{Key: a.key, Path: a.path, Header: http.Header{}, At: time.Now()}
	if !strings.HasPrefix(q.Path, "/") {
		return nil, fmt.Errorf("--path %s: a path begins with /, such as /v1/responses", q.Path)
	}
	var err error
	if q.At, err = parseAt(a.at, q.At); err != nil {
		return nil, err
	}
	for _, h := range a.headers {
		at := strings.IndexAny(h, "=:")
		if at < 1 {
			return nil, fmt.Errorf("--header %s: write name=value", h)
		}
		q.Header.Add(strings.TrimSpace(h[:at]), strings.TrimSpace(h[at+1:]))
	}
	switch {
	case a.body == "-":
		q.Body, err = io.ReadAll(stdin)
	case a.body != "":
		q.Body, err = os.ReadFile(a.body)
	case a.model == "" && !strings.Contains(a.path, "/deployments/"):
		return nil, errors.New("name the model with --model, or give the whole request with --body")
	default:
		q.Body = a.shortBody()
	}
	if err == nil && a.body != "" && a.model != "" {
		err = errors.New("--body names the model: leave --model out")
	}
	return q, err
}

// parseAt reads a time, or one of today.
func parseAt(s string, now time.Time) (time.Time, error) {
	if s == "" {
		return now, nil
	}
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t, nil
	}
	if t, err := time.ParseInLocation("15:04", s, time.Local); err == nil {
		y, m, d := now.Date()
		return time.Date(y, m, d, t.Hour(), t.Minute(), 0, 0, time.Local), nil
	}
	return now, fmt.Errorf("--at %s: write 2026-11-21T15:04:05Z, or 15:04 for today", s)
}

// shortBody returns a request that says no more than it must.
func (a *asking) shortBody() []byte {
	model, stream := strconv.Quote(a.model), ""
	if a.stream {
		stream = `,"stream":true`
	}
	switch {
	case strings.HasSuffix(a.path, "/chat/completions"):
		return []byte(`{"model":` + model + `,"messages":[{"role":"user","content":"hello"}]` + stream + `}`)
	case strings.HasSuffix(a.path, "/messages"):
		return []byte(`{"model":` + model + `,"max_tokens":1024,"messages":[{"role":"user","content":"hello"}]` + stream + `}`)
	case strings.HasSuffix(a.path, "/completions"), strings.HasSuffix(a.path, "/images/generations"):
		return []byte(`{"model":` + model + `,"prompt":"hello"` + stream + `}`)
	default:
		return []byte(`{"model":` + model + `,"input":"hello"` + stream + `}`)
	}
}

// explain writes e for people.
func explain(w io.Writer, e *app.Explanation) error {
	var s strings.Builder
	who := "Nobody in particular"
	if e.Key != "" {
		who = "The key " + e.Key
	}
	fmt.Fprintf(&s, "%s (tenant %s) asks for %s: %s, %s.\n", who, e.Tenant, e.Model, e.Operation, e.Time.Format(time.RFC3339))
	if e.Serves != "" {
		fmt.Fprintf(&s, "A rule puts %s in its place.\n", e.Serves)
	}
	for _, more := range [][2]string{{"Prefers", string(e.Prefer)}, {"Demands", strings.Join(e.Demands, ", ")}} {
		if more[1] != "" {
			fmt.Fprintf(&s, "%s: %s.\n", more[0], more[1])
		}
	}
	if e.OutputCap > 0 {
		fmt.Fprintf(&s, "Output is capped at %d tokens.\n", e.OutputCap)
	}
	for i, r := range e.Rules {
		verdict := map[bool]string{true: "holds", false: "does not hold"}[r.Holds]
		if r.Error != "" {
			verdict = "failed: " + r.Error
		}
		fmt.Fprintf(&s, "Rule %d %s: %s\n", i+1, verdict, r.Rule)
	}
	if e.Refused != "" {
		fmt.Fprintf(&s, "It is refused: %s\n", e.Refused)
	}
	for i := range e.Targets {
		explainTarget(&s, i+1, &e.Targets[i])
	}
	for _, r := range e.Rejected {
		fmt.Fprintf(&s, "not %s: %s\n", strings.TrimSuffix(r.Upstream+" / "+r.Model, " / "), r.Why)
	}
	_, err := io.WriteString(w, s.String())
	return err
}

func explainTarget(s *strings.Builder, n int, t *app.ExplainedTarget) {
	fmt.Fprintf(s, "\n%d. %s / %s\n", n, t.Upstream, t.Model)
	line := func(name, text string) {
		if text != "" {
			fmt.Fprintf(s, "   %-9s %s\n", name, text)
		}
	}
	lane := string(t.Lane) + ", asked for " + string(t.As)
	if t.Path != "" {
		lane += " at " + t.Path
	}
	line("lane", lane+": "+t.Why)
	place := fmt.Sprintf("%s, priority %d", t.Standing, t.Priority)
	if t.Weight > 0 {
		place += fmt.Sprintf(", weight %d", t.Weight)
	}
	if t.Reason != "" {
		place += ": " + t.Reason
	}
	line("place", place)
	line("refused", t.Refused)
	line("rewrites", strings.Join(t.Rewrites, "; "))
	line("loses", strings.Join(t.Lossy, ", "))
	if t.Drops {
		line("drops", "what only another upstream can read")
	}
	again := "not tried again"
	switch {
	case t.Retries == 1:
		again = "tried again once after " + t.Waits
	case t.Retries > 1:
		again = fmt.Sprintf("tried again %d times after %s", t.Retries, t.Waits)
	}
	attempts := "one attempt"
	if t.Attempts > 1 {
		attempts = fmt.Sprintf("%d attempts", t.Attempts)
	}
	line("failure", again+", "+attempts+" in all")
}
