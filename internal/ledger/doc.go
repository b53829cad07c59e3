// Package ledger keeps the account of what was asked and what was used: one
// [Entry] per authenticated exchange, whatever its end.
//
// It does not decide what an exchange may use (package limit will), and it
// does not price anything. [Memory] is the implementation that needs no disk;
// it says what it forgets.
package ledger
