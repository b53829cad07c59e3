package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/weir-gateway/weir/internal/config"
)

func initCommand() *cobra.Command {
	var force bool
	cmd := &cobra.Command{
		Use:   "init [file]",
		Short: "Write a configuration to begin with",
		Long: `Write a commented configuration, ./weir.yaml or the file given, that only its
owner can read. It has a new key for clients, serves the built-in simulator, and
holds examples for OpenAI, Azure OpenAI, Anthropic and Ollama.`,
		Args: positional(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, given []string) error {
			name := "weir.yaml"
			if len(given) == 1 {
				name = given[0]
			}
			if err := writeNew(name, config.Template(), force); err != nil {
				return err
			}
			nextSteps(cmd, name)
			return nil
		},
	}
	cmd.Flags().BoolVar(&force, "force", false, "replace a file that is there")
	return cmd
}

// writeNew writes a file that only its owner can read. Without force it leaves
// one that is there alone; with it, the old one stays until the new one is
// complete.
func writeNew(name string, data []byte, force bool) (err error) {
	target := name
	if force {
		target = filepath.Join(filepath.Dir(name), "."+filepath.Base(name)+".new")
		if err := os.Remove(target); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("writing the configuration: %w", err)
		}
	}
	f, err := os.OpenFile(target, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	switch {
	case errors.Is(err, fs.ErrExist):
		return usageError{fmt.Errorf("%s is there already: name another file, or replace it with --force", name)}
	case errors.Is(err, fs.ErrNotExist):
		return usageError{fmt.Errorf("writing the configuration: %w\n\tmake the folder first", err)}
	case err != nil:
		return fmt.Errorf("writing the configuration: %w\n\tchoose a folder that you may write to", err)
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Close()); err == nil && force {
		err = os.Rename(target, name)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("writing the configuration: %w", err), os.Remove(target))
	}
	return nil
}

// nextSteps tells the person what to do with the file.
func nextSteps(cmd *cobra.Command, name string) {
	option := ""
	if name != "weir.yaml" {
		option = " --config " + name
	}
	w := cmd.OutOrStdout()
	note(w, "wrote %s, with a key for clients in it", name)
	note(w, "")
	note(w, "serve it; from now on this file decides, and variables only where it names them:")
	note(w, "  weir serve%s", option)
	note(w, "ask it, in another terminal:")
	note(w, "  export WEIR_KEY=$(sed -n 's/^ *secret: //p' %s)", name)
	note(w, "  curl http://127.0.0.1:8787/v1/chat/completions -H \"Authorization: Bearer $WEIR_KEY\" \\")
	note(w, "    -H 'Content-Type: application/json' -d '{\"model\": \"sim-1\", \"messages\": [{\"role\": \"user\", \"content\": \"hello\"}]}'")
	note(w, "then take the # away before the upstreams and models that you have, and see that it is right:")
	note(w, "  weir check%s", option)
}
