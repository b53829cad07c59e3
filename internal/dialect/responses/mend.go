package responses

import (
	"regexp"
	"slices"

	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/jsonscan"
	"github.com/weir-gateway/weir/internal/jsontree"
)

// missingItem is how OpenAI and Azure refuse the id of an item that they do not
// keep, with "Items are not persisted when `store` is set to false" behind it.
var missingItem = regexp.MustCompile(`^Item with id '([^']{1,256})' not found\.`)

// Mend knows two refusals: of an id that the upstream does not keep, for which
// the items say all they are without their ids, and of encrypted reasoning that
// it has not made. Without the reasoning it would not know the ids of the items
// that came of it either.
func (d Dialect) Mend(body, refusal []byte, t dialect.Trim) (dialect.Trim, bool) {
	v, err := jsontree.Parse(refusal)
	if err != nil {
		return dialect.Trim{}, false
	}
	var cure dialect.Trim
	id := ""
	switch e := v.Get("error"); {
	case e.Get("code").Is("invalid_encrypted_content"):
		cure = dialect.Trim{Foreign: true, ForeignIDs: true}
	default:
		m := missingItem.FindStringSubmatch(e.Get("message").Text())
		if m == nil {
			return dialect.Trim{}, false
		}
		cure, id = dialect.Trim{ForeignIDs: true}, m[1]
	}
	sent, _ := d.Trim(body, t)
	mended, _ := d.Trim(body, t.And(cure))
	same := slices.EqualFunc(sent, mended, func(a, b jsonscan.Edit) bool { return a.Span == b.Span })
	if same || id != "" && hasItem(jsonscan.Splice(nil, body, mended...), id) {
		return dialect.Trim{}, false
	}
	return cure, true
}

// hasItem reports whether an item of a request has this id.
func hasItem(body []byte, id string) bool {
	v, err := jsontree.Parse(body)
	for _, item := range v.Get("input").Elements() {
		if item.Get("id").Is(id) {
			return true
		}
	}
	return err != nil
}
