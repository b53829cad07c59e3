package responses

import (
	"bytes"
	"slices"

	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/jsonscan"
)

// The own members of a request, behind those of images: ids of what an upstream
// keeps, and in front of them those that say what an item of the input is.
//
// Source: OpenAI's OpenAPI document, schema CreateResponse, all members of its
// parts that end in _id, _ids or are containers, conversations and items. Not
// among them are ids of nothing that is kept (call_id), of what everybody may
// use (connector_id, skill_id, prompt.id) and of what is sent along with the
// id (results, annotations).
const (
	inItemType = dialect.FirstOwn + images + iota
	inItemRole
	inItemSealed
	inItemResult
	inItemID
	inReferences // the first of the ids that are nothing but references
)

var ownMembers = []string{ // immutable; those from inReferences on
	"previous_response_id",
	"conversation",
	"conversation.id",
	"prompt.variables.*.file_id",
	"input[].container_id",
	"input[].environment.container_id",
	"input[].content[].file_id",
	"input[].output.file_id",
	"input[].output[].file_id",
	"input[].tools[].container",
	"input[].tools[].container.file_ids[]",
	"input[].tools[].environment.container_id",
	"input[].tools[].environment.file_ids[]",
	"input[].tools[].input_image_mask.file_id",
	"input[].tools[].vector_store_ids[]",
	"tools[].container",
	"tools[].container.file_ids[]",
	"tools[].environment.container_id",
	"tools[].environment.file_ids[]",
	"tools[].input_image_mask.file_id",
	"tools[].vector_store_ids[]",
}

// images is how many of the own members only images have.
const images = 3

var imageMembers = [images]string{ // immutable
	"input[].content[].image_url",
	"input[].output[].image_url",
	"input[].output.image_url",
}

var members = dialect.Members(slices.Concat(imageMembers[:], []string{ // immutable
	0:                         "input[].type",
	inItemRole - inItemType:   "input[].role",
	inItemSealed - inItemType: "input[].encrypted_content",
	inItemResult - inItemType: "input[].result",
	inItemID - inItemType:     "input[].id",
}, ownMembers)...)

var request = jsonscan.Compile(jsonscan.Spec{ // immutable
	Watch: members,
	Sift:  map[string]jsonscan.Sieve{"input[]": siftItem},
	Mark:  dialect.SealPrefix,
})

// siftItem keeps what only images have, and the ids that the upstream would look up: those of files and
// containers, and the item's own if the upstream would take from there what
// the item does not say itself.
func siftItem(body []byte, hits []jsonscan.Hit) int {
	var item [inReferences - inItemType]jsonscan.Hit
	for _, h := range hits {
		if inItemType <= h.Path && h.Path < inReferences {
			item[h.Path-inItemType] = h
		}
	}
	stands := func(path int) bool { return item[path-inItemType].Kind == jsonscan.String }
	refers := false
	if stands(inItemID) {
		switch kind := item[0]; {
		case !stands(inItemType):
			refers = !stands(inItemRole) // a message may go without its type, and so may a reference
		default:
			raw := body[kind.Span.Start:kind.Span.End]
			refers = is(raw, `"item_reference"`) ||
				is(raw, `"reasoning"`) && !stands(inItemSealed) ||
				is(raw, `"image_generation_call"`) && !stands(inItemResult)
		}
	}
	kept := 0
	for _, h := range hits {
		if h.Path < inItemType || h.Path >= inReferences || h.Path == inItemID && refers {
			hits[kept] = h
			kept++
		}
	}
	return kept
}

// is reports whether two JSON strings say the same. want has no escapes.
func is(raw []byte, want string) bool {
	if bytes.IndexByte(raw, '\\') < 0 {
		return string(raw) == want
	}
	s, err := jsonscan.Unquote(raw)
	return err == nil && s == want[1:len(want)-1]
}
