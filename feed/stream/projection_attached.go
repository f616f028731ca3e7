package stream

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// attach gathers the attached pairs in the order of their keys: those that the
// source has attached over the interaction's life, and those that follow from
// what is known of it where the source gave none of that key.
func (s *Scratch) attach() {
	in, b := &s.fact, &s.fact.begin
	own := in.source
	if byKey := func(a, b pair) int { return strings.Compare(a.key, b.key) }; !slices.IsSortedFunc(own, byKey) {
		slices.SortFunc(own, byKey)
	}
	s.pairs = s.pairs[:0]
	// add must be called in the order of the keys.
	add := func(key, value string) {
		if value == "" {
			return
		}
		for len(own) > 0 && own[0].key < key {
			s.pairs, own = append(s.pairs, own[0]), own[1:]
		}
		if len(own) == 0 || own[0].key != key {
			s.pairs = append(s.pairs, pair{key, value})
		}
	}
	number, queued := national(b.number), in.visits > 0 && in.queueID != "" && in.kind != "interaction.created"
	add("callingName", cmp.Or(b.name, number))
	add("campId", b.campaign)
	add("campName", b.campaignName)
	add("cha", unplussed(cmp.Or(b.channel, b.dialled)))
	if queued {
		add("channelName", b.channelName)
	}
	if in.media != "phone" && in.media != "video" {
		add("customerLanguage", b.language)
	}
	if in.direction != "" {
		add("med", mediaLetter(in.media))
	}
	add("originalInteractionGuid", in.parent)
	if queued {
		add("otim", s.seconds(in.firstQueue))
	}
	add("pho", number)
	add("phoneNum", number)
	if queued {
		add("priority", s.decimal(in.priority))
		add("que", s.queueName())
		add("queueDirection", in.inOrOut())
	}
	add("remoteCallingName", b.name)
	add("remotePhoneNum", b.number)
	add("sessionId", b.session)
	if queued {
		add("tenantName", s.tenant)
		add("tenantSkillName", in.queueName)
		add("tim", s.seconds(in.queuedAt))
	}
	s.pairs = append(s.pairs, own...)
}

// token is the source's number of the transaction, which it attaches.
func (s *Scratch) token() string {
	for i := range s.fact.source {
		if s.fact.source[i].key == "tok" {
			return s.fact.source[i].value
		}
	}
	return ""
}

// queueName is the queue's name in the vendor's layout.
func (s *Scratch) queueName() string {
	id := s.fact.queueID
	if strings.Contains(id, "~~") {
		return id
	}
	media, _ := mediaType(s.fact.media)
	from := len(s.arena)
	s.arena = append(append(s.arena, s.tenant...), "~~queue~~"...)
	s.arena = append(append(append(s.arena, media...), "~~"...), id...)
	return textOf(s.arena[from:])
}

func (s *Scratch) seconds(ms int64) string {
	if ms <= 0 {
		return ""
	}
	return s.decimal(ms / 1000)
}

func (s *Scratch) decimal(n int64) string {
	from := len(s.arena)
	s.arena = strconv.AppendInt(s.arena, n, 10)
	return textOf(s.arena[from:])
}

func mediaLetter(media string) string {
	switch media {
	case "chat", "sms":
		return "C"
	case "email":
		return "E"
	}
	return "T"
}
