// Package pin keeps bonds between ids and the upstreams that alone can read
// them: which upstream made a response, a file or another object, for which
// tenant, and with whose credential.
//
// [Table] is a bounded memory of them. It stores no id, no tenant's name and no
// credential, but hashes of them with a key that only Weir knows. A [Backend]
// behind it remembers more, for longer than the process lives; it is told later,
// and asked only for what the table does not know.
//
// It does not know which ids matter, or call upstreams.
package pin
