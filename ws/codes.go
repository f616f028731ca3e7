package ws

import "fmt"

// CloseCode is the number in a close frame. RFC 6455 owns 1000 to 2999. Of the
// rest a client can tell from the number alone what to do:
//
//	3000–3499, 4000–4499   reconnect, with the last cursor
//	3500–3999, 4500–4999   do not reconnect with the same request
//
// 3xxx is used by every feed, 4xxx has a meaning inside one feed.
type CloseCode uint16

// Close codes of RFC 6455 that the server sends or receives.
const (
	CodeNormal        CloseCode = 1000
	CodeGoingAway     CloseCode = 1001
	CodeProtocolError CloseCode = 1002
	CodeUnsupported   CloseCode = 1003
	CodeNoStatus      CloseCode = 1005 // never on the wire: the peer's close frame was empty
	CodeAbnormal      CloseCode = 1006 // never on the wire: the connection ended without a close frame
	CodeInvalidData   CloseCode = 1007
	CodePolicy        CloseCode = 1008
	CodeTooBig        CloseCode = 1009
	CodeInternal      CloseCode = 1011
)

// Close codes of this server.
const (
	CodeShutdown      CloseCode = 3000
	CodeSlow          CloseCode = 3008
	CodeNoPong        CloseCode = 3012
	CodeUnauthorized  CloseCode = 3500
	CodeReplaced      CloseCode = 3501
	CodeStreamExpired CloseCode = 4000
	CodeStreamLost    CloseCode = 4001
	CodeLiveOvertaken CloseCode = 4500
	CodeLiveEpoch     CloseCode = 4501
	CodeLiveAhead     CloseCode = 4502
	CodeLiveBroken    CloseCode = 4503

	CodeMeasuresChanged      CloseCode = 4060
	CodeMeasuresUnknown      CloseCode = 4560
	CodeMeasuresConstraint   CloseCode = 4561
	CodeMeasuresSubscription CloseCode = 4562
	CodeMeasuresNoPing       CloseCode = 4563
)

// CodeInfo documents one close code.
type CodeInfo struct {
	Code    CloseCode
	Name    string // short, stable, used in logs and metrics
	Feed    string // the feed that uses it, "all" when every feed does
	Meaning string // why the connection was closed
	Client  string // what a client should do
}

// Reconnect says whether a client may come back with the same request.
func (c CloseCode) Reconnect() bool {
	switch {
	case c >= 3000 && c < 3500, c >= 4000 && c < 4500:
		return true
	case c == CodeNormal, c == CodeGoingAway, c == CodeAbnormal, c == CodeNoStatus, c == CodeInternal:
		return true
	}
	return false
}

// String gives the number and, when it is in the table, its name.
func (c CloseCode) String() string {
	for _, info := range Codes() {
		if info.Code == c {
			return fmt.Sprintf("%d %s", uint16(c), info.Name)
		}
	}
	return fmt.Sprintf("%d", uint16(c))
}

// Codes is the whole table in numerical order, as docs/close-codes.md shows it.
func Codes() []CodeInfo {
	return []CodeInfo{
		{CodeNormal, "normal", "all", "The peer closed in order, or the request was served to its end.", "Reconnect only when more is wanted."},
		{CodeGoingAway, "going_away", "all", "The peer is leaving, as a browser does when its page is closed.", "Reconnect when the page is opened again."},
		{CodeProtocolError, "protocol_error", "all", "A frame broke RFC 6455: not masked, reserved bits or opcodes, a bad fragment, a bad close frame.", "Fix the client."},
		{CodeUnsupported, "unsupported_data", "all", "A binary message where only text is understood.", "Fix the client."},
		{CodeInvalidData, "invalid_data", "all", "A text message that is not UTF-8.", "Fix the client."},
		{CodePolicy, "policy", "all", "A message that the feed does not understand; the reason says which part.", "Fix the client."},
		{CodeTooBig, "message_too_big", "all", "A message longer than the limit of this connection.", "Send shorter messages."},
		{CodeInternal, "internal_error", "all", "The server failed; its log has the cause.", "Reconnect with the last cursor, with growing pauses."},
		{CodeShutdown, "shutdown", "all", "The server is stopping or restarting.", "Reconnect with the last cursor after a random pause of up to a few seconds."},
		{CodeSlow, "slow", "all", "The client read too slowly: its queue was full on a feed that keeps no history, or nothing could be written for the write time-out.", "Reconnect with the last cursor; read faster."},
		{CodeNoPong, "no_pong", "all", "Pings stayed unanswered.", "Reconnect with the last cursor."},
		{CodeUnauthorized, "unauthorized", "all", "The token was revoked, rotated or has expired.", "Get a new token."},
		{CodeReplaced, "replaced", "all", "Another connection with the same consumer name took over.", "Do not fight over the name: one connection for each consumer."},
		{CodeStreamExpired, "expired", "stream", "The connection was valid for so long only.", "Reconnect with the same subsId: what comes meanwhile is kept."},
		{CodeStreamLost, "lost", "stream", "Events were removed or damaged before this client read them; the reason names them.", "Reconnect with the same subsId: it goes on with the oldest that there is, and sequenceId shows the gap."},
		{CodeMeasuresChanged, "subscription_changed", "measures", "The subscription was changed while this client was connected.", "Reconnect: what follows is by the new terms."},
		{CodeLiveOvertaken, "overtaken", "live", "Retention removed events before this client read them; the reason names the lost range of sequences.", "Take note of the loss, then start from `after=oldest` or read a snapshot."},
		{CodeLiveEpoch, "epoch_changed", "live", "The cursor belongs to another epoch of the log, as after a restore.", "Start from `after=oldest` or read a snapshot."},
		{CodeLiveAhead, "ahead", "live", "The cursor lies ahead of the newest event: the log lost its tail or the cursor was made up.", "Start from `after=oldest` or read a snapshot."},
		{CodeLiveBroken, "broken", "live", "The log is damaged at this place: the events that the reason names cannot be read.", "Take note of the loss, tell the operator, and go on from the cursor in the reason."},
		{CodeMeasuresUnknown, "unknown_subscription", "measures", "There is no such subscription in the account, or it is no longer active.", "Renew it or make a new one."},
		{CodeMeasuresConstraint, "constraint_violation", "measures", "The first message was not a proper authentication, or did not come in time.", "Fix the client."},
		{CodeMeasuresSubscription, "subscription_ended", "measures", "The subscription was deleted, or expired without being renewed.", "Renew it or make a new one, then connect again."},
		{CodeMeasuresNoPing, "no_ping", "measures", "No ping came for the subscription's pingInterval; the subscription is inactive now.", "Renew the subscription, connect again, and ping more often."},
	}
}
