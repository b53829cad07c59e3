package config

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/jsonschema-go/jsonschema"
)

// What is made from the types of config*.go, and compared or rewritten here.
const (
	referencePage = "../../docs/reference/configuration.md"
	referenceHead = "testdata/reference/head.md"
	schemaFile    = "schema.json"
)

func TestReferencePageIsMadeFromTheTypes(t *testing.T) {
	head, err := os.ReadFile(referenceHead)
	if err != nil {
		t.Fatal(err)
	}
	var page bytes.Buffer
	page.Write(head)
	writeReference(&page, readComments(t), reflect.TypeFor[Config](), "")
	compareGenerated(t, referencePage, page.Bytes())
}

func TestSchemaIsMadeFromTheTypes(t *testing.T) {
	s := schemaOf(readComments(t), reflect.TypeFor[Config]())
	s.Schema = "https://json-schema.org/draft/2020-12/schema"
	s.Title = "The configuration of Weir"
	out, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	compareGenerated(t, schemaFile, append(out, '\n'))
}

// compareGenerated fails if a generated file is stale, or rewrites it.
func compareGenerated(t *testing.T, name string, want []byte) {
	t.Helper()
	if flag.Lookup("update").Value.String() == "true" {
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, want, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	got, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s is stale; run go test ./internal/config -update (-want +got):\n%s", name, diff)
	}
}

// comments are the comments of config*.go: :: "Type" or "Type.Field" → text.
type comments map[string]string

func readComments(t *testing.T) comments {
	t.Helper()
	names, err := filepath.Glob("config*.go")
	if err != nil {
		t.Fatal(err)
	}
	out := comments{}
	for _, name := range names {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		out.read(file)
	}
	return out
}

func (c comments) read(file *ast.File) {
	ast.Inspect(file, func(n ast.Node) bool {
		decl, ok := n.(*ast.GenDecl)
		if !ok {
			return true
		}
		for _, spec := range decl.Specs {
			spec, ok := spec.(*ast.TypeSpec)
			if !ok {
				continue
			}
			c[spec.Name.Name] = decl.Doc.Text()
			if st, ok := spec.Type.(*ast.StructType); ok {
				for _, f := range st.Fields.List {
					for _, name := range f.Names {
						c[spec.Name.Name+"."+name.Name] = f.Doc.Text()
					}
				}
			}
		}
		return true
	})
}

// field returns the comment of a field on one line, and of the type it holds
// in a parsed form.
func (c comments) field(t reflect.Type, f field) string {
	return strings.Join(strings.Fields(c[t.Name()+"."+t.Field(f.index).Name]), " ")
}

func TestEveryFieldHasAComment(t *testing.T) {
	all := readComments(t)
	var walk func(reflect.Type)
	walk = func(typ reflect.Type) {
		for _, f := range fieldsOf(typ) {
			if all.field(typ, f) == "" {
				t.Errorf("%s.%s has no comment", typ.Name(), typ.Field(f.index).Name)
			}
			if inner := structOf(typ.Field(f.index).Type); inner != nil {
				walk(inner)
			}
		}
	}
	walk(reflect.TypeFor[Config]())
}

// structOf returns the struct that t is or is a list of, or nil.
func structOf(t reflect.Type) reflect.Type {
	if t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct || t == secretType {
		return nil
	}
	return t
}

// writeReference writes a section for every key below path.
func writeReference(w *bytes.Buffer, c comments, t reflect.Type, path string) {
	for _, f := range fieldsOf(t) {
		ft, at := t.Field(f.index).Type, join(path, f.name)
		fmt.Fprintf(w, "\n%s `%s`\n\n", heading(path), at)
		fmt.Fprintf(w, "*%s*\n\n%s\n", facts(f, ft), c.field(t, f))
		inner := structOf(ft)
		switch {
		case inner == nil || f.inherit != "":
			continue
		case inner == retryType:
			fmt.Fprintf(w, "\n%s\n", strings.TrimPrefix(strings.Join(strings.Fields(c["Retry"]), " "), "Retry is "))
		case inner == authType:
			fmt.Fprintf(w, "\n%s\n", strings.TrimPrefix(strings.Join(strings.Fields(c["Auth"]), " "), "Auth is "))
		case ft.Kind() == reflect.Slice:
			at += "[]"
		}
		writeReference(w, c, inner, at)
	}
}

func heading(path string) string {
	if path == "" {
		return "##"
	}
	return "###"
}

