package dialecttest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Schemas are those of a published OpenAPI document: what everything that a
// codec writes must fit.
type Schemas struct {
	compiler *jsonschema.Compiler
	name     string
	compiled map[string]*jsonschema.Schema
}

// LoadSchemas reads a document in a folder, which is WEIR_SPEC of the
// environment (see realpart.Only).
func LoadSchemas(t testing.TB, folder, file string) *Schemas {
	t.Helper()
	f, err := os.Open(filepath.Join(folder, file))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	doc, err := jsonschema.UnmarshalJSON(f)
	if err != nil {
		t.Fatal(err)
	}
	mend(doc)
	s := &Schemas{compiler: jsonschema.NewCompiler(), name: "mem:///" + file, compiled: map[string]*jsonschema.Schema{}}
	s.compiler.DefaultDraft(jsonschema.Draft2020)
	if err := s.compiler.AddResource(s.name, doc); err != nil {
		t.Fatal(err)
	}
	return s
}

// mend turns the nullable of OpenAPI 3.0, which still stands here and there in
// the documents, into what JSON Schema understands, and takes out keywords of
// an older draft.
func mend(v any) {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			mend(e)
		}
	case map[string]any:
		nullable := v["nullable"] == true
		if kind, ok := v["type"].(string); ok && nullable {
			v["type"] = []any{kind, "null"}
			if list, ok := v["enum"].([]any); ok {
				v["enum"] = append(list, nil)
			}
		}
		if ref, ok := v["$ref"].(string); ok && nullable {
			delete(v, "$ref")
			v["anyOf"] = []any{map[string]any{"$ref": ref}, map[string]any{"type": "null"}}
		}
		delete(v, "$recursiveAnchor")
		delete(v, "$recursiveRef")
		for _, e := range v {
			mend(e)
		}
	}
}

// Check checks text against the schema of this name.
func (s *Schemas) Check(t testing.TB, schema, text string) {
	t.Helper()
	c := s.compiled[schema]
	if c == nil {
		var err error
		if c, err = s.compiler.Compile(s.name + "#/components/schemas/" + schema); err != nil {
			t.Fatal(err)
		}
		s.compiled[schema] = c
	}
	v, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	if err := c.Validate(v); err != nil {
		t.Errorf("does not fit %s: %v\n%s", schema, err, text)
	}
}

// Data returns the data of each event of a stream that Weir wrote, but not
// "[DONE]".
func Data(stream []byte) (all []string) {
	for line := range strings.Lines(string(stream)) {
		if data, ok := strings.CutPrefix(line, "data: "); ok && data != "[DONE]\n" {
			all = append(all, strings.TrimSuffix(data, "\n"))
		}
	}
	return all
}
