package listen

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// recheck is how often, at most, the files are looked at. A renewed
// certificate is served to handshakes that begin this much later.
const recheck = time.Second

// certificates serves one pair of files and notices when they change. A pair
// that cannot be used never replaces one that can.
type certificates struct {
	certFile, keyFile string
	log               *slog.Logger

	mu      sync.Mutex
	current *tls.Certificate // guarded by mu, as are all below
	stamp   stamp            // of the files that current, or the last fault, came from
	checked time.Time
}

// stamp changes when a file is replaced or written.
type stamp struct {
	certTime, keyTime time.Time
	certSize, keySize int64
}

func loadCertificates(certFile, keyFile string, log *slog.Logger) (*certificates, error) {
	c := &certificates{certFile: certFile, keyFile: keyFile, log: log}
	st, err := c.stat()
	if err != nil {
		return nil, err
	}
	pair, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		return nil, fmt.Errorf("loading the certificate %s with key %s: %w", certFile, keyFile, err)
	}
	c.current, c.stamp, c.checked = &pair, st, time.Now()
	if pair.Leaf != nil && time.Now().After(pair.Leaf.NotAfter) {
		log.Warn("the certificate has expired", "cert", certFile, "not_after", pair.Leaf.NotAfter)
	}
	return c, nil
}

func (c *certificates) stat() (stamp, error) {
	cert, err := os.Stat(c.certFile)
	if err != nil {
		return stamp{}, fmt.Errorf("reading the certificate: %w", err)
	}
	key, err := os.Stat(c.keyFile)
	if err != nil {
		return stamp{}, fmt.Errorf("reading the certificate's key: %w", err)
	}
	return stamp{cert.ModTime(), key.ModTime(), cert.Size(), key.Size()}, nil
}

// get is tls.Config.GetCertificate.
func (c *certificates) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := time.Now(); now.Sub(c.checked) >= recheck {
		c.checked = now
		c.reload()
	}
	return c.current, nil
}

// reload replaces current if the files have changed and are a pair. Each
// state of the files is reported once. c.mu is held.
func (c *certificates) reload() {
	st, err := c.stat()
	if err != nil || st == c.stamp {
		return // a file that is being replaced is looked at again
	}
	c.stamp = st
	pair, err := tls.LoadX509KeyPair(c.certFile, c.keyFile)
	if err != nil {
		c.log.Error("certificate not reloaded, the old one is kept", "cert", c.certFile, "error", err.Error())
		return
	}
	c.current = &pair
	c.log.Info("certificate reloaded", "cert", c.certFile, "not_after", pair.Leaf.NotAfter)
}
