package main

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"
)

// openTerminal returns the two ends of a terminal: what a person sees, and what
// a program writes to.
func openTerminal(t *testing.T) (seen, written *os.File) {
	t.Helper()
	seen, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { seen.Close() })
	control := func(request uintptr, n *int32) {
		if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, seen.Fd(), request, uintptr(unsafe.Pointer(n))); errno != 0 {
			t.Fatal(errno)
		}
	}
	var unlocked, number int32
	control(syscall.TIOCSPTLCK, &unlocked)
	control(syscall.TIOCGPTN, &number)
	written, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { written.Close() })
	return seen, written
}

// TestTraceBodies: a person at a terminal sees what passes.
func TestTraceBodies(t *testing.T) {
	seen, written := openTerminal(t)
	cmd := exec.Command(build(t), "serve", "--simulator", "--trace-bodies", "--listen", "127.0.0.1:0")
	cmd.Dir = t.TempDir()
	cmd.Env, cmd.Stderr = []string{"HOME=" + cmd.Dir}, written
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stuck := time.AfterFunc(20*time.Second, func() { _ = cmd.Process.Kill() })
	defer stuck.Stop()
	defer func() { _ = cmd.Wait() }()
	defer func() { _ = cmd.Process.Signal(syscall.SIGTERM) }()

	lines := bufio.NewScanner(seen)
	await := func(text string) string {
		for lines.Scan() {
			if strings.Contains(lines.Text(), text) {
				return lines.Text()
			}
		}
		t.Fatalf("the terminal does not show %q: %v", text, lines.Err())
		return ""
	}
	_, url, _ := strings.Cut(await("weir listens on "), "listens on ")
	url, _, _ = strings.Cut(url, " ")
	req, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, url+"/v1/chat/completions",
		strings.NewReader(`{"model":"sim-1","messages":[{"role":"user","content":"hello"}]}`))
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer sk-0123456789abcdef")
	resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
	await("Received request: POST /v1/chat/completions")
	if line := await("Authorization"); strings.Contains(line, "0123456789") {
		t.Errorf("the terminal shows a key: %s", line)
	}
	await(`Request chunk: {"model":"sim-1"`)
	await("Proxying to: POST 127.0.0.1:")
	await("Response: 200 OK")
	await("echo: hello")
	await("Response ended.")
}
