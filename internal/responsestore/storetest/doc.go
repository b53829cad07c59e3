// Package storetest is what every backend of package responsestore must do, as
// tests. It does not know how one is made.
package storetest
