// Package stats reduces the samples of interleaved rounds to the few numbers
// that are worth reading: medians, and ratios taken round by round.
//
// A ratio is taken inside a round, where both sides saw the same noise, and
// the median is taken over the rounds; the ratio of two medians would mix
// rounds. It does not test hypotheses and knows nothing of what was measured.
package stats
