// Package doctest runs the snippets of the documents, so that a reader can
// paste what is printed there and see what is promised.
//
// The documents are README.md, CONTRIBUTING.md and whatever else ends in .md at
// the root and in docs. Each is one session: its fenced blocks run from top to
// bottom in one folder, with a clean environment and a home of their own. What
// a shell block exports, and where it has changed to, holds for the blocks
// below it, as in the reader's terminal.
//
// # What happens to a block
//
// Its language decides. A comment right above the fence may say otherwise:
//
//	<!-- test: HOW [ARGUMENT] [wants "TEXT"] -->
//
//	sh, bash         run              bash -euo pipefail; exit code 0
//	                 server [ADDR]    the same in the background, until ADDR accepts
//	                                  connections (127.0.0.1:8787); stopped at the end
//	                                  of the document, or by the next server there
//	python, js, go   run              with the official clients of test/e2e
//	yaml             config [FILE]    saved as FILE (weir.yaml), passes weir check
//	toml             codex            saved as the configuration of Codex CLI
//	any              file FILE        saved as FILE
//	text, json       output           what the block before printed: the text between
//	                                  each "..." occurs, in this order
//
// With wants, what the block prints must contain TEXT. A file that is saved,
// Codex CLI's too, must be used by a block further down. Blocks in text, json,
// http or ini which carry no comment are for the reader alone; any other
// language, or none, is a fault, and so is a comment that no block follows.
// There is no way to leave a block out.
//
// # What is different from the reader's terminal
//
// If the port of a server is taken, another is used for it in the whole
// document. An HTTP status of 400 or more makes curl fail. Commands that
// would install something (pip install, npm install, go get, git clone) check
// that test/e2e pins what they name. A make target that is not run checks that
// it exists, and go test, go vet and go build that their packages do, or a
// document that says how to run the tests would run itself. A variable that a
// configuration refers to has a made-up value.
//
// Package doctest judges no prose, follows no links and has nothing to import:
// it is tests.
package doctest
