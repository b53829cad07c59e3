package jsontree

import "github.com/weir-gateway/weir/internal/jsonscan"

// Place returns where v is in the text that was parsed. It is the zero Span if
// v is absent.
func (v Value) Place() jsonscan.Span {
	if v.t == nil {
		return jsonscan.Span{}
	}
	n := v.node()
	return jsonscan.Span{Start: int(n.start), End: int(n.end)}
}

// Cuts appends what must be taken out of the text so that v, an object or an
// array, loses the members or elements for which drop is true and every other
// byte stays as it is: the children with the comma that goes with each. The
// spans are ascending, lie within v, and may touch each other. drop is called
// once for each child, with its place; name is empty for an element.
func (v Value) Cuts(dst []jsonscan.Span, drop func(at int, name string, child Value) bool) []jsonscan.Span {
	if v.Kind() < Object {
		return dst
	}
	kept, before := false, 0 // a child that stays stands before; where the last child ended
	at, last := 0, v.node().next
	for i := v.i + 1; i < last; i = v.t.nodes[i].next {
		n := &v.t.nodes[i]
		name := ""
		if n.nameEnd > 0 {
			name = unquote(v.t.src[n.nameStart:n.nameEnd])
		}
		switch {
		case !drop(at, name, Value{v.t, i}):
			kept = true
		case kept:
			dst = append(dst, jsonscan.Span{Start: before, End: int(n.end)})
		case n.next < last:
			dst = append(dst, jsonscan.Span{Start: n.begins(), End: v.t.nodes[n.next].begins()})
		default:
			dst = append(dst, jsonscan.Span{Start: n.begins(), End: int(n.end)})
		}
		before = int(n.end)
		at++
	}
	return dst
}

// begins returns where n begins, the name of a member included.
func (n *node) begins() int {
	if n.nameEnd > 0 {
		return int(n.nameStart)
	}
	return int(n.start)
}
