package stream

import (
	"net/http"
	"net/url"
	"strconv"
	"unicode/utf8"

	"github.com/google/uuid"
)

// atmosphere is what a client built on the framework of the vendor's own sample client asks
// for besides the subscription, by parameters or by headers of the same names.
type atmosphere struct {
	// sized: each message has its length and a bar before it, so that the client finds
	// where it ends however the bytes arrive.
	sized bool
	// greeted: the client takes the first message as the framework's greeting, whatever is
	// in it, and would lose an event that came first.
	greeted bool
	// leaves: the request tells that the client ends its connection, and asks for nothing.
	leaves bool
}

func atmosphereOf(q url.Values, h http.Header) atmosphere {
	get := func(name string) string {
		if v := q.Get(name); v != "" {
			return v
		}
		return h.Get(name)
	}
	return atmosphere{
		sized: get("X-Atmosphere-TrackMessageSize") == "true",
		// One that comes back with the id it was given is not greeted again.
		greeted: get("X-atmo-protocol") == "true" && get("X-Atmosphere-tracking-id") == "0",
		leaves:  get("X-Atmosphere-Transport") == "close",
	}
}

// greeting is the framework's: an id for the client, after how many seconds it is to send
// a sign of life (0: never), and what that would be.
func greeting() string { return uuid.NewString() + "|0|X|" }

// appendSize appends the length of a message in the framework's way: in UTF-16 code units,
// for its clients count characters of Java or JavaScript.
func appendSize(dst, payload []byte) []byte {
	n := 0
	for i := 0; i < len(payload); {
		if payload[i] < utf8.RuneSelf {
			i++
			n++
			continue
		}
		r, size := utf8.DecodeRune(payload[i:])
		if n++; r > 0xFFFF {
			n++
		}
		i += size
	}
	return append(strconv.AppendInt(dst, int64(n), 10), '|')
}
