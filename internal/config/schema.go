package config

import (
	"bytes"
	_ "embed" // for the schema
)

// schemaJSON is made from the types of config.go; see reference_test.go.
//
//go:embed schema.json
var schemaJSON []byte

// JSONSchema returns the JSON Schema (draft 2020-12) of the configuration
// file, for editors and other tools. What it refuses, [Load] refuses. The
// other way round it cannot see ranges, names that must differ or must be
// there, files, and what a reference stands for.
func JSONSchema() []byte { return bytes.Clone(schemaJSON) }
