package llm

// A Builder makes an [Reply] out of what arrives, and tells of each step. It
// sees to the order that events have: every item and part begins before and
// ends after what is in it, and nothing comes after the end.
//
// A Builder is for one answer and one goroutine.
type Builder struct {
	// Tools says what the names mean by which the upstream calls tools: calls
	// become what the client declared. May be nil.
	Tools ToolMap

	reply Reply
	emit  func(Event)
	open  []openItem // by index of the item
	begun bool
	over  bool
}

type openItem struct {
	done bool
	part bool   // its last part is open
	text []byte // of the open part, or of the call's input
	logs []byte // the elements of the open part's log probabilities

	wrapped bool // the input is a function's, which stands for another tool's
}

// NewBuilder returns a Builder that tells emit of each event. A nil emit is
// for those who want the answer only.
func NewBuilder(emit func(Event)) *Builder {
	if emit == nil {
		emit = func(Event) {}
	}
	return &Builder{emit: emit, reply: Reply{Status: StatusInProgress}}
}

// Reply returns the answer as it is now.
func (b *Builder) Reply() *Reply { return &b.reply }

// Over reports whether the answer has ended.
func (b *Builder) Over() bool { return b.over }

// Begin tells that an answer has begun. It may be called again, with what has
// become known since: only what is not known yet is taken.
func (b *Builder) Begin(id, model string, created int64) {
	a := &b.reply
	if a.ID == "" {
		a.ID = id
	}
	if a.Model == "" {
		a.Model = model
	}
	if a.Created == 0 {
		a.Created = created
	}
	if !b.begun {
		b.begun = true
		b.emit(Event{Kind: ReplyBegun, Reply: a})
	}
}

// Open begins an item and returns its index. Parts and Input of item must be
// empty: they come by the other methods.
func (b *Builder) Open(item Item) int {
	b.Begin("", "", 0)
	item.Status = ItemInProgress
	wrapped := item.Kind == ItemCall && b.Tools.restore(&item)
	b.reply.Items = append(b.reply.Items, item)
	b.open = append(b.open, openItem{wrapped: wrapped})
	i := len(b.reply.Items) - 1
	b.emit(Event{Kind: ItemBegun, Reply: &b.reply, Index: i})
	return i
}

// IsOpen reports whether item i has begun and not ended.
func (b *Builder) IsOpen(i int) bool { return 0 <= i && i < len(b.open) && !b.open[i].done }

// Item returns item i, to be read, or to be given what has no event of its
// own (an id, sealed reasoning).
func (b *Builder) Item(i int) *Item { return &b.reply.Items[i] }

// Part begins a part of item i, and ends the one before.
func (b *Builder) Part(i int, p Part) {
	b.endPart(i)
	item := &b.reply.Items[i]
	item.Parts = append(item.Parts, p)
	b.open[i].part = true
	b.emit(Event{Kind: PartBegun, Reply: &b.reply, Index: i, Part: len(item.Parts) - 1})
}

// Delta adds text to the open part of item i. If that is of another kind, or
// there is none, a part of this kind begins.
func (b *Builder) Delta(i int, kind PartKind, text string, logprobs []byte) {
	item := &b.reply.Items[i]
	if !b.open[i].part || item.Parts[len(item.Parts)-1].Kind != kind {
		b.Part(i, Part{Kind: kind})
	}
	at := len(item.Parts) - 1
	o := &b.open[i]
	o.text = append(o.text, text...)
	if len(logprobs) > 2 { // more than []
		if len(o.logs) > 0 {
			o.logs = append(o.logs, ',')
		}
		o.logs = append(o.logs, logprobs[1:len(logprobs)-1]...)
	}
	b.emit(Event{Kind: PartDelta, Reply: &b.reply, Index: i, Part: at, Text: text, Logprobs: logprobs})
}

// Annotate adds an annotation to the open part of item i, a text if there is
// none.
func (b *Builder) Annotate(i int, a Annotation) {
	item := &b.reply.Items[i]
	if !b.open[i].part {
		b.Part(i, Part{Kind: PartText})
	}
	at := len(item.Parts) - 1
	item.Parts[at].Annotations = append(item.Parts[at].Annotations, a)
	b.emit(Event{Kind: AnnotationMade, Reply: &b.reply, Index: i, Part: at})
}

