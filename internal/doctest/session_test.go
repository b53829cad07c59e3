package doctest

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"

	"github.com/weir-gateway/weir/internal/realpart"
)

// How long a block may take. A server may have to be built first.
const (
	blockTimeout  = 3 * time.Minute
	serverTimeout = 5 * time.Minute
	stopTimeout   = 15 * time.Second
)

// prelude defines what is different from the reader's terminal.
//
//go:embed testdata/prelude.bash
var prelude string

// A session runs the blocks of one document.
type session struct {
	root    string             // of the repository
	dir     string             // where the blocks run, and what they save
	env     []string           // of the first block
	ports   map[string]string  // :: port in the document → port in this session
	servers map[string]*server // :: address in this session → what serves there
	output  string             // of the last block that was run
	blocks  int
}

// newSession makes the folders of a session below .cache, because Codex CLI
// wants no home in the system's folder for temporary files. The ports that
// the document's servers use, and no others, are found in blocks.
func newSession(root string, blocks []block) (*session, error) {
	cache := filepath.Join(root, ".cache", "doctest")
	if err := os.MkdirAll(cache, 0o750); err != nil {
		return nil, err
	}
	base, err := os.MkdirTemp(cache, "session-")
	if err != nil {
		return nil, err
	}
	s := &session{root: root, dir: filepath.Join(base, "work"), ports: map[string]string{}, servers: map[string]*server{}}
	home, bin := filepath.Join(base, "home"), filepath.Join(s.dir, "bin")
	for _, dir := range []string{home, bin, filepath.Join(home, ".codex")} {
		if err := os.MkdirAll(dir, 0o750); err != nil {
			return nil, err
		}
	}
	if err := os.Symlink(filepath.Join(root, "test", "e2e", "node_modules"), filepath.Join(s.dir, "node_modules")); err != nil {
		return nil, err
	}
	for _, b := range blocks {
		if b.how == "server" {
			if err := s.choosePort(b.arg); err != nil {
				return nil, err
			}
		}
	}
	if err := s.installWeir(bin); err != nil {
		return nil, err
	}
	return s, s.makeEnv(home, bin)
}

// choosePort keeps the port of an address in a document if it is free.
func (s *session) choosePort(address string) error {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return err
	}
	if s.ports[port] != "" {
		return nil
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		if l, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			return err
		}
	}
	_, s.ports[port], err = net.SplitHostPort(l.Addr().String())
	return errors.Join(err, l.Close())
}

// here returns text with the ports of this session.
func (s *session) here(text string) string {
	for theirs, ours := range s.ports {
		text = regexp.MustCompile(`:`+theirs+`\b`).ReplaceAllString(text, ":"+ours)
	}
	return text
}

// installWeir puts a command in bin that stands for bin/weir of the
// repository, and serves on this session's port where the document relies on
// the default.
func (s *session) installWeir(bin string) error {
	script := "#!/usr/bin/env bash\n"
	if s.here(defaultAddress) != defaultAddress {
		script += `[[ ${1:-} == serve && " $* " != *" --listen"[\ =]* ]] && set -- "$@" --listen ` + s.here(defaultAddress) + "\n"
	}
	script += fmt.Sprintf("exec %q \"$@\"\n", filepath.Join(s.root, "bin", "weir"))
	return os.WriteFile(filepath.Join(bin, "weir"), []byte(script), 0o755)
}

func (s *session) makeEnv(home, bin string) error {
	path := append([]string{bin}, realpart.Path(s.root)...)
	path = append(path, filepath.Join(s.root, ".cache", "venv", "bin"), os.Getenv("PATH"))
	s.env = []string{
		"HOME=" + home,
		"LANG=C.UTF-8",
		"PATH=" + strings.Join(path, string(os.PathListSeparator)),
		"DOCTEST_ROOT=" + s.root,
		"DOCTEST_STATE=" + filepath.Join(filepath.Dir(s.dir), "state.bash"),
	}
	if s.here(defaultAddress) != defaultAddress {
		s.env = append(s.env, "DOCTEST_SERVE_ARGS=--listen "+s.here(defaultAddress))
	}
	for _, name := range []string{"GOCACHE", "GOMODCACHE", "GOPATH"} {
		out, err := exec.Command("go", "env", name).Output()
		if err != nil {
			return fmt.Errorf("asking go for %s: %w", name, err)
		}
		s.env = append(s.env, name+"="+strings.TrimSpace(string(out)))
	}
	for _, kv := range os.Environ() {
		if name, _, _ := strings.Cut(kv, "="); strings.HasPrefix(name, "GO") && name != "GOCOVERDIR" {
			s.env = append(s.env, kv)
		}
	}
	return nil
}

// close stops the servers and removes the folders.
func (s *session) close() error {
	var errs []error
	for _, srv := range s.servers {
		errs = append(errs, srv.stop())
	}
	return errors.Join(append(errs, os.RemoveAll(filepath.Dir(s.dir)))...)
}

