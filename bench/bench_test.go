package main

import (
	"context"
	"encoding/json"
	"io"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/weir-gateway/weir/bench/internal/mock"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestWholeBodyIsARequestOfItsSize(t *testing.T) {
	for _, size := range []int{requestSize, 10_000, largeSize} {
		body := wholeBody(size)
		if len(body) < size-64 || len(body) > size {
			t.Errorf("len(wholeBody(%d)) = %d, want at most 64 less", size, len(body))
		}
		var got struct {
			Model    string
			Messages []struct{ Role, Content string }
		}
		if err := json.Unmarshal(body, &got); err != nil {
			t.Errorf("wholeBody(%d) is not JSON: %v", size, err)
		}
		if got.Model != askedModel || len(got.Messages) < 2 {
			t.Errorf("wholeBody(%d) has model %q and %d messages, want %q and at least 2", size, got.Model, len(got.Messages), askedModel)
		}
	}
	if got := len(wholeBody(requestSize)); got != requestSize {
		t.Errorf("len(wholeBody(%d)) = %d, want it exact", requestSize, got)
	}
}

// tiny is a scale at which every figure can be taken in a second.
func tiny() scale {
	return scale{
		rounds: 1, freshEvery: 1, warm: 10 * time.Millisecond, whole: 50 * time.Millisecond, settle: time.Millisecond,
		streams: 4, events: 5, every: time.Millisecond, eventSize: 200,
		rate: 1000, rateConns: 2, largeConns: 1, idle: []int{2, 4},
	}
}

// bench for a test, with a mock of its own, both gone with the test.
func testBench(t *testing.T, peers ...peer) *bench {
	t.Helper()
	up, err := mock.Listen(t.Context(), "127.0.0.1:0", targetModel)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := up.Close(); err != nil {
			t.Errorf("closing the mock: %v", err)
		}
	})
	return newBench(options{cpu: -1}, tiny(), peers, up, t.TempDir(), io.Discard)
}

func buildProxy(t *testing.T) string {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("measures with /proc")
	}
	program := filepath.Join(t.TempDir(), "proxy")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, "./proxy").CombinedOutput(); err != nil {
		t.Fatalf("building the proxy: %v\n%s", err, out)
	}
	return program
}

func TestRun(t *testing.T) {
	program := buildProxy(t)
	t.Run("takes every figure", func(t *testing.T) { testRunTakesEveryFigure(t, program) })
	t.Run("disqualifies a gateway that changes nothing", func(t *testing.T) { testRunDisqualifies(t, program) })
}

func testRunTakesEveryFigure(t *testing.T, program string) {
	t.Helper()
	b := testBench(t, peer{name: proxyName, program: program, command: proxyCommand})
	if err := b.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, f := range b.failures {
		t.Errorf("%s of %s failed: %s", f.Task, f.Peer, f.Error)
	}
	r := b.report(time.Now())
	everybodys := slices.DeleteFunc(figures(b.scale), func(f figure) bool { return f.gateways })
	if got, want := len(r.Rows), len(everybodys); got != want {
		t.Errorf("the report has %d rows, want %d", got, want)
	}
	var text strings.Builder
	if err := r.markdown(&text); err != nil {
		t.Fatal(err)
	}
	for _, row := range r.Rows {
		if !strings.Contains(text.String(), "| "+row.Title+" | "+row.Unit+" | ") {
			t.Errorf("the table has no row %q:\n%s", row.Title, &text)
		}
	}
}

// A proxy leaves the model alone, so passing it off as a gateway must fail
// wherever the mock can tell.
func testRunDisqualifies(t *testing.T, program string) {
	t.Helper()
	b := testBench(t, peer{name: weirName, program: program, gateway: true, command: proxyCommand})
	if err := b.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, task := range tasks(b.scale) {
		if !b.failed(weirName, task.name) {
			t.Errorf("%s did not fail, want that it misses the renamed model", task.name)
		}
	}
	if r := b.report(time.Now()); len(r.Rows) != 0 {
		t.Errorf("the report has %d figures of a peer that failed in all, want none", len(r.Rows))
	}
}

