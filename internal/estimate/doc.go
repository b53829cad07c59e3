// Package estimate says about how many tokens something is, where nobody has
// counted: a request in the neutral form, whose parts are told apart, or bytes
// of which no more is known than whether they are text.
//
// It is a rule of thumb and no tokenizer: it knows no model, loads no
// vocabulary and is off by a quarter for most texts and by more for pictures,
// whose size it does not look at. It does not estimate answers, and knows
// nothing of what was kept elsewhere.
package estimate
