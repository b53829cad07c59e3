package messages

import (
	"strconv"

	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/jsonscan"
	"github.com/weir-gateway/weir/internal/jsontree"
)

var messagesAlone = jsonscan.Compile(jsonscan.Spec{Watch: []string{"messages"}}) // immutable

// Trim takes out thinking that Weir has signed or redacted, and messages of
// nothing else. Servers of the protocol take no thinking that they have not
// signed, and know no ids.
func (Dialect) Trim(body []byte, t dialect.Trim) ([]jsonscan.Edit, []dialect.Loss) {
	found, err := messagesAlone.Scan(body, nil)
	if err != nil || len(found.Hits) == 0 || !t.Sealed {
		return nil, nil
	}
	list, err := jsontree.Parse(body[found.Hits[0].Span.Start:found.Hits[0].Span.End])
	if err != nil {
		return nil, nil // never: Scan has read it
	}
	var losses []dialect.Loss
	var inner, cuts []jsonscan.Span
	cuts = list.Cuts(nil, func(i int, _ string, m jsontree.Value) bool {
		content, before := m.Get("content"), len(losses)
		blocks := content.Cuts(nil, func(k int, _ string, b jsontree.Value) bool {
			if !sealedBlock(b) {
				return false
			}
			losses = append(losses, dialect.Loss{Path: "messages[" + strconv.Itoa(i) + "].content[" + strconv.Itoa(k) + "]", Why: dialect.Sealed})
			return true
		})
		if cut := len(losses) - before; cut > 0 && cut == content.Len() {
			return true
		}
		inner = append(inner, blocks...)
		return false
	})
	return dialect.Edits(found.Hits[0].Span.Start, append(cuts, inner...)), losses
}

func sealedBlock(b jsontree.Value) bool {
	return dialect.IsSealed(b.Get("signature")) || b.Get("type").Is("redacted_thinking") && dialect.IsSealed(b.Get("data"))
}
