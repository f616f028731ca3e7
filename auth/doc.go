// Package auth decides who may do what: tokens, their scopes, and the middleware that
// asks for them.
//
// A token belongs to one tenant and carries scopes (ingest, read, stream, admin); none of them implies another.
// The tenant "*" is the operator: its tokens carry the admin scope alone and administer all tenants, but
// neither read nor write any tenant's events.
//
// A token looks like tl_<id>_<secret>. The secret is 32 random bytes; what is stored is the SHA-256 of the whole
// text, and it is compared in constant time. A fast hash is right here and only here: nobody can search 2^256
// values, and every single request pays for the hash. Passwords that people choose need a slow one.
//
// Tokens come from two places: the configuration (static: cannot be changed at run time) and a bucket of the control
// state (made, rotated and revoked at run time, on any node). Store follows the bucket: a
// token that is revoked or rotated anywhere closes the Revoked channel of every Principal that was let in with it.
//
// Invariants: a secret is shown once, when it is made, and is never stored, logged or put into a URL;
// a credential is read from the Authorization header only; what cannot be decoded opens nothing.
package auth
