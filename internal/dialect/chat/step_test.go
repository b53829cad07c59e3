//go:build !race

package chat_test

// splitStep is the distance between the places at which streams are cut.
const splitStep = 1
