package stream

import (
	"slices"
	"strconv"
	"strings"

	"trunkline/internal/scan"
)

// attach gathers the attached pairs in the order of their keys: those that the
// source has attached over the interaction's life, and those that follow from
// what is known of it where the source gave none of that key. It gives the pair
// "tok", the source's transaction number.
func (s *Scratch) attach() (token string) {
	in, b := &s.fact, &s.begin
	if in.attributes != "" {
		c := scan.Of(in.attributes)
		for c.Open(scan.Object); ; {
			k, ok := c.Member()
			if !ok {
				break
			}
			v := ""
			if c.Kind() == scan.Text {
				v = c.Str()
			} else {
				v = c.Value()
			}
			if k == "tok" {
				token = v
			}
			s.pairs = append(s.pairs, pair{k, v})
		}
	}
	own := len(s.pairs)
	add := func(key, value string) {
		if value == "" {
			return
		}
		for i := range own {
			if s.pairs[i].key == key {
				return
			}
		}
		s.pairs = append(s.pairs, pair{key, value})
	}
	number := national(b.number)
	add("callingName", or(b.name, number))
	add("remoteCallingName", b.name)
	add("pho", number)
	add("phoneNum", number)
	add("remotePhoneNum", b.number)
	add("cha", unplussed(or(b.channel, b.dialled)))
	if in.direction != "" {
		add("med", mediaLetter(in.media))
	}
	add("originalInteractionGuid", in.parent)
	add("campId", b.campaign)
	add("campName", b.campaignName)
	add("sessionId", b.session)
	if in.media != "phone" && in.media != "video" {
		add("customerLanguage", b.language)
	}
	if in.visits > 0 && in.queueID != "" && in.kind != "interaction.created" {
		add("channelName", b.channelName)
		add("otim", s.seconds(in.firstQueue))
		add("tim", s.seconds(in.queuedAt))
		add("priority", s.decimal(in.priority))
		add("que", s.queueName())
		add("queueDirection", in.inOrOut())
		add("tenantName", s.tenant)
		add("tenantSkillName", in.queueName)
	}
	slices.SortFunc(s.pairs, func(a, b pair) int { return strings.Compare(a.key, b.key) })
	return token
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
