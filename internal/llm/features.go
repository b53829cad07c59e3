package llm

// Features are what a request uses of its protocol beyond what every server of
// the protocol takes. The zero value is nothing.
type Features uint16

// The features.
const (
	FeatureCustomTools Features = 1 << iota // tools with free text
	FeatureNamespaces
	FeatureClientTools  // shells, patches and searches that the client runs
	FeatureToolItems    // tools that are declared on the way
	FeatureState        // what the server has kept: earlier responses, items
	FeatureUnknownItems // items that only their maker can read, or nobody knows
)

// Needs returns the features that r uses.
func (r *Request) Needs() Features {
	needs := Features(0)
	if r.PreviousID != "" || r.Other("conversation") != nil {
		needs |= FeatureState
	}
	for i := range r.Tools {
		needs |= r.Tools[i].needs()
	}
	for i := range r.Items {
		item := &r.Items[i]
		switch item.Kind {
		case ItemTools:
			needs |= FeatureToolItems
		case ItemReference:
			needs |= FeatureState
		case ItemHosted, ItemUnknown:
			needs |= FeatureUnknownItems
		case ItemCall, ItemOutput:
			needs |= (&Tool{Kind: item.Tool}).needs()
			if item.Namespace != "" {
				needs |= FeatureNamespaces
			}
		}
	}
	return needs
}

func (t *Tool) needs() Features {
	switch t.Kind {
	case ToolCustom:
		return FeatureCustomTools
	case ToolNamespace:
		needs := FeatureNamespaces
		for i := range t.Tools {
			needs |= t.Tools[i].needs()
		}
		return needs
	case ToolLocalShell, ToolShell, ToolApplyPatch, ToolSearch:
		return FeatureClientTools
	default:
		return 0
	}
}
