package faults_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/weir-gateway/weir/internal/realpart"
)

// A toxiproxy is a running one.
type toxiproxy struct {
	url    string
	client http.Client
	made   atomic.Int64 // proxies
}

// startToxiproxy runs one until the test ends.
func startToxiproxy(t *testing.T) *toxiproxy {
	t.Helper()
	program := realpart.Need(t, "toxiproxy", ".cache/bin/toxiproxy")
	for range 5 { // it cannot be asked for a free port, and one that is free now may not be soon
		if p := tryToxiproxy(t, program); p != nil {
			return p
		}
	}
	t.Fatal("toxiproxy does not start")
	return nil
}

func tryToxiproxy(t *testing.T, program string) *toxiproxy {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	l.Close()
	cmd := exec.Command(program, "-host", "127.0.0.1", "-port", port)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	exited := make(chan struct{})
	go func() {
		defer close(exited)
		_ = cmd.Wait() // it is killed
	}()
	p := &toxiproxy{url: "http://127.0.0.1:" + port, client: http.Client{Transport: &http.Transport{}, Timeout: 10 * time.Second}}
	stop := func() {
		_ = cmd.Process.Kill() // fails only if it has exited
		<-exited
		p.client.CloseIdleConnections()
	}
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); {
		select {
		case <-exited:
			return nil
		case <-tick.C:
		}
		if resp, err := p.client.Get(p.url + "/version"); err == nil {
			resp.Body.Close()
			t.Cleanup(stop)
			return p
		}
	}
	stop()
	return nil
}

// call asks toxiproxy for something, and decodes what it says into out.
func (p *toxiproxy) call(method, path string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	req, err := http.NewRequest(method, p.url+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	resp, err := p.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	switch {
	case err != nil:
		return err
	case resp.StatusCode/100 != 2:
		return fmt.Errorf("toxiproxy: %s %s: %d %s", method, path, resp.StatusCode, b)
	case out == nil:
		return nil
	}
	return json.Unmarshal(b, out)
}

// A line is a way to a server that can be broken.
type line struct {
	toxiproxy *toxiproxy
	name      string
	address   string // where it listens
}

// line returns a new way to the server at url, until the test ends.
func (p *toxiproxy) line(t *testing.T, url string) *line {
	t.Helper()
	_, to, _ := strings.Cut(url, "://")
	l := &line{toxiproxy: p, name: fmt.Sprintf("line%d", p.made.Add(1))}
	var made struct {
		Listen string `json:"listen"`
	}
	if err := p.call(http.MethodPost, "/proxies", map[string]any{"name": l.name, "listen": "127.0.0.1:0", "upstream": to, "enabled": true}, &made); err != nil {
		t.Fatal(err)
	}
	l.address = made.Listen
	t.Cleanup(func() {
		if err := p.call(http.MethodDelete, "/proxies/"+l.name, nil, nil); err != nil {
			t.Error(err)
		}
	})
	return l
}

// enable says whether connections are taken. Those that are there break off if
// not.
func (l *line) enable(on bool) error {
	return l.toxiproxy.call(http.MethodPost, "/proxies/"+l.name, map[string]any{"enabled": on}, nil)
}

// A toxic is what happens to the bytes on the way back from a server.
type toxic struct {
	kind       string
	attributes map[string]int
	toxicity   int // 1, or 0 for what it makes of a connection alone
}

// add makes x happen from now on.
func (l *line) add(x toxic) error {
	return l.toxiproxy.call(http.MethodPost, "/proxies/"+l.name+"/toxics",
		map[string]any{"name": x.kind, "type": x.kind, "stream": "downstream", "toxicity": x.toxicity, "attributes": x.attributes}, nil)
}

// remove ends what add has begun.
func (l *line) remove(x toxic) error {
	return l.toxiproxy.call(http.MethodDelete, "/proxies/"+l.name+"/toxics/"+x.kind, nil, nil)
}
