package proc_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/weir-gateway/weir/bench/internal/proc"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// shell starts a shell script that prints "ready" when there is something to
// look at, waits for that, and stops it with the test.
func shell(t *testing.T, script string) *proc.Process {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("reads /proc")
	}
	if _, err := exec.LookPath("taskset"); err != nil {
		t.Skip("taskset is not installed")
	}
	name := filepath.Join(t.TempDir(), "log")
	log, err := os.OpenFile(name, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { log.Close() })
	p, err := proc.Start(proc.Spec{Args: []string{"sh", "-c", script}, CPU: 0, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Stop(10 * time.Second) })
	poll := time.NewTicker(time.Millisecond)
	defer poll.Stop()
	for range 10_000 {
		if text, _ := os.ReadFile(name); strings.Contains(string(text), "ready") {
			return p
		}
		<-poll.C
	}
	t.Fatalf("the script did not get ready: %v", p.Err())
	return nil
}

func TestProcessUsesTimeAndMemory(t *testing.T) {
	p := shell(t, `i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; echo ready; exec sleep 60`)
	if err := p.Adopt(); err != nil {
		t.Fatal(err)
	}
	cpu, err := p.CPU()
	if err != nil || cpu <= 0 {
		t.Errorf("CPU() = %v, %v, want more than nothing", cpu, err)
	}
	mem, err := p.Memory()
	if err != nil || mem < 4096 {
		t.Errorf("Memory() = %d, %v, want at least a page", mem, err)
	}
}

func TestAdoptCountsChildrenIn(t *testing.T) {
	p := shell(t, `trap 'kill $!' TERM; sh -c 'i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done; echo ready; exec sleep 60' & wait`)
	alone, err := p.CPU()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Adopt(); err != nil {
		t.Fatal(err)
	}
	both, err := p.CPU()
	if err != nil || both <= alone {
		t.Errorf("CPU() with the busy child = %v, %v, want more than %v without", both, err, alone)
	}
}

func TestStopEndsAStubbornProgram(t *testing.T) {
	p := shell(t, `trap '' TERM; echo ready; while :; do :; done`)
	if err := p.Err(); err != nil {
		t.Fatalf("Err() while it runs = %v, want nil", err)
	}
	p.Stop(50 * time.Millisecond)
	if err := p.Err(); err == nil || !strings.Contains(err.Error(), "killed") {
		t.Errorf("Err() after Stop = %v, want that it was killed", err)
	}
	if err := syscall.Kill(p.PID(), 0); err == nil {
		t.Errorf("process %d is still there after Stop", p.PID())
	}
	if _, err := p.CPU(); err == nil {
		t.Error("CPU() of an ended program = nil error, want one")
	}
}
