package jsonscan

// begins reports whether a string whose raw bytes go on with p begins with
// mark, which is never written but as it is or as \u00xx.
func begins(p []byte, mark string) bool {
	for i := range len(mark) {
		if len(p) == 0 {
			return false
		}
		c, n := p[0], 1
		if c == '\\' {
			if len(p) < 6 || string(p[1:4]) != "u00" {
				return false
			}
			high, low := hexDigits[p[4]], hexDigits[p[5]]
			if high == 0 || low == 0 {
				return false
			}
			c, n = (high-1)<<4|(low-1), 6
		}
		if c != mark[i] {
			return false
		}
		p = p[n:]
	}
	return true
}
