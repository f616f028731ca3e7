package stream_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/tidwall/gjson"

	"trunkline/event"
	"trunkline/eventlog"
	"trunkline/feed/stream"
	"trunkline/floor"
)

// leaves gives the path and the text of everything in a JSON message, in order.
func leaves(v gjson.Result, path string, out []string) []string {
	switch {
	case v.IsObject():
		v.ForEach(func(k, v gjson.Result) bool {
			out = leaves(v, path+"/"+k.Str, out)
			return true
		})
	case v.IsArray():
		v.ForEach(func(_, v gjson.Result) bool {
			out = leaves(v, path, out)
			return true
		})
	case v.Type == gjson.String:
		out = append(out, path+"="+bare(v.Str))
	default:
		out = append(out, path+"="+v.Raw)
	}
	return out
}

// bare is a text without what XML cannot carry.
func bare(s string) string {
	return strings.Map(func(r rune) rune {
		if r < 0x20 && r != '\t' && r != '\n' && r != '\r' || r == 0xFFFE || r == 0xFFFF {
			return utf8.RuneError
		}
		return r
	}, s)
}

// xmlLeaves is leaves for an XML message.
func xmlLeaves(t testing.TB, payload []byte) (out []string) {
	t.Helper()
	var path []string
	text, leaf := "", false
	d := xml.NewDecoder(bytes.NewReader(payload))
	for {
		tok, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("%v in %s", err, payload)
		}
		switch tok := tok.(type) {
		case xml.StartElement:
			path, text, leaf = append(path, tok.Name.Local), "", true
		case xml.CharData:
			text += string(tok)
		case xml.EndElement:
			if leaf {
				out = append(out, "/"+strings.Join(path, "/")+"="+text)
			}
			path, leaf = path[:len(path)-1], false
		}
	}
	return out
}

