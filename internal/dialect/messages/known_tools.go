package messages

import "fmt"

// knownTools are the tools that the client runs and the protocol describes by
// itself, by their type without its date.
//
// Sources: https://docs.claude.com/en/docs/agents-and-tools/tool-use, pages on
// the bash, text editor, memory and computer use tools, read 2026-11-21.
var knownTools = map[string]struct{ description, schema string }{ // immutable
	"bash": {
		"Runs commands in a bash shell that stays open between calls, on the user's machine.",
		`{"type":"object","properties":{"command":{"type":"string","description":"The command to run. Required unless restart is true."},` +
			`"restart":{"type":"boolean","description":"True to start the shell anew."}}}`,
	},
	"text_editor": {
		"Views, creates and edits text files on the user's machine.",
		`{"type":"object","properties":{"command":{"type":"string","enum":["view","create","str_replace","insert","undo_edit"]},` +
			`"path":{"type":"string","description":"Absolute path of a file or folder."},` +
			`"file_text":{"type":"string","description":"For create: the content of the file."},` +
			`"old_str":{"type":"string","description":"For str_replace: the text to replace, which must be there exactly once."},` +
			`"new_str":{"type":"string","description":"For str_replace: the new text. For insert with older tools: the text to insert."},` +
			`"insert_line":{"type":"integer","description":"For insert: the line behind which to insert, 0 for the beginning."},` +
			`"insert_text":{"type":"string","description":"For insert: the text to insert."},` +
			`"view_range":{"type":"array","items":{"type":"integer"},"description":"For view: the first and the last line, -1 for the end."}},` +
			`"required":["command","path"]}`,
	},
	"memory": {
		"Reads and writes files under /memories, which stay from one conversation to the next.",
		`{"type":"object","properties":{"command":{"type":"string","enum":["view","create","str_replace","insert","delete","rename"]},` +
			`"path":{"type":"string"},"file_text":{"type":"string"},"old_str":{"type":"string"},"new_str":{"type":"string"},` +
			`"insert_line":{"type":"integer"},"insert_text":{"type":"string"},"old_path":{"type":"string"},"new_path":{"type":"string"},` +
			`"view_range":{"type":"array","items":{"type":"integer"}}},"required":["command"]}`,
	},
	"computer": {
		"Uses a computer by its screen, mouse and keyboard. Take a screenshot to see what an action has done.",
		`{"type":"object","properties":{"action":{"type":"string","enum":["screenshot","left_click","right_click","middle_click","double_click",` +
			`"triple_click","left_click_drag","left_mouse_down","left_mouse_up","mouse_move","cursor_position","key","hold_key","type","scroll","wait","zoom"]},` +
			`"coordinate":{"type":"array","items":{"type":"integer"},"description":"x and y, in pixels."},` +
			`"start_coordinate":{"type":"array","items":{"type":"integer"}},"region":{"type":"array","items":{"type":"integer"}},` +
			`"text":{"type":"string","description":"What to type, or the key to press."},` +
			`"scroll_direction":{"type":"string","enum":["up","down","left","right"]},"scroll_amount":{"type":"integer"},` +
			`"duration":{"type":"number","description":"Seconds."}},"required":["action"]}`,
	},
}

// screen is what is told of a computer's screen beside what its tool does.
func screen(width, height int64) string {
	return fmt.Sprintf(" The screen is %d pixels wide and %d high.", width, height)
}
