package config

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// A shape is what a node of a document is.
type shape int

const (
	mapping shape = iota
	sequence
	text    // quoted, or plain and nothing else
	number  // an unquoted number
	boolean // an unquoted true or false
	null    // nothing, or null
)

// shapeNames names shapes in messages.
var shapeNames = [...]string{ // immutable
	mapping: "a mapping", sequence: "a list", text: "a text", number: "a number", boolean: "true or false", null: "nothing",
}

// A node is one value of a document. It is all that is left of the YAML
// library behind this file.
type node struct {
	shape   shape
	pos     Pos
	text    string  // a scalar as it stands in the source, without quotes
	entries []entry // of a mapping, in order of the source, names unique
	items   []*node // of a sequence

	// Of a node that the environment has made: why it is what it is, in a few
	// words for Print, and what to do about a fault in it. Both may be empty.
	why, remedy string
}

// An entry is one name and value of a mapping.
type entry struct {
	name  string
	pos   Pos
	value *node
}

// Bounds of a document. No honest one comes near them; they keep hostile ones
// from costing more than a second.
const (
	maxSource  = 1 << 20 // bytes
	maxMarks   = 150_000 // characters with a meaning in YAML, counted before anything is read
	maxTokens  = 100_000
	maxEntries = 10_000 // keys and items outside brackets, whose cost in the library grows with their square
	maxNesting = 32     // brackets, and block indicators on one line
	maxIndent  = 128    // columns
)

// Plain references hold braces, which YAML does not allow inside { } without
// quotes. While the library reads, these two private characters stand for
// them: one for one, so that columns stay what they are.
const (
	braceOpen  = '\uE000'
	braceClose = '\uE001'
)

var referenceForm = regexp.MustCompile(`\$\{[A-Za-z_][A-Za-z0-9_]*(:-[^{}\r\n]*)?\}`)

// hideBraces exchanges the braces of references; showBraces undoes it.
func hideBraces(src string) string {
	return referenceForm.ReplaceAllStringFunc(src, func(ref string) string {
		return "$" + string(braceOpen) + ref[2:len(ref)-1] + string(braceClose)
	})
}

var showBraces = strings.NewReplacer(string(braceOpen), "{", string(braceClose), "}") // immutable

// parseTree reads a document into a tree. file is its name in positions. A
// fault of syntax ends reading, so there is at most one of those; every
// duplicate is reported. The tree is nil if nothing can be made of the
// document, and for an empty one.
func parseTree(file string, src []byte) (root *node, faults []Fault) {
	b := &treeBuilder{file: file}
	defer func() {
		if r := recover(); r != nil { // the library has panicked on fuzzed documents before
			b.fault(Pos{File: file, Line: 1, Column: 1}, "the document cannot be read as YAML", "write it more plainly")
			root, faults = nil, b.faults
		}
	}()
	if !b.acceptSource(src) {
		return nil, b.faults
	}
	s := strings.TrimPrefix(string(src), "\ufeff")
	if strings.HasPrefix(strings.TrimLeft(s, " \t\r\n"), "{") {
		s = strings.ReplaceAll(s, "\t", " ") // JSON, where tabs are white space and the library miscounts them
	}
	tokens := lexer.Tokenize(hideBraces(s))
	if !b.acceptTokens(tokens) {
		return nil, b.faults
	}
	doc, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		b.syntax(err)
		return nil, b.faults
	}
	for _, d := range doc.Docs {
		if d.Body != nil {
			root = b.node(d.Body)
		}
	}
	return root, b.faults
}

// A treeBuilder turns what the library read into nodes.
type treeBuilder struct {
	file   string
	faults []Fault
}

func (b *treeBuilder) fault(pos Pos, msg, remedy string) {
	b.faults = append(b.faults, Fault{Pos: pos, Msg: msg, Remedy: remedy})
}