// do does with b what is to be done.
func (s *session) do(ctx context.Context, b block) error {
	s.blocks++
	text := s.here(b.text)
	switch b.how {
	case "run":
		script, err := s.script(b.lang, text)
		if err != nil {
			return err
		}
		return s.run(ctx, script, b.wants)
	case "server":
		return s.serve(ctx, s.here(b.arg), text)
	case "config":
		if err := s.save(b.arg, text); err != nil {
			return err
		}
		return s.run(ctx, made(text)+"weir check "+b.arg, "")
	case "codex":
		return s.save("../home/.codex/config.toml", text)
	case "file":
		return s.save(b.arg, text)
	case "output":
		if !contains(s.output, text) {
			return fmt.Errorf("the block before printed\n%s", s.output)
		}
		return nil
	}
	return fmt.Errorf("unknown way %q", b.how)
}

// script returns the shell script that runs text.
func (s *session) script(lang, text string) (string, error) {
	command := map[string]string{"python": "python3 %s.py", "js": "node %s.mjs", "go": `command go -C "$DOCTEST_ROOT/test/e2e" run "$PWD/%s.go"`}[lang]
	if command == "" {
		return text, nil
	}
	name := fmt.Sprintf("snippet%d", s.blocks)
	suffix := map[string]string{"python": ".py", "js": ".mjs", "go": ".go"}[lang]
	return fmt.Sprintf("(cd '%s' && "+command+")", s.dir, name), s.save(name+suffix, text)
}

func (s *session) save(name, text string) error {
	path := filepath.Join(s.dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(text), 0o600)
}

var reference = regexp.MustCompile(`\$\{([A-Za-z_][A-Za-z0-9_]*)\}`)

// made returns shell lines that give a made-up value to every variable that a
// configuration refers to and that has none.
func made(config string) string {
	var lines strings.Builder
	for _, m := range reference.FindAllStringSubmatch(config, -1) {
		fmt.Fprintf(&lines, "export %s=\"${%s:-made-up-%s}\"\n", m[1], m[1], strings.ToLower(m[1]))
	}
	return lines.String()
}

// run runs a script to its end.
func (s *session) run(ctx context.Context, script, wants string) error {
	ctx, cancel := context.WithTimeout(ctx, blockTimeout)
	defer cancel()
	var out bytes.Buffer
	cmd := s.bash(ctx, script)
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	s.output = out.String()
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("not done after %s; it printed\n%s", blockTimeout, s.output)
	case err != nil:
		return fmt.Errorf("%w; it printed\n%s", err, s.output)
	case !strings.Contains(s.output, wants):
		return fmt.Errorf("wanted %q; it printed\n%s", wants, s.output)
	}
	return nil
}

// bash returns a script's process, the leader of a group of its own.
func (s *session) bash(ctx context.Context, script string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "bash", "-c", prelude+"\n"+script)
	cmd.Dir = s.dir
	cmd.Env = s.env
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second
	return cmd
}

// A server is a script that does not end by itself.
type server struct {
	cmd  *exec.Cmd
	log  *os.File
	done chan struct{} // closed when the script has ended
}

// serve starts a script and waits until something accepts connections at
// address. What served there before is stopped first.
func (s *session) serve(ctx context.Context, address, script string) error {
	if old := s.servers[address]; old != nil {
		delete(s.servers, address)
		if err := old.stop(); err != nil {
			return err
		}
	}
	if accepts(address) {
		return fmt.Errorf("somebody else serves on %s", address)
	}
	log, err := os.CreateTemp(filepath.Dir(s.dir), "server-*.log")
	if err != nil {
		return err
	}
	srv := &server{cmd: s.bash(context.WithoutCancel(ctx), "trap - EXIT\n"+script), log: log, done: make(chan struct{})}
	srv.cmd.Stdout, srv.cmd.Stderr = log, log // files: nothing of ours reads along
	if err := srv.cmd.Start(); err != nil {
		return errors.Join(err, log.Close())
	}
	go func() {
		defer close(srv.done)
		_ = srv.cmd.Wait() // it is ended by a signal
	}()
	s.servers[address] = srv
	ctx, cancel := context.WithTimeout(ctx, serverTimeout)
	defer cancel()
	if waitUntil(ctx, srv.done, func() bool { return accepts(address) }) {
		return nil
	}
	printed, _ := os.ReadFile(log.Name())
	return fmt.Errorf("nothing serves on %s; the block printed\n%s", address, printed)
}

// stop ends everything the script has started, by its process group.
func (srv *server) stop() error {
	group := -srv.cmd.Process.Pid
	if err := syscall.Kill(group, syscall.SIGTERM); err == nil {
		ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
		defer cancel()
		if !waitUntil(ctx, nil, func() bool { return syscall.Kill(group, 0) != nil }) {
			_ = syscall.Kill(group, syscall.SIGKILL)
			return errors.Join(errors.New("the server did not stop on SIGTERM"), srv.log.Close())
		}
	}
	<-srv.done
	return srv.log.Close()
}

func accepts(address string) bool {
	c, err := net.DialTimeout("tcp", address, time.Second)
	if err != nil {
		return false
	}
	return c.Close() == nil
}

// waitUntil asks again and again whether something has come true, and reports
// false if ctx or ended, which may be nil, ends first.
func waitUntil(ctx context.Context, ended <-chan struct{}, isTrue func() bool) bool {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if isTrue() {
			return true
		}
		select {
		case <-tick.C:
		case <-ended:
			return false
		case <-ctx.Done():
			return false
		}
	}
}
