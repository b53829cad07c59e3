// Package media is what OpenAI serves beside conversations: images, sound and
// moderations. Their requests name a model and are otherwise the upstream's
// business, as JSON or as a form; their answers report their usage in a
// shape of their own, or none, and end with events of their own.
//
// It splits no form, decodes no picture and no sound, and counts what was
// asked for only as far as it is sold by that: pictures, characters.
package media
