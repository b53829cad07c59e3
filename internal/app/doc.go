// Package app is the program as a value: [New] builds everything that a
// configuration describes, [App.Run] serves until it is told to stop and tears
// down in reverse.
//
// It is the only place where the parts meet; it holds no rule of its own. It
// reads no flags and handles no signals: that is the business of cmd/weir.
package app
