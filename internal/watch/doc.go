// Package watch tells when files may have changed, however they are changed:
// written in place, replaced by another of the name, or reached through a link
// that is set anew, as Kubernetes does with what it mounts.
//
// Package watch does not read the files, and does not know whether they have
// changed: who is told must look.
package watch
