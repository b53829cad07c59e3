package main

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/weir-gateway/weir/internal/config"
)

// configFlags adds the flags that say which configuration is meant.
func configFlags(cmd *cobra.Command, o *config.Options) {
	f := cmd.Flags()
	f.StringVarP(&o.Path, "config", "c", "", "configuration file")
	f.StringArrayVar(&o.EnvFiles, "env-file", nil, "file of variables, NAME=VALUE, beside the environment, which wins; may be given again")
	f.StringVarP(&o.Listen, "listen", "l", "", "address to listen on, instead of listen.address")
	f.StringVar(&o.DataDir, "data-dir", "", "folder for what is kept on disk, instead of data_dir")
}

// checkFlags refuses flags that contradict each other.
func checkFlags(o config.Options) error {
	if !o.BuiltIn {
		return nil
	}
	switch {
	case o.Path != "":
		return usageError{errors.New("--simulator takes no configuration: leave --config out")}
	case len(o.EnvFiles) > 0:
		return usageError{errors.New("--simulator takes no variables: leave --env-file out")}
	}
	return nil
}
