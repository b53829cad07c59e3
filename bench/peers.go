package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/weir-gateway/weir/bench/internal/load"
	"github.com/weir-gateway/weir/bench/internal/mock"
	"github.com/weir-gateway/weir/bench/internal/proc"
)

// Names of the peers that others are compared to, and of the mock measured
// with nothing before it.
const (
	nginxName  = "nginx"
	proxyName  = "ReverseProxy"
	weirName   = "weir"
	directName = "direct"
)

// A peer is one program to be measured.
type peer struct {
	name    string
	program string

	// gateway is true for Weir: it must rename the model and ask for usage.
	gateway bool

	// command writes what the program needs into dir and returns its command
	// line. It is to listen on addr and forward to upstream, both host:port.
	command func(program, dir, addr, upstream string) ([]string, error)
}

// choosePeers returns the peers that o names, nginx and ReverseProxy first.
func choosePeers(o options) ([]peer, error) {
	all := []peer{
		{name: nginxName, program: o.nginx, command: nginxCommand},
		{name: proxyName, program: o.proxy, command: proxyCommand},
		{name: weirName, program: o.weir, gateway: true, command: weirCommand},
	}
	for _, s := range o.also {
		name, program, ok := strings.Cut(s, "=")
		if !ok {
			return nil, fmt.Errorf("-also %s: not name=program", s)
		}
		all = append(all, peer{name: name, program: program, gateway: true, command: weirCommand})
	}
	var out []peer
	for _, p := range all {
		if p.program != "" && o.peers.picks(p.name) {
			out = append(out, p)
		}
	}
	if len(out) == 0 {
		return nil, errors.New("no peer to measure: give at least one of -weir, -proxy and -nginx")
	}
	return out, nil
}

func proxyCommand(program, _, addr, upstream string) ([]string, error) {
	return []string{program, "-listen", addr, "-upstream", "http://" + upstream}, nil
}

// nginxConfig is nginx tuned for what is measured: connections to the upstream
// are kept, nothing is logged, nothing waits in a buffer.
const nginxConfig = `%[1]s
worker_processes 1;
daemon off;
pid %[2]s/pid;
worker_rlimit_nofile 40000;
events { worker_connections 20000; }
http {
	access_log off;
	keepalive_timeout 300s;
	keepalive_requests 1000000000;
	client_max_body_size 64m;
	client_body_buffer_size 128k;
	client_body_temp_path %[2]s/body;
	proxy_temp_path %[2]s/proxy;
	fastcgi_temp_path %[2]s/fastcgi;
	uwsgi_temp_path %[2]s/uwsgi;
	scgi_temp_path %[2]s/scgi;
	upstream mock {
		server %[4]s;
		keepalive 512;
		keepalive_timeout 300s;
		keepalive_requests 1000000000;
	}
	server {
		listen %[3]s;
		location / {
			proxy_pass http://mock;
			proxy_http_version 1.1;
			proxy_set_header Connection "";
			proxy_buffering off;
			proxy_request_buffering off;
			proxy_read_timeout 600s;
		}
	}
}
`

func nginxCommand(program, dir, addr, upstream string) ([]string, error) {
	user := "" // not root: workers are whoever started it
	if os.Geteuid() == 0 {
		user = "user root;" // else they could not enter dir
	}
	file := filepath.Join(dir, "nginx.conf")
	err := os.WriteFile(file, fmt.Appendf(nil, nginxConfig, user, dir, addr, upstream), 0o600)
	return []string{program, "-p", dir, "-e", "stderr", "-c", file}, err
}

// weirConfig has every feature on that costs something: a key, another name
// for the model, injected usage (the default for chat), and a log line for
// every exchange.
const weirConfig = `listen:
  address: %[1]s
upstreams:
  - name: mock
    kind: openai
    endpoint: http://%[2]s/v1
    auth: { api_key: sk-bench-upstream }
models:
  - name: %[3]s
    targets: [{ upstream: mock, model: %[4]s }]
  - name: %[3]s-chat
    targets: [{ upstream: mock, model: %[4]s, dialects: [chat] }]
  - name: %[3]s-responses
    targets: [{ upstream: mock, model: %[4]s, dialects: [responses] }]
keys:
  - { name: bench, tenant: bench, secret: %[5]s }
log: { level: info }
`

