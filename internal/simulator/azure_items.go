package simulator

import "fmt"

// checkItems refuses items as Azure does: without store it knows no ids, but
// reasoning goes by its id together with what is sealed.
//
// Source: https://github.com/openai/codex/issues/3528 and 35739, read
// 2026-11-21.
func (c *response) checkItems() error {
	var k checker
	for i, e := range c.req("input").elems() {
		item := e.object()
		id, sealed := item.get("id").str(), item.get("encrypted_content").str()
		switch {
		case item.get("type").str() == "reasoning" && sealed != "":
			if id == "" {
				k.fail(fmt.Sprintf("input[%d].id", i), "Missing required parameter: 'input[%d].id'.", i)
			}
			if !c.x.sim.opens(sealed) {
				k.failCode("invalid_encrypted_content", "input", "The encrypted content of input[%d] could not be verified.", i)
			}
		case id != "" && !c.stored:
			k.fail("input", "Item with id '%s' not found. Items are not persisted when `store` is set to false. Try again with `store` set to true, or remove this item from your input.", id)
		}
	}
	return k.err()
}
