//go:build race

package jsonscan_test

// raceDetector is on: sync.Pool then drops values at random, so that
// allocations cannot be counted.
const raceDetector = true