// checkFormats holds the four formats of a record's events against each other.
func checkFormats(t testing.TB, r *eventlog.Record) {
	t.Helper()
	var all [4][]string
	for f := range all {
		var s stream.Scratch
		err := stream.NewProjection().Each(r, tenant, epoch, stream.Format(f), &s, func(_ uint64, payload []byte) error {
			all[f] = append(all[f], string(payload))
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for i, text := range all[stream.JSON] {
		if !json.Valid([]byte(text)) || !utf8.ValidString(text) || strings.ContainsAny(text, "\n\r") {
			t.Fatalf("not JSON on a line: %q", text)
		}
		if all[stream.NewlineJSON][i] != text+"\n" || all[stream.NewlineXML][i] != all[stream.XML][i]+"\n" {
			t.Fatalf("%q and %q", all[stream.NewlineJSON][i], all[stream.NewlineXML][i])
		}
		if strings.ContainsAny(all[stream.XML][i], "\n\r") {
			t.Fatalf("not XML on a line: %q", all[stream.XML][i])
		}
		want, got := leaves(gjson.Parse(text), "", nil), xmlLeaves(t, []byte(all[stream.XML][i]))
		if strings.Join(want, "\n") != strings.Join(got, "\n") {
			t.Fatalf("JSON and XML differ:\n%q\n%q", want, got)
		}
	}
	if len(all[stream.XML]) != len(all[stream.JSON]) {
		t.Fatalf("%d events in JSON, %d in XML", len(all[stream.JSON]), len(all[stream.XML]))
	}
}

// hostile are texts that a careless encoder breaks on.
var hostile = []string{
	`"`, `\`, `\"`, `</attachedDataValue>`, `]]>`, `<!--`, `&amp;`, `&`, `'`, "a\nb\r\nc\td", "\u0000\u0001\u001f\u007f", "\u2028\u2029",
	"\uFFFE\uFFFF", "\U0001F600\U0010FFFF", "e\u0301", "\u202Eabc", " leading and trailing ", "%s%d%n", "{{.}}", "null", "NaN", "Infinity", "-", "-0", "+1", "1e5", "0x10",
	"1.", ".5", "1.50", "00", "--1", "1-1", strings.Repeat("9", 16), "True", "TRUE", "", ",", "a,b", "a~~b~~c~~d~~e", "~~~~~~", "=", "[HEARTBEAT]",
}

func TestHostileTexts(t *testing.T) {
	for _, s := range hostile {
		b := newBook(t)
		id := strings.Map(func(r rune) rune { // what a subject may have
			if r < 0x20 || r == 0x7f || r >= 0xFFFE && r <= 0xFFFF || r == 0x10FFFF {
				return -1
			}
			return r
		}, s)
		x, queue, agent := event.Ref{Interaction: "x" + id, Parent: s, Media: event.MediaPhone}, "q"+id, "a"+id
		b.add(event.QueueConfigured{Queue: queue, Name: s, Media: event.MediaPhone},
			event.AgentProvisioned{AgentRef: by(agent), Change: event.ProvisionCreated, Name: s, GUID: s, Address: s},
			event.AgentStatusChanged{AgentRef: by(agent), Presence: event.PresenceBreak, Reason: &event.StatusReason{List: s, Item: s}},
			event.InteractionCreated{Ref: x, Direction: event.DirectionIn, Channel: s, ChannelName: s, Campaign: s, CampaignName: s,
				Customer: &event.Customer{Name: s, Number: s}, Attributes: event.Attributes{s: s, "k" + s: "v" + s, "v": s, "tok": s}},
			event.InteractionQueued{Ref: x, Queue: queue}, event.InteractionOffered{Ref: x, Agent: agent, Queue: queue, Address: s},
			event.InteractionAccepted{Ref: x, Agent: agent}, event.InteractionEnded{Ref: x, Initiator: event.InitiatorAgent, Reason: event.EndNormal})
		seen := false
		for i := range b.records {
			checkFormats(t, &b.records[i])
		}
		for _, p := range b.payloads(stream.JSON) {
			for _, l := range leaves(gjson.Parse(p), "", nil) {
				seen = seen || l == "/Interaction/attachedData/attachedDatum/attachedDataValue="+bare("v"+s)
			}
		}
		if !seen {
			t.Errorf("%q does not arrive", s)
		}
	}
}

// TestValueTyping looks at which texts lose their quotes in JSON.
func TestValueTyping(t *testing.T) {
	for text, want := range map[string]string{
		"0": `0`, "7": `7`, "-7": `-7`, "13125555068": `13125555068`, "123456789012345": `123456789012345`, "1.5": `1.5`, "-0.25": `-0.25`, "0.1": `0.1`,
		"true": `true`, "false": `false`,
		"0123": `"0123"`, "+15515557212": `"+15515557212"`, "-0": `"-0"`, "1.50": `"1.50"`, "1.": `"1."`, ".5": `".5"`, "1e5": `"1e5"`, "00": `"00"`,
		"1234567890123456": `"1234567890123456"`, "True": `"True"`, "null": `"null"`, " 1": `" 1"`, "1 2": `"1 2"`, "": `""`, "-": `"-"`, "1.2.3": `"1.2.3"`,
	} {
		b := newBook(t)
		b.add(event.InteractionCreated{Ref: ref("x"), Direction: event.DirectionIn, Attributes: event.Attributes{"k": text}})
		if got := b.last().Get(`Interaction.attachedData.attachedDatum.#(attachedDataKey="k").attachedDataValue`).Raw; got != want {
			t.Errorf("%q is written as %s, not %s", text, got, want)
		}
	}
}

// FuzzProjection projects any event that the log would take with the floor's
// context, and any record with any context: it never panics, JSON and XML are
// well-formed, and all formats say the same.
func FuzzProjection(f *testing.F) {
	b := newBook(f)
	b.add(event.AgentStatusChanged{AgentRef: by("one"), Presence: event.PresenceBreak, Reason: &event.StatusReason{List: "801", Item: "1722"}},
		event.AgentProvisioned{AgentRef: by("one"), Change: event.ProvisionSkillAdded, Skill: &event.AgentSkill{ID: "s", Assignment: "a"}})
	b.campaign()
	b.consult(event.OriginConference)
	for _, s := range hostile {
		b.add(event.InteractionAttributesChanged{Ref: ref("x"), Attributes: event.Attributes{"k" + s: s}}, recorded(ref("x"), "one"))
	}
	for i := range b.records {
		f.Add(b.records[i].Raw, []byte(nil))
		f.Add(b.records[i].Raw, b.records[i].Context)
	}
	f.Add([]byte(`{"type":"interaction.ended","data":[`), []byte(`{"streamSequence":1,"streamEvents":3,"status":[{"agent":1},[],"x"],"queue":"x","agents":[[],{`))
	f.Fuzz(func(t *testing.T, raw, context []byte) {
		r := eventlog.Record{Seq: 1, Received: time.UnixMilli(1772442000000).UTC(), Raw: raw, Context: context}
		if len(context) > 0 {
			checkFormats(t, &r)
			return
		}
		if _, err := event.Parse(raw, event.Limits{}); err != nil {
			return
		}
		r.Context, _ = floor.NewFold(floor.Options{}).Apply(tenant, &r)
		checkFormats(t, &r)
	})
}
