//go:build !race

package jsonscan_test

// raceDetector is off.
const raceDetector = false