// facts is what the tags say about a field.
func facts(f field, t reflect.Type) string {
	parts := []string{typeName(f, t)}
	if f.required {
		parts = append(parts, "required")
	}
	if f.fallback != "" {
		parts = append(parts, "default `"+f.fallback+"`")
	}
	if f.inherit != "" {
		parts = append(parts, "default: the values of `"+f.inherit+"`")
	}
	if t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	if f.max != 0 {
		r := "from `" + f.format(t, f.min) + "` to `" + f.format(t, f.max) + "`"
		if f.min == 0 {
			r = "at most `" + f.format(t, f.max) + "`"
		}
		if f.off {
			r += ", or `off`"
		}
		parts = append(parts, r)
	}
	return strings.Join(parts, " · ")
}

func typeName(f field, t reflect.Type) string {
	switch {
	case len(f.enum) > 0:
		return "`" + strings.Join(f.enum, "`, `") + "`"
	case t == secretType:
		return "secret"
	case t == authType:
		return "`none`, `passthrough` or a mapping"
	case t.Kind() == reflect.Slice && structOf(t) != nil:
		return "list of mappings"
	case t == retryType:
		return "`none`, `standard`, `patient` or a mapping"
	case t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Int:
		return "list of whole numbers"
	case t.Kind() == reflect.Slice:
		return "list of texts"
	case t.Kind() == reflect.Map && t.Elem() == secretType:
		return "mapping of names to secrets"
	case t.Kind() == reflect.Map:
		return "mapping of texts to texts"
	case f.inherit != "":
		return "mapping with the keys of `" + f.inherit + "`"
	case t.Kind() == reflect.Struct:
		return "mapping"
	case f.path:
		return "path of a file"
	case t.Kind() == reflect.Bool, t.Kind() == reflect.Pointer:
		return "`true` or `false`"
	default:
		return strings.TrimPrefix(f.wanted(t), "a ")
	}
}

// schemaOf returns the schema of a struct.
func schemaOf(c comments, t reflect.Type) *jsonschema.Schema {
	s := &jsonschema.Schema{
		Type: "object", Properties: map[string]*jsonschema.Schema{},
		AdditionalProperties: &jsonschema.Schema{Not: &jsonschema.Schema{}},
	}
	for _, f := range fieldsOf(t) {
		p := schemaOfField(c, f, t.Field(f.index).Type)
		p.Description = c.field(t, f)
		s.Properties[f.name] = p
		s.PropertyOrder = append(s.PropertyOrder, f.name)
		if f.required {
			s.Required = append(s.Required, f.name)
		}
	}
	switch t {
	case reflect.TypeFor[Config]():
		s.Properties["models"].MinItems = new(1)
		s.AnyOf = []*jsonschema.Schema{{Required: []string{"models"}}, {Required: []string{"transparent"}}}
	case reflect.TypeFor[Upstream]():
		restrictUpstream(s)
	case reflect.TypeFor[Key]():
		s.Properties["name"] = described(orReference(&jsonschema.Schema{Type: "string", Pattern: keyNameForm.String()}), s.Properties["name"])
		s.Properties["tenant"] = described(orReference(&jsonschema.Schema{Type: "string", Pattern: nameForm.String()}), s.Properties["tenant"])
		s.Properties["secret"] = described(orReference(&jsonschema.Schema{Type: "string", Pattern: `^[!-~]{16,}$`}), s.Properties["secret"])
		s.Properties["models"].MinItems = new(1)
	case reflect.TypeFor[Model]():
		s.Properties["name"].MinLength = new(1)
	}
	return s
}

func described(s, from *jsonschema.Schema) *jsonschema.Schema {
	s.Description, s.Default = from.Description, from.Default
	return s
}

// restrictUpstream adds what depends on the kind.
func restrictUpstream(s *jsonschema.Schema) {
	s.Properties["name"] = described(orReference(&jsonschema.Schema{Type: "string", Pattern: nameForm.String()}), s.Properties["name"])
	when := func(then *jsonschema.Schema, kinds ...Kind) {
		is := &jsonschema.Schema{Required: []string{"kind"}, Properties: map[string]*jsonschema.Schema{"kind": {}}}
		for _, k := range kinds {
			is.Properties["kind"].Enum = append(is.Properties["kind"].Enum, string(k))
		}
		s.AllOf = append(s.AllOf, &jsonschema.Schema{If: is, Then: then})
	}
	without := func(names ...string) *jsonschema.Schema {
		not := &jsonschema.Schema{Properties: map[string]*jsonschema.Schema{}}
		for _, n := range names {
			not.Properties[n] = &jsonschema.Schema{Not: &jsonschema.Schema{}}
		}
		return not
	}
	when(&jsonschema.Schema{Required: []string{"auth"}}, KindAzure, KindOpenAI, KindAnthropic)
	when(&jsonschema.Schema{Required: []string{"endpoint"}}, KindAzure, KindOllama, KindCompatible)
	when(without("api", "api_version"), KindOpenAI, KindAnthropic, KindOllama, KindCompatible, KindSimulator)
	when(without("headers"), KindAzure, KindOpenAI, KindAnthropic, KindOllama, KindSimulator)
}

