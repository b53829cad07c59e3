// Package tunnel passes messages between two WebSockets until one of them
// ends: a client's and an upstream's.
//
// [Run] has a pump for each direction. A pump has at most one message, or a
// piece of one, in hand and reads no further before it is written, so that a
// side that is slow slows the other down. What a client sends is put together
// to whole messages, because somebody may have to agree to them ([Traffic]);
// what an upstream sends is passed on in pieces once it is large. Compression
// is never agreed to: a small message cannot become a large one.
//
// A close passes from one side to the other with its code and its reason. An
// end that no side has asked for (a lost connection, a limit, a shutdown) is
// told to the client in the words of its protocol, if it has any, and by a
// code that is not the one of a good end.
//
// Package tunnel reads no message, opens no connection to anybody and keeps no
// account.
package tunnel
