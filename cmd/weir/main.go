// Command weir is an LLM gateway: one program between a team's clients and the
// places where models run. README.md says how to use it.
//
// This package turns flags, environment and signals into values, and errors
// into exit codes. It holds nothing else: see internal/app.
package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/weir-gateway/weir/internal/config"
)

// The exit codes. They are part of the product: scripts and service managers
// read them.
const (
	exitOK     = 0
	exitFailed = 1 // it started, or tried to, and failed: an address in use, a broken socket
	exitUsage  = 2 // flags or configuration are wrong; trying again changes nothing
	exitSignal = 128
)

func main() { os.Exit(run(os.Args[1:])) }

// run executes the command line and returns the exit code.
func run(args []string) int {
	root := &cobra.Command{
		Use:           "weir",
		Short:         "An LLM gateway: one door to every model",
		Version:       versionText(),
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          positional(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return cmd.Help()
		},
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usageError{fmt.Errorf("%w\nsee: %s --help", err, cmd.CommandPath())}
	})
	root.AddCommand(serveCommand(), checkCommand(), explainCommand(), initCommand(), simulateCommand(), versionCommand())
	root.SetArgs(args)
	root.SetOut(os.Stdout)
	root.SetErr(os.Stderr)
	err := root.Execute()
	if err == nil {
		return exitOK
	}
	if s, ok := errors.AsType[signalled](err); ok {
		return exitSignal + int(s)
	}
	fmt.Fprintln(os.Stderr, "weir: "+err.Error())
	return exitCode(err)
}

// exitCode tells what can be mended on the command line or in a file from what
// cannot.
func exitCode(err error) int {
	_, usage := errors.AsType[usageError](err)
	_, faults := errors.AsType[config.Faults](err)
	if usage || faults {
		return exitUsage
	}
	return exitFailed
}

// usageError is a command line or configuration that cannot work.
type usageError struct{ error }

func (u usageError) Unwrap() error { return u.error }

// positional wraps one of cobra's argument checks, so that its errors are usage
// errors.
func positional(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, given []string) error {
		if err := check(cmd, given); err != nil {
			return usageError{fmt.Errorf("%w\nsee: %s --help", err, cmd.CommandPath())}
		}
		return nil
	}
}

// loadConfig reads a configuration. All its errors are usage errors.
func loadConfig(o config.Options) (*config.Config, error) {
	cfg, err := config.Load(o)
	if err != nil {
		return nil, usageError{err}
	}
	return cfg, nil
}