// orReference admits a value that is, or has in it, a reference.
func orReference(s *jsonschema.Schema) *jsonschema.Schema {
	return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{s, {Type: "string", Pattern: `\$\{|^file:/`}}}
}

func schemaOfField(c comments, f field, t reflect.Type) *jsonschema.Schema {
	s := &jsonschema.Schema{}
	switch {
	case t == secretType:
		s.Type, s.MinLength = "string", new(1)
	case t == authType:
		return schemaOfAuth(c)
	case t.Kind() == reflect.Slice && structOf(t) != nil:
		s.Type, s.Items = "array", schemaOf(c, t.Elem())
		if f.required {
			s.MinItems = new(1)
		}
	case t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Int:
		s.Type, s.Items = "array", schemaOfField(c, f, t.Elem())
	case t.Kind() == reflect.Slice:
		s.Type, s.Items = "array", &jsonschema.Schema{Type: "string", MinLength: new(1)}
	case t.Kind() == reflect.Map && t.Elem() != secretType:
		s.Type, s.AdditionalProperties = "object", &jsonschema.Schema{Type: "string", MinLength: new(1)}
	case t.Kind() == reflect.Map:
		s.Type = "object"
		s.PropertyNames = &jsonschema.Schema{Pattern: headerName.String()}
		s.AdditionalProperties = &jsonschema.Schema{Type: "string", MinLength: new(1)}
	case t == retryType:
		return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{
			{Enum: []any{string(RetryNone), string(RetryStandard), string(RetryPatient)}},
			schemaOf(c, t),
			{Type: "string", Pattern: `\$\{|^file:/`},
		}}
	case t.Kind() == reflect.Struct:
		return schemaOf(c, t)
	case t.Kind() == reflect.Pointer:
		s = orReference(&jsonschema.Schema{Type: "boolean"})
	case t.Kind() == reflect.Bool:
		s = orReference(&jsonschema.Schema{Type: "boolean"})
		if f.fallback != "" {
			s.Default = json.RawMessage(f.fallback)
		}
	case len(f.enum) > 0:
		e := &jsonschema.Schema{}
		for _, v := range f.enum {
			e.Enum = append(e.Enum, v)
		}
		s = orReference(e)
	case t == durationType:
		s = orReference(&jsonschema.Schema{Type: "string", Pattern: durationRun.String()})
		if f.off {
			s.AnyOf = append(s.AnyOf, &jsonschema.Schema{Enum: []any{off}})
		}
	case t.Kind() == reflect.Int:
		n := &jsonschema.Schema{Type: "integer"}
		if f.max != 0 {
			low, high := float64(f.min), float64(f.max)
			n.Minimum, n.Maximum = &low, &high
		}
		s = orReference(n)
		if f.off {
			s.AnyOf = append(s.AnyOf, &jsonschema.Schema{Enum: []any{off}})
		}
	case t == dollarsType:
		s = orReference(&jsonschema.Schema{Type: "number"})
	case t.Kind() == reflect.Int64:
		s = orReference(&jsonschema.Schema{Type: "string", Pattern: sizePattern()})
	default:
		s.Type = "string"
	}
	if f.fallback != "" && t.Kind() != reflect.Bool {
		s.Default = defaultJSON(t, f.fallback)
	}
	return s
}

func defaultJSON(t reflect.Type, s string) json.RawMessage {
	var v any = s
	switch {
	case t.Kind() == reflect.Slice:
		v = []string{s}
	case t.Kind() == reflect.Int, t == dollarsType:
		v = json.Number(s)
	}
	out, _ := json.Marshal(v) // texts and numbers alone
	return out
}

func sizePattern() string {
	names := make([]string, len(sizeUnits))
	for i, u := range sizeUnits {
		names[i] = u.name
	}
	return "^[0-9]+(" + strings.Join(names, "|") + ")$"
}

func schemaOfAuth(c comments) *jsonschema.Schema {
	credential := schemaOf(c, authType)
	credential.MinProperties, credential.MaxProperties = new(1), new(1)
	return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{
		{Enum: []any{string(AuthNone), string(AuthPassthrough)}},
		credential,
		{Type: "string", Pattern: `\$\{|^file:/`},
	}}
}
