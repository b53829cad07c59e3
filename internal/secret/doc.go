// Package secret holds the root secret, from which every key that Weir seals
// something with is derived.
//
// A [Root] is a list of secrets of 32 bytes: the first seals, all of them open,
// so that one can be replaced while what it has sealed is still in use. Keys
// are derived with HKDF-SHA256 (RFC 5869) and a label that says what they are
// for, so that what was sealed for one purpose does not open for another.
//
// What a [Box] has sealed is
//
//	version (1 byte) | id of the secret (4) | salt (12) | nonce (12) | AES-256-GCM
//
// Every sealing has a key of its own, derived from the purpose's key and the
// salt, and a random nonce. Salt and nonce together are 192 random bits: after
// 2^80 sealings for one purpose the odds that two had both in common are still
// below 2^-32, so that there is no count to keep and no reason to replace a
// secret but that somebody may have seen it.
//
// It encrypts no streams, keeps nothing but the one file of [Open], and hides
// neither how long something is nor which secret has sealed it. Nothing in it
// prints a secret or a key.
package secret
