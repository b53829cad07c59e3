package proc

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// A Spec says what to start.
type Spec struct {
	Args []string // program and arguments
	Env  []string // added to the environment of this process
	CPU  int      // the one processor it may run on; negative: any
	Log  *os.File // takes what it prints; must be open for appending
}

// A Process is a running program with the processes that it has started
// itself. One goroutine uses it at a time.
type Process struct {
	cmd  *exec.Cmd
	pids []int
	done chan struct{} // closed when the program has ended
	err  error         // set before done is closed
}

// Start starts the program of s. The caller calls [Process.Stop].
func Start(s Spec) (*Process, error) {
	args := s.Args
	if s.CPU >= 0 {
		// taskset replaces itself by the program, which keeps the pid.
		args = append([]string{"taskset", "-c", strconv.Itoa(s.CPU)}, args...)
	}
	cmd := exec.Command(args[0], args[1:]...) //nolint:gosec,noctx // what to run is what this program is told; Stop ends it in order
	cmd.Env = append(os.Environ(), s.Env...)
	cmd.Stdout, cmd.Stderr = s.Log, s.Log
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", s.Args[0], err)
	}
	p := &Process{cmd: cmd, pids: []int{cmd.Process.Pid}, done: make(chan struct{})}
	go func() { // ends with the process, which Stop sees to and waits for
		defer close(p.done)
		p.err = cmd.Wait()
	}()
	return p, nil
}

// Err returns nil while the program runs, and then how it ended.
func (p *Process) Err() error {
	select {
	case <-p.done:
		return errors.Join(errors.New("the program has ended"), p.err)
	default:
		return nil
	}
}

// PID returns the process id of the program.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Adopt looks for the processes that the program has started, such as the
// workers of nginx, and counts them in from now on.
func (p *Process) Adopt() error {
	pids := []int{p.PID()}
	for i := 0; i < len(pids); i++ { // grows as children are found
		tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pids[i]))
		if err != nil {
			return err
		}
		for _, name := range tasks {
			text, err := os.ReadFile(name)
			if err != nil {
				return fmt.Errorf("looking for children: %w", err)
			}
			for f := range strings.FieldsSeq(string(text)) {
				pid, err := strconv.Atoi(f)
				if err != nil {
					return fmt.Errorf("looking for children in %s: %w", name, err)
				}
				pids = append(pids, pid)
			}
		}
	}
	p.pids = pids
	return nil
}

// Stop asks the program to end, makes it end if it has not after grace, and
// waits for it. Stopping a program that has ended does nothing.
func (p *Process) Stop(grace time.Duration) {
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // fails only if it has ended
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case <-p.done:
		return
	case <-timer.C:
	}
	_ = p.cmd.Process.Kill() // likewise
	<-p.done
}

// CPU returns the processor time that the program and its adopted children
// have used since they began, user and system. Threads that have ended no
// longer count: the programs measured here keep theirs.
func (p *Process) CPU() (time.Duration, error) {
	var sum time.Duration
	for _, pid := range p.pids {
		tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
		if err != nil {
			return 0, err
		}
		if len(tasks) == 0 {
			return 0, fmt.Errorf("process %d has no threads: it has ended, or the kernel keeps no schedstat", pid)
		}
		for _, name := range tasks {
			text, err := os.ReadFile(name)
			if err != nil {
				return 0, fmt.Errorf("reading processor time: %w", err)
			}
			ns, err := parseSchedstat(string(text))
			if err != nil {
				return 0, fmt.Errorf("%s: %w", name, err)
			}
			sum += ns
		}
	}
	return sum, nil
}

// Memory returns the proportional set size of the program and its adopted
// children, in bytes.
func (p *Process) Memory() (int64, error) {
	var sum int64
	for _, pid := range p.pids {
		name := fmt.Sprintf("/proc/%d/smaps_rollup", pid)
		text, err := os.ReadFile(name)
		if err != nil {
			return 0, fmt.Errorf("reading memory: %w", err)
		}
		n, err := parsePSS(string(text))
		if err != nil {
			return 0, fmt.Errorf("%s: %w", name, err)
		}
		sum += n
	}
	return sum, nil
}
