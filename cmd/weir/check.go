package main

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/weir-gateway/weir/internal/config"
)

func checkCommand() *cobra.Command {
	var (
		o             config.Options
		print, schema bool
	)
	cmd := &cobra.Command{
		Use:   "check [file]",
		Short: "Check a configuration and say what would run",
		Long: `Check the configuration that "weir serve" would use, or the file given, and
print everything that is wrong with it: file, line, column and remedy.

Nothing is started and nobody is called. The exit code is 0 if the configuration
can be served and 2 if it cannot.`,
		Args: positional(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, given []string) error {
			if print && schema {
				return usageError{errors.New("--print and --schema cannot both be printed: choose one")}
			}
			if schema {
				_, err := cmd.OutOrStdout().Write(config.JSONSchema())
				return err
			}
			if len(given) == 1 {
				if o.Path != "" {
					return usageError{errors.New("--config and an argument both name a file: give one")}
				}
				o.Path = given[0]
			}
			cfg, err := loadConfig(o)
			if err != nil {
				return err
			}
			for _, w := range cfg.Warnings {
				note(cmd.ErrOrStderr(), "warning: %s", w.String())
			}
			if print {
				return cfg.Print(cmd.OutOrStdout())
			}
			return summarise(cmd.OutOrStdout(), cfg)
		},
	}
	configFlags(cmd, &o)
	cmd.Flags().BoolVar(&print, "print", false, "print the whole configuration with every default and why it is so, secrets left out")
	cmd.Flags().BoolVar(&schema, "schema", false, "print the JSON Schema of the file, for editors")
	return cmd
}