// TestLanes takes the figures of every lane of Weir itself.
func TestLanes(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("measures with /proc")
	}
	program := filepath.Join(t.TempDir(), "weir")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, "../cmd/weir").CombinedOutput(); err != nil {
		t.Fatalf("building weir: %v\n%s", err, out)
	}
	b := testBench(t, peer{name: weirName, program: program, gateway: true, command: weirCommand})
	b.opts.figures = list{"lanes", "laneevents", "lanelarge"}
	if err := b.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, f := range b.failures {
		t.Errorf("%s failed: %s", f.Task, f.Error)
	}
	for _, row := range b.report(time.Now()).Rows {
		if c := row.Values[weirName]; c.N != 1 || c.Median <= 0 {
			t.Errorf("%s = %+v, want one ratio", row.Title, c)
		}
	}
	if got, want := len(b.report(time.Now()).Rows), len(laneFigures()); got != want {
		t.Errorf("%d rows, want %d", got, want)
	}
}

func TestPeerThatEndsAtOnceIsAFailure(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("measures with /proc")
	}
	b := testBench(t, peer{name: weirName, program: "sh", gateway: true, command: func(program, _, _, _ string) ([]string, error) {
		return []string{program, "-c", "echo the reason; exit 3"}, nil
	}})
	_, err := b.start(t.Context(), b.peers[0])
	if err == nil || !strings.Contains(err.Error(), "the reason") || !strings.Contains(err.Error(), "exit status 3") {
		t.Errorf("start = %v, want an error with what the program printed and its status", err)
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	b := testBench(t, peer{name: proxyName, program: "unused", command: proxyCommand})
	if err := b.run(ctx); err == nil {
		t.Error("run after its context has ended = nil, want an error")
	}
	if len(b.samples) != 0 {
		t.Errorf("run after its context has ended took %d figures, want none", len(b.samples))
	}
}

func TestReportComparesInsideRounds(t *testing.T) {
	b := newBench(options{}, fullScale(), []peer{
		{name: nginxName}, {name: proxyName}, {name: weirName, gateway: true},
	}, nil, "", io.Discard)
	b.scale.rounds = 3
	for round, v := range [][3]float64{{10, 30, 33}, {20, 60, 72}, {10, 30, 30}} {
		b.keep("cpu32", nginxName, "requests32", round, v[0])
		b.keep("cpu32", proxyName, "requests32", round, v[1])
		b.keep("cpu32", weirName, "requests32", round, v[2])
	}
	b.keep("idle", weirName, "memory", 1, 26)
	b.keep("cpuevent", weirName, "events", 0, 40)
	b.fail(weirName, "events", 1, context.DeadlineExceeded)
	var got strings.Builder
	if err := b.report(time.Now()).markdown(&got); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"| figure | unit | nginx | ReverseProxy | weir | ReverseProxy / nginx | weir / ReverseProxy | weir / nginx |",
		"| CPU per request, 32 connections | µs | 10.0 | 30.0 | 33.0 | 3.00 (3.00–3.00) | 1.10 (1.00–1.20) ≤ 1.1 ok | 3.30 (3.00–3.60) ≤ 3.6 ok |",
		"| memory with nothing to do | MiB | – | – | 26.0 > 25 **missed** | – | – | – |",
		"- weir, events, round 2: context deadline exceeded",
	} {
		if !strings.Contains(got.String(), want+"\n") {
			t.Errorf("the report lacks the line\n%s\nin\n%s", want, &got)
		}
	}
	if strings.Contains(got.String(), "CPU per event") {
		t.Errorf("the report shows a figure of a task that failed later:\n%s", &got)
	}
	if _, err := json.Marshal(b.report(time.Now())); err != nil {
		t.Errorf("the report is not JSON: %v", err)
	}
}

func TestChoosePeers(t *testing.T) {
	for _, tt := range []struct {
		name string
		args string
		want string // names, or the beginning of an error
	}{
		{name: "all that are given", args: "-nginx n -proxy p -weir w", want: "nginx ReverseProxy weir"},
		{name: "one that is asked for", args: "-nginx n -proxy p -weir w -peers weir", want: "weir"},
		{name: "another build", args: "-proxy p -weir w -also old=o", want: "ReverseProxy weir old"},
		{name: "another build without a name", args: "-weir w -also o", want: "error: -also o"},
		{name: "none", args: "-quick", want: "error: no peer"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o, err := parseFlags(strings.Fields(tt.args), io.Discard)
			if err != nil {
				t.Fatal(err)
			}
			peers, err := choosePeers(o)
			var names []string
			for _, p := range peers {
				names = append(names, p.name)
			}
			got := strings.Join(names, " ")
			if err != nil {
				got = "error: " + err.Error()
			}
			if !strings.HasPrefix(got, tt.want) {
				t.Errorf("choosePeers(%s) = %q, want %q", tt.args, got, tt.want)
			}
		})
	}
}
