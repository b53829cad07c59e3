// Package pin keeps bonds between ids and the upstreams that alone can read
// them: which upstream made a response, a file or another object, for which
// tenant, and with whose credential.
//
// [Table] is a bounded memory of them. It stores no id, no tenant's name and no
// credential, but hashes of them with a key that only this process knows.
//
// It does not know which ids matter, call upstreams, or outlive the process.
package pin
