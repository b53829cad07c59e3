// Package registry keeps live objects (connections, counters, what has been
// learnt about a server) by the settings that define them, for as long as
// somebody uses them. Two configurations that say the same about an upstream
// share its object, so that nothing is lost when one replaces the other.
//
// Package registry does not know what it keeps, starts nothing by itself and
// keeps nothing that nobody uses.
package registry
