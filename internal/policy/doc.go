// Package policy holds the rules of the house as tests: which package may
// import which, what a package comment says, what a binary may be linked
// with, how long a function may be, what no file may contain.
//
// A rule that a program can check is not left to a reviewer's eye. Each rule
// is a function from the repository's files to findings, and each is itself
// tested on small sources that break it, so that a rule which has stopped
// finding anything is noticed. Formatting and style are not checked here:
// golangci-lint does that. There is nothing to import: the package is tests.
package policy
