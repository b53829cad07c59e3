// Package store is SQLite: one file, weir.db, in a folder that one process has
// to itself.
//
// [Open] locks the folder, makes or upgrades the file and looks whether the
// root secret is the one that what is in there was sealed with. It holds the
// rows of package responsestore and the pins of package pin, each through a
// view ([DB.Responses], [DB.Pins]) that implements what those packages ask for.
//
// One goroutine writes. It takes what has come while the disk was busy into one
// transaction, so that many who wait at once share one flush (group commit); a
// write that fails takes none of the others with it. Readers do not wait for
// it, nor it for them (write-ahead log). What a write returned for survives the
// machine.
//
// The schema is a list of steps in migrations/, each of which is never changed
// once it was released, and there is no way back.
//
// It seals nothing but the check of the root secret, has no rules of its own
// about who may see what, and no caches.
package store
