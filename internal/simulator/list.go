package simulator

import (
	"net/url"
	"slices"
	"strconv"
)

// A pager is what a query says about the page of a list that is wanted.
type pager struct {
	after string
	order string
	limit int
}

// page reads the query; order and limit are what holds if it does not say.
func (c *checker) page(query url.Values, order string, limit, most int) pager {
	p := pager{after: query.Get("after"), order: order, limit: limit}
	if s := query.Get("order"); s != "" {
		c.oneOf("order", s, "asc desc")
		p.order = s
	}
	if s := query.Get("limit"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 || n > most {
			c.fail("limit", "Invalid 'limit': '%s' is not a number between 1 and %d.", s, most)
		}
		p.limit = n
	}
	return p
}

// list returns the page of a list as JSON. The elements are in the order asc.
func (p pager) list(k *checker, ids []string, elements [][]byte) []byte {
	if p.order == "desc" {
		slices.Reverse(ids)
		slices.Reverse(elements)
	}
	from := 0
	if p.after != "" {
		if from = slices.Index(ids, p.after) + 1; from == 0 {
			k.fail("after", "Invalid 'after': there is no '%s' in this list.", p.after)
		}
	}
	to := min(from+p.limit, len(ids))
	b := []byte(`{"object":"list","data":[`)
	for i, e := range elements[from:to] {
		b = append(append(b, openComma(i, "")...), e...)
	}
	first, last := "", ""
	if from < to {
		first, last = ids[from], ids[to-1]
	}
	b = appendString(append(b, `],"first_id":`...), first)
	b = appendString(append(b, `,"last_id":`...), last)
	return append(strconv.AppendBool(append(b, `,"has_more":`...), to < len(ids)), '}')
}
