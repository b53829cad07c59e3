package responses

import (
	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/jsontree"
)

// Sealed returns what of a request its maker alone can read, the newest first
// and at most this many: encrypted content of reasoning and of compactions.
// What Weir has sealed is not among it. It parses the whole input, and is for
// those who have to choose. body has passed ReadRequest.
func (Dialect) Sealed(body []byte, most int) []string {
	found, err := trimmed.Scan(body, nil)
	input, given := found.First(trimInput)
	if err != nil || !given {
		return nil
	}
	list, err := jsontree.Parse(body[input.Span.Start:input.Span.End])
	if err != nil {
		return nil
	}
	var items []jsontree.Value
	for _, item := range list.Elements() {
		if s := item.Get("encrypted_content"); s.Kind() == jsontree.String && !s.Is("") && !dialect.IsSealed(s) {
			items = append(items, s)
		}
	}
	var all []string
	for i := len(items) - 1; i >= 0 && len(all) < most; i-- {
		all = append(all, items[i].Text())
	}
	return all
}
