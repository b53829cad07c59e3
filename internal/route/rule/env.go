package rule

import "time"

// An Env is what a condition can see, by the names of its tags. The zero value
// of a field is what nobody knows.
type Env struct {
	Model     string `expr:"model"` // that the client asks for; a condition sees the first 4096 bytes
	Operation string `expr:"operation"`
	Dialect   string `expr:"dialect"` // the client's

	Tenant   string            `expr:"tenant"`
	Key      string            `expr:"key"`
	Roles    []string          `expr:"roles"`
	Metadata map[string]string `expr:"metadata"` // of the key

	InputTokens  int  `expr:"input_tokens"`  // about
	OutputTokens int  `expr:"output_tokens"` // that the client wants at most; 0 if it does not say
	Stream       bool `expr:"stream"`
	Tools        bool `expr:"tools"`
	Images       bool `expr:"images"`

	Now       time.Time `expr:"now"`
	Spend     float64   `expr:"spend"`     // dollars
	Remaining float64   `expr:"remaining"` // dollars

	Targets []Target `expr:"targets"` // the model's

	// Header returns the first value of one of the headers that may be read,
	// of which a condition sees the first 4096 bytes. It must not be nil where a
	// condition reads one.
	Header func(name string) string `expr:"header"`
}

// A Target is what a condition can see of a target.
type Target struct {
	Upstream    string            `expr:"upstream"`
	Model       string            `expr:"model"` // the upstream's name for it
	Healthy     bool              `expr:"healthy"`
	InFlight    int               `expr:"in_flight"`
	FirstByte   float64           `expr:"first_byte"`  // seconds, lately
	Utilization float64           `expr:"utilization"` // of its capacity, 1 is all
	Quality     int               `expr:"quality"`
	InputPrice  float64           `expr:"input_price"`  // dollars for a million tokens
	OutputPrice float64           `expr:"output_price"` // dollars for a million tokens
	Labels      map[string]string `expr:"labels"`
}

// bounded returns e without what a client could make long.
func (e *Env) bounded() *Env {
	out := *e
	out.Model = short(e.Model)
	out.Header = func(name string) string { return short(e.Header(name)) }
	return &out
}

func short(s string) string { return s[:min(len(s), maxText)] }
