// Package config reads the configuration, from a file or from variables of the
// environment: its schema, its defaults, its references to secrets, and every
// rule a configuration must keep before anything is built from it.
//
// [Load] finds the file, reads it strictly and returns either a complete
// [Config], in which every default is filled in, or [Faults]: everything that
// is wrong with it, each with file, line, column and remedy.
//
//	source ─▶ tree ─▶ references ─▶ types ─▶ rules ─▶ *Config or Faults
//	tree.go          refs.go      decode.go  validate*.go
//
// Where there is no file, variables make the tree (environment*.go). Everything
// behind it is the same, but that faults name the variable.
//
// The types of config.go are the manual. The comment and the tags of a field
// are the one place where its meaning, default, unit and range are written;
// the decoder, [Config.Print], the reference page and the JSON Schema are all
// made from them (package reference).
//
// Package config knows no runtime type and starts nothing: it opens no
// socket, builds no transport and keeps no key. Turning a Config into a
// running gateway is the work of package app. It does not watch the file and
// does not write it.
package config
