// Package listen owns the sockets that clients connect to: addresses, TLS
// certificates and their renewal, HTTP/1.1 and HTTP/2, the time a client may
// take, and the orderly end.
//
// It does not know what is served: it is given an http.Handler. It opens no
// connection to anywhere.
package listen
