package relay

import (
	"errors"
	"fmt"

	"trunkline/eventlog"
	"trunkline/ws"
)

// Farewell is why a connection is ended, in the words that its peer gets.
type Farewell struct {
	Code           ws.CloseCode
	Reason         string
	From, To       uint64 // sequences that cannot be had, when there are such
	Oldest, Newest string // cursors to go on from, when known
}

// FarewellFor turns what the log says of a place into a farewell.
func FarewellFor(err error) (Farewell, bool) {
	var gone *eventlog.GoneError
	if errors.As(err, &gone) {
		bye := Farewell{Reason: gone.Error(), Oldest: gone.Oldest.String(), Newest: gone.Newest.String()}
		switch gone.Reason {
		case eventlog.GoneTrimmed:
			bye.Code, bye.From, bye.To = ws.CodeLiveOvertaken, gone.LostFrom, gone.LostTo
		case eventlog.GoneEpoch:
			bye.Code = ws.CodeLiveEpoch
		default:
			bye.Code = ws.CodeLiveAhead
		}
		return bye, true
	}
	var broken *eventlog.BreakError
	if errors.As(err, &broken) {
		return Farewell{
			Code: ws.CodeLiveBroken, From: broken.From, To: broken.To, Oldest: broken.After.String(),
			Reason: fmt.Sprintf("events %d to %d cannot be read; go on from %s", broken.From, broken.To, broken.After),
		}, true
	}
	return Farewell{}, false
}