func weirCommand(program, dir, addr, upstream string) ([]string, error) {
	file := filepath.Join(dir, "weir.yaml")
	text := fmt.Appendf(nil, weirConfig, addr, upstream, askedModel, targetModel, clientKey)
	return []string{program, "serve", "--config", file}, os.WriteFile(file, text, 0o600)
}

// An instance is a running peer, or the mock itself.
type instance struct {
	peer
	addr  string
	proc  *proc.Process // nil for the mock itself
	log   *os.File      // what the program prints
	start time.Duration // from its start to its first answer
}

const (
	readyWithin = 20 * time.Second
	stopGrace   = 10 * time.Second
)

// start starts p and waits until it answers. The caller stops it.
func (b *bench) start(ctx context.Context, p peer) (*instance, error) {
	addr, err := freeAddr(ctx)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(b.dir, p.name+"-")
	if err != nil {
		return nil, err
	}
	args, err := p.command(p.program, dir, addr, b.mock.Addr())
	if err != nil {
		return nil, err
	}
	log, err := os.OpenFile(filepath.Join(dir, "log"), os.O_CREATE|os.O_APPEND|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	began := time.Now()
	pr, err := proc.Start(proc.Spec{Args: args, Env: []string{"GOMAXPROCS=1"}, CPU: b.opts.cpu, Log: log})
	if err != nil {
		return nil, errors.Join(err, log.Close())
	}
	in := &instance{peer: p, addr: addr, proc: pr, log: log}
	if err := in.ready(ctx); err != nil {
		err = fmt.Errorf("waiting for the first answer: %w; it printed: %s", err, in.tail())
		in.stop()
		return nil, err
	}
	in.start = time.Since(began)
	fmt.Fprintf(b.progress, "bench: %s is process %d\n", p.name, pr.PID())
	return in, pr.Adopt()
}

// ready returns when the instance has answered one request as it should.
func (in *instance) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	poll := time.NewTicker(time.Millisecond)
	defer poll.Stop()
	req := load.NewRequest(in.addr, mock.Path, clientKey, wholeBody(requestSize))
	for {
		err := once(ctx, in.addr, req)
		if err == nil {
			return nil
		}
		if ended := in.proc.Err(); ended != nil {
			return ended
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w; the last try: %w", ctx.Err(), err)
		case <-poll.C:
		}
	}
}

// once sends req once, on a connection of its own.
func once(ctx context.Context, addr string, req load.Request) error {
	p, err := load.Dial(ctx, addr, 1)
	if err != nil {
		return err
	}
	defer p.Close()
	return p.Once(ctx, req, load.Exactly(mock.Answer()))
}

// stop ends the program. What it printed is gone with the run's folder.
func (in *instance) stop() {
	in.proc.Stop(stopGrace)
	in.log.Close()
}

// trim empties the log, so that a long run does not fill the disk.
func (in *instance) trim() error {
	if in.log == nil {
		return nil
	}
	return in.log.Truncate(0)
}

// tail returns the last lines of the log, for an error message.
func (in *instance) tail() string {
	if in.log == nil {
		return ""
	}
	var last []string
	lines := bufio.NewScanner(io.NewSectionReader(in.log, 0, 1<<20))
	for lines.Scan() {
		last = append(last, lines.Text())
		last = last[max(0, len(last)-5):]
	}
	return fmt.Sprintf("%.2000q", strings.Join(last, "\n"))
}

// freeAddr returns an address of the loopback interface that was free a moment
// ago.
func freeAddr(ctx context.Context) (string, error) {
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer ln.Close()
	return ln.Addr().String(), nil
}
