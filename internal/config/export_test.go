package config

// MaxSource is the size of the largest document, for tests.
const MaxSource = maxSource
