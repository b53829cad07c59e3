// Proxy serves a bare httputil.ReverseProxy, the peer of the benchmark. See
// package bareproxy.
//
//	proxy -listen 127.0.0.1:8080 -upstream http://127.0.0.1:9090
//
// It does nothing that is not in that package. It runs until SIGTERM or SIGINT and then closes at once.
package main
