// Package auth tells who is calling: it finds the one credential in a
// request's headers and turns it into a [Principal].
//
// It decides who somebody is and which models they may name. It does not
// decide how much they may use, and it never sees a request's body. Secrets
// are kept as digests only.
package auth
