package config

// MaxSource is the size of the largest document, for tests.
const MaxSource = maxSource

// ParseEnvFile returns the variables of a file, for tests.
func ParseEnvFile(file, text string) (names, values []string, faults []Fault) {
	vars, faults := parseEnvFile(file, text)
	for _, v := range vars {
		names, values = append(names, v.name), append(values, v.value)
	}
	return names, values, faults
}
