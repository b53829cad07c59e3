package upstream

import "net/url"

// headerSimulator is the prefix of the headers that tell the simulator how to
// misbehave. They pass to this kind alone.
const headerSimulator = "X-Sim-"

// planSimulator is for Weir's own model server, which serves every operation.
func planSimulator(base *url.URL) plan { return planCompatible(base) }
