// Package feedtest holds what every feed promises, told as tests that each feed's
// own tests run on its protocol:
//
//   - events of a tenant arrive in order, none left out, from the place asked for;
//   - across cuts each arrives at least once, when the client comes back with what
//     it has acknowledged or its last cursor;
//   - history joins live without gap or repeat while events come in;
//   - a reader that stands still harms no other and loses nothing itself;
//   - a tenant sees its own events alone.
//
// [Run] takes a [Harness], which says how to append and how to connect. [Log] is an
// event log in memory with the methods of the real one that feeds use; it can forget
// its beginning and change its epoch on demand.
package feedtest
