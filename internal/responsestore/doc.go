// Package responsestore keeps the responses of clients that want to go on with
// them (`previous_response_id`), where the upstream keeps nothing.
//
// [Store] holds the rules. Everything is looked up by tenant, so that another
// tenant's id, an expired one and one that never was are the same
// [ErrNotFound]. A record never changes once it is there. It holds what its own
// request added; a conversation is the chain of a record and its parents, and
// two children of one parent do not see each other. A record lives for one TTL
// after it was made, and nothing prolongs it: what was said is gone after that
// time, also where the conversation goes on. A tenant has room for so many
// records and bytes; when it is full its oldest records go.
//
// Behind it is a [Backend], which keeps rows and cannot read them: what a record
// says is sealed with a key of its tenant, and opens nowhere else than in the
// row of its tenant and id. Ids, times and sizes are in the open.
//
// It does not know what an item means, mint ids, decide what is stored, or call
// upstreams.
package responsestore
