//go:build race

package chat_test

// splitStep is the distance between the places at which streams are cut. The
// race detector makes each reading ten times slower.
const splitStep = 17