// Input adds to what the call of item i is called with.
func (b *Builder) Input(i int, text string) {
	if text == "" {
		return
	}
	b.open[i].text = append(b.open[i].text, text...)
	if !b.open[i].wrapped { // else only the whole of it can be unwrapped
		b.emit(Event{Kind: InputDelta, Reply: &b.reply, Index: i, Text: text})
	}
}

// Done ends item i. An empty status means completed.
func (b *Builder) Done(i int, status ItemStatus) {
	if !b.IsOpen(i) {
		return
	}
	b.endPart(i)
	if status == "" {
		status = ItemCompleted
	}
	item := &b.reply.Items[i]
	if item.Kind == ItemCall {
		item.Input = string(b.open[i].text)
		if b.open[i].wrapped {
			item.Input = unwrap(item)
			b.emit(Event{Kind: InputDelta, Reply: &b.reply, Index: i, Text: item.Input})
		}
	}
	item.Status = status
	b.open[i].done, b.open[i].text = true, nil
	b.emit(Event{Kind: ItemDone, Reply: &b.reply, Index: i})
}

func (b *Builder) endPart(i int) {
	o := &b.open[i]
	if !o.part {
		return
	}
	at := len(b.reply.Items[i].Parts) - 1
	p := &b.reply.Items[i].Parts[at]
	p.Text = string(o.text)
	if len(o.logs) > 0 {
		p.Logprobs = append(append([]byte{'['}, o.logs...), ']')
	}
	o.part, o.text, o.logs = false, o.text[:0], o.logs[:0]
	b.emit(Event{Kind: PartDone, Reply: &b.reply, Index: i, Part: at})
}

// DoneAll ends every item that is open, in their order.
func (b *Builder) DoneAll(status ItemStatus) {
	for i := range b.open {
		b.Done(i, status)
	}
}

// Finish ends the answer as completed, or as incomplete for a reason. Items
// that are open end with it: in an answer that was cut short, a call as
// incomplete.
func (b *Builder) Finish(reason string) {
	if b.over {
		return
	}
	b.Begin("", "", 0)
	a := &b.reply
	for i := range b.open {
		status := ItemCompleted
		if reason != "" {
			status = ItemIncomplete
		}
		b.Done(i, status)
	}
	a.Status, a.Reason = StatusCompleted, reason
	if reason != "" {
		a.Status = StatusIncomplete
	}
	b.over = true
	b.emit(Event{Kind: ReplyDone, Reply: a})
}

// InputSoFar returns what the open call of item i is called with, as far as it
// has come.
func (b *Builder) InputSoFar(i int) string { return string(b.open[i].text) }

// Fail ends the answer as failed. What is open stays as it is.
func (b *Builder) Fail(f Failure) {
	if b.over {
		return
	}
	b.reply.Status, b.reply.Failure = StatusFailed, &f
	b.over = true
	b.emit(Event{Kind: ReplyFailed, Reply: &b.reply})
}

// Play tells emit of a whole answer as if it were arriving: each text in one
// piece.
func Play(a *Reply, emit func(Event)) { NewBuilder(emit).Play(a) }

// Play takes a whole answer as if it were arriving.
func (b *Builder) Play(a *Reply) {
	r := &b.reply
	r.Usage, r.ServiceTier, r.Words, r.Stop = a.Usage, a.ServiceTier, a.Words, a.Stop
	b.Begin(a.ID, a.Model, a.Created)
	for i := range a.Items {
		b.PlayItem(a.Items[i])
	}
	if a.Status == StatusFailed && a.Failure != nil {
		b.Fail(*a.Failure)
		return
	}
	b.Finish(a.Reason)
}

// PlayItem takes a whole item as if it were arriving.
func (b *Builder) PlayItem(item Item) {
	parts, input, status := item.Parts, item.Input, item.Status
	item.Parts, item.Input = nil, ""
	i := b.Open(item)
	for _, p := range parts {
		b.PlayPart(i, p)
	}
	b.Input(i, input)
	if status == ItemInProgress {
		status = ""
	}
	b.Done(i, status)
}

// PlayPart takes a whole part of item i as if it were arriving.
func (b *Builder) PlayPart(i int, p Part) {
	text, logprobs, notes := p.Text, p.Logprobs, p.Annotations
	p.Text, p.Logprobs, p.Annotations = "", nil, nil
	b.Part(i, p)
	if text != "" {
		b.Delta(i, p.Kind, text, logprobs)
	}
	for _, n := range notes {
		b.Annotate(i, n)
	}
}
