// Package capability knows what models can be asked for: which values of
// reasoning effort, whether they take sampling parameters, which API serves
// them. A server answers 400 to what its model does not know, and clients
// send it all the same.
//
// The knowledge is a dated table by family ([Find]); [Apply] fits a request in
// neutral form to it by a policy, and [Edits] one that is sent on as the
// client's own bytes. Package capability decodes no conversation, knows no
// provider, and does not decide which model serves a request.
package capability