func (b *treeBuilder) tooMany(pos Pos) {
	b.fault(pos, "the document has too many parts", "check the file's name; if it is right, write each item of a long list on one line, between { and }")
}

func (b *treeBuilder) pos(t *token.Token) Pos {
	if t == nil || t.Position == nil {
		return Pos{File: b.file, Line: 1, Column: 1}
	}
	return Pos{File: b.file, Line: max(t.Position.Line, 1), Column: max(t.Position.Column, 1)}
}

// acceptSource checks what can be seen before a single token is read.
func (b *treeBuilder) acceptSource(src []byte) bool {
	if len(src) > maxSource {
		b.fault(Pos{File: b.file, Line: 1, Column: 1}, "the document is larger than "+formatSize(maxSource), "a configuration is a few pages; check the file's name")
		return false
	}
	line, column, marks := 1, 1, 0
	for i := 0; i < len(src); {
		r, n := utf8.DecodeRune(src[i:])
		pos := Pos{File: b.file, Line: line, Column: column}
		switch {
		case r == utf8.RuneError && n <= 1:
			b.fault(pos, "the document is not UTF-8", "save it as UTF-8")
			return false
		case r < ' ' && r != '\t' && r != '\n' && r != '\r', r == 0x7f, r == braceOpen, r == braceClose:
			b.fault(pos, fmt.Sprintf("the character U+%04X is not allowed", r), "remove it")
			return false
		}
		i, column = i+n, column+1
		if strings.ContainsRune("[]{},:-?&*!%#", r) {
			marks++
		}
		if marks > maxMarks {
			b.tooMany(pos)
			return false
		}
		if r == '\n' {
			line, column = line+1, 1
		}
	}
	return true
}

// acceptTokens refuses what the schema has no use for, before the library
// follows it recursively.
func (b *treeBuilder) acceptTokens(tokens token.Tokens) bool {
	if len(tokens) > maxTokens {
		b.tooMany(b.pos(tokens[maxTokens]))
		return false
	}
	var flow, onLine, line, entries, documents int
	for _, t := range tokens {
		if t.Position != nil && t.Position.Line != line {
			line, onLine = t.Position.Line, 0
			if flow == 0 && t.Position.Column > maxIndent {
				b.fault(b.pos(t), "the line is indented too far", "indent with two spaces per level")
				return false
			}
		}
		switch t.Type {
		case token.SequenceStartType, token.MappingStartType:
			flow++
		case token.SequenceEndType, token.MappingEndType:
			flow--
		case token.SequenceEntryType, token.MappingKeyType, token.MappingValueType:
			if flow <= 0 {
				onLine++
				entries++
			}
		case token.DocumentHeaderType:
			documents++
		}
		if entries > maxEntries {
			b.tooMany(b.pos(t))
			return false
		}
		if flow > maxNesting || onLine > maxNesting {
			b.fault(b.pos(t), "the document is nested too deeply", "the schema needs no more than six levels")
			return false
		}
		if documents > 1 || (documents == 1 && t.Type == token.DocumentHeaderType && t.Prev != nil && t.Prev.Type != token.CommentType) {
			b.fault(b.pos(t), "a second document begins here", "keep one document per file")
			return false
		}
		if msg, remedy := unsupported(t.Type); msg != "" {
			b.fault(b.pos(t), msg, remedy)
			return false
		}
	}
	return true
}

// unsupported says why a YAML feature is refused; msg is empty if it is not.
func unsupported(t token.Type) (msg, remedy string) {
	switch t {
	case token.AnchorType:
		return "anchors are not supported", "write the value where it is used; put a text that begins with & in quotes"
	case token.AliasType:
		return "aliases are not supported", "write the value where it is used; put a text that begins with * in quotes"
	case token.TagType:
		return "tags are not supported", "remove the tag; put a text that begins with ! in quotes"
	case token.DirectiveType:
		return "directives are not supported", "remove the line; put a text that begins with % in quotes"
	case token.MergeKeyType:
		return "merge keys are not supported", "write the values where they are used"
	case token.MappingKeyType:
		return "complex keys are not supported", "write key: value; put a text that begins with ? in quotes"
	}
	return "", ""
}

