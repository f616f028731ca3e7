// Package sim is a contact centre that behaves like one. It is seeded and
// deterministic, and says what happens as facts of the vocabulary: the demo,
// the tests and the benchmarks of every other package run on it.
//
// A [Config] names the centre: its size, its seed, when it starts. [New] builds
// the queues and the people, [Sim.Next] hands out one fact after the other in
// the order of time, as fast as the caller asks for them. A [Runner] hands them
// out by the clock instead, or at a multiple of its speed.
//
// What is simulated: arrivals over the day, a menu before the queue, queues
// with priorities, limits, overflow and caps, agents with several skills,
// shifts, breaks and moods, callers who lose patience, offers that are not
// taken, conversations with holds, transcripts, transfers and conferences,
// wrap-up, calls out with a campaign and without, callbacks, chats, mails,
// recordings, surveys, supervisors.
//
// Invariants:
//
//   - The same Config gives the same facts, byte for byte, on every machine.
//   - Times never go back, and no fact has the identity of another one, also
//     across runs of the same centre ([Config].Run).
//   - Every interaction begins with interaction.created and has exactly one
//     interaction.ended, once a run has drained.
//   - The [Books], kept beside the facts where things happen, equal a recount
//     of the facts.
//
// docs/simulator.md describes the model and defines every number of the books
// by the facts.
package sim