// syntax reports the library's own error, without the excerpt of the source
// that it carries: there may be a secret in it.
func (b *treeBuilder) syntax(err error) {
	var e yaml.Error
	if !errors.As(err, &e) {
		b.fault(Pos{File: b.file, Line: 1, Column: 1}, "the document cannot be read as YAML", "write it more plainly")
		return
	}
	msg, remedy := e.GetMessage(), "check indentation, quotes and brackets on this line and the one before"
	switch {
	case strings.Contains(msg, "found character '\t'"):
		msg, remedy = "a tab begins or indents this line", "indent with spaces"
	case strings.Contains(msg, "could not find end character"):
		remedy = "add the closing quote"
	case strings.Contains(msg, "not found"), strings.Contains(msg, "must be specified"):
		remedy = "close the bracket, and put texts that hold [ ] { } or , in quotes"
	case strings.Contains(msg, "mapping value is not allowed"):
		remedy = `check the indentation, and put a text that holds ": " in quotes`
	case strings.Contains(msg, "reserved character"):
		remedy = "put the text in quotes"
	}
	b.fault(b.pos(e.GetToken()), "syntax: "+showBraces.Replace(msg), remedy)
}

// node converts one value. Nesting is bounded by acceptTokens.
func (b *treeBuilder) node(n ast.Node) *node {
	pos := b.pos(n.GetToken())
	scalar := func(s shape, text string) *node {
		return &node{shape: s, pos: pos, text: showBraces.Replace(text)}
	}
	switch n := n.(type) {
	case *ast.MappingNode:
		return b.mapping(pos, n.Values)
	case *ast.MappingValueNode:
		return b.mapping(pos, []*ast.MappingValueNode{n})
	case *ast.SequenceNode:
		out := &node{shape: sequence, pos: pos}
		for _, item := range n.Values {
			out.items = append(out.items, b.node(item))
		}
		return out
	case *ast.StringNode:
		return scalar(text, n.Value)
	case *ast.LiteralNode:
		return scalar(text, n.Value.Value)
	case *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		return scalar(number, n.GetToken().Value)
	case *ast.BoolNode:
		return scalar(boolean, n.GetToken().Value)
	case *ast.NullNode:
		return scalar(null, "")
	}
	b.fault(pos, "this kind of value is not supported", "write a text, a list or a mapping")
	return &node{shape: null, pos: pos}
}

func (b *treeBuilder) mapping(pos Pos, values []*ast.MappingValueNode) *node {
	out := &node{shape: mapping, pos: pos}
	first := make(map[string]Pos, len(values))
	for i, v := range values {
		t := v.Key.GetToken()
		e := entry{name: showBraces.Replace(t.Value), pos: b.pos(t)}
		if _, simple := v.Key.(ast.ScalarNode); !simple {
			b.fault(e.pos, "this kind of key is not supported", "write key: value")
			continue
		}
		if i == 0 && (e.pos.Line < pos.Line || e.pos.Line == pos.Line && e.pos.Column < pos.Column) {
			out.pos = e.pos // the library places a block mapping at its first colon
		}
		if at, twice := first[e.name]; twice {
			b.fault(e.pos, fmt.Sprintf("the key %s is here twice, first in line %d", quote(e.name), at.Line), "remove one of the two")
			continue
		}
		first[e.name] = e.pos
		e.value = b.node(v.Value)
		out.entries = append(out.entries, e)
	}
	return out
}

// quote quotes a text for a message, cut to a length that fits into a line.
func quote(s string) string {
	const most = 80
	if r := []rune(s); len(r) > most {
		s = string(r[:most]) + "…"
	}
	return fmt.Sprintf("%q", s)
}
