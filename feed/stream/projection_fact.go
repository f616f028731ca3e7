package stream

import (
	"strings"
	"unsafe"

	"trunkline/eventlog"
	"trunkline/floor"
	"trunkline/internal/scan"
)

// fact is what the projection reads of a record: of the event as it came, and of
// the context that was stored with it. Its texts live in the record's bytes.
type fact struct {
	kind     string // CloudEvents type
	at       int64  // when it happened, epoch milliseconds by the source's clock
	received int64  // when it was appended, epoch milliseconds

	// Of the event's data.
	interaction, media, agent, reason, initiator, address string
	change, skill, assignment, queue                      string
	ringLimit, priority                                   int64
	inactive                                              bool // of a queue: the agent does not serve it now

	// Of the context.
	first      uint64 // number of the first event
	events     int    // how many there are
	state      string // callState of the fact's own event
	direction  string
	origin     string
	parent     string
	queuedAt   int64
	firstQueue int64
	visits     int64
	recordings int64
	dialler    string
	code       string // disposition
	queueID    string
	queueName  string
	agentID    string
	agentGUID  string
	agentPhone string
	status     string // JSON

	begin  beginning
	source []pair   // attached by the source
	taking []string // agents who have a part that is not over
}

func textOf(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// contextStart is how the context of a record that makes events begins.
const contextStart = `{"streamSequence":`

// read takes a record in. It gives false when the stream feed has no event of it.
func (f *fact) read(rec *eventlog.Record) bool {
	context := textOf(rec.Context)
	if !strings.HasPrefix(context, contextStart) {
		return false
	}
	*f = fact{received: rec.Received.UnixMilli(), source: f.source[:0], taking: f.taking[:0]}
	f.readContext(context)
	if f.events == 0 || f.first == 0 {
		return false
	}
	c := scan.Of(textOf(rec.Raw))
	for c.Open(scan.Object); ; {
		k, ok := c.Member()
		if !ok {
			break
		}
		switch k {
		case "type":
			f.kind = c.Str()
		case "time":
			f.at = scan.Millis(c.Str())
		case "data":
			f.readData(&c)
		default:
			c.Value()
		}
	}
	f.at = floor.EventTime(f.at, f.received)
	return true
}

func (f *fact) readData(c *scan.JSON) {
	if !c.Open(scan.Object) {
		c.Value()
		return
	}
	for {
		k, ok := c.Member()
		if !ok {
			return
		}
		switch k {
		case "interaction":
			f.interaction = c.Str()
		case "media":
			f.media = c.Str()
		case "agent":
			f.agent = c.Str()
		case "reason":
			f.reason = c.Str()
		case "initiator":
			f.initiator = c.Str()
		case "address":
			f.address = c.Str()
		case "ring_limit_ms":
			f.ringLimit = c.Num()
		case "priority":
			f.priority = c.Num()
		case "change":
			f.change = c.Str()
		case "skill":
			f.readPart(c, &f.skill)
		case "queue":
			if c.Kind() == scan.Object {
				f.readPart(c, &f.queue)
			} else {
				f.queue = c.Str()
			}
		default:
			c.Value()
		}
	}
}

// readPart reads the skill or the queue of a change of an agent.
func (f *fact) readPart(c *scan.JSON, id *string) {
	if !c.Open(scan.Object) {
		c.Value()
		return
	}
	for {
		k, ok := c.Member()
		if !ok {
			return
		}
		switch k {
		case "id":
			*id = c.Str()
		case "assignment":
			f.assignment = c.Str()
		case "active":
			f.inactive = c.Value() == "false"
		default:
			c.Value()
		}
	}
}

func (f *fact) readContext(context string) {
	c := scan.Of(context)
	for c.Open(scan.Object); ; {
		k, ok := c.Member()
		if !ok {
			return
		}
		switch k {
		case "streamSequence":
			f.first = uint64(max(c.Num(), 0))
		case "streamEvents":
			f.events = int(min(max(c.Num(), 0), 1<<20))
		case "streamState":
			f.state = c.Str()
		case "direction":
			f.direction = c.Str()
		case "origin":
			f.origin = c.Str()
		case "parent":
			f.parent = c.Str()
		case "queuedAt":
			f.queuedAt = c.Num()
		case "firstQueuedAt":
			f.firstQueue = c.Num()
		case "visits":
			f.visits = c.Num()
		case "recordings":
			f.recordings = c.Num()
		case "dialler":
			f.dialler = c.Str()
		case "disposition":
			f.code = c.Str()
		case "priority":
			f.priority = c.Num()
		case "created":
			f.begin.read(&c)
		case "attributes":
			f.readAttributes(&c)
		case "queue":
			f.readQueue(&c)
		case "agent":
			f.readAgent(&c)
		case "agents":
			f.readParts(&c)
		case "status":
			f.status = c.Value()
		default:
			c.Value()
		}
	}
}

func (f *fact) readQueue(c *scan.JSON) {
	if !c.Open(scan.Object) {
		c.Value()
		return
	}
	for {
		k, ok := c.Member()
		if !ok {
			return
		}
		switch k {
		case "id":
			f.queueID = c.Str()
		case "name":
			f.queueName = c.Str()
		default:
			c.Value()
		}
	}
}

func (f *fact) readAgent(c *scan.JSON) {
	if !c.Open(scan.Object) {
		c.Value()
		return
	}
	for {
		k, ok := c.Member()
		if !ok {
			return
		}
		switch k {
		case "id":
			f.agentID = c.Str()
		case "guid":
			f.agentGUID = c.Str()
		case "address":
			f.agentPhone = c.Str()
		default:
			c.Value()
		}
	}
}

// beginning is what an interaction began with, as it is told on with every fact.
type beginning struct {
	channel, channelName, dialled string
	name, number                  string // the customer's
	campaign, campaignName        string
	session, language             string
}

func (b *beginning) read(c *scan.JSON) {
	if !c.Open(scan.Object) {
		c.Value()
		return
	}
	for {
		k, ok := c.Member()
		if !ok {
			return
		}
		switch k {
		case "channel":
			b.channel = c.Str()
		case "channel_name":
			b.channelName = c.Str()
		case "dialled":
			b.dialled = c.Str()
		case "campaign":
			b.campaign = c.Str()
		case "campaign_name":
			b.campaignName = c.Str()
		case "language":
			b.language = c.Str()
		case "customer":
			readTwo(c, "name", &b.name, "number", &b.number)
		case "session":
			readTwo(c, "id", &b.session, "", nil)
		default:
			c.Value()
		}
	}
}

func (f *fact) readAttributes(c *scan.JSON) {
	if !c.Open(scan.Object) {
		c.Value()
		return
	}
	for {
		k, ok := c.Member()
		if !ok {
			return
		}
		p := pair{key: k}
		if c.Kind() == scan.Text {
			p.value = c.Str()
		} else {
			p.value = c.Value()
		}
		f.source = append(f.source, p)
	}
}

// readParts reads who takes part, as far as the part is not over.
func (f *fact) readParts(c *scan.JSON) {
	if !c.Open(scan.Array) {
		c.Value()
		return
	}
	for c.Item(']') {
		var id, stage string
		readTwo(c, "id", &id, "stage", &stage)
		switch stage {
		case "dialling", "offered", "contact":
			f.taking = append(f.taking, id)
		}
	}
}

// readTwo reads two texts of an object.
func readTwo(c *scan.JSON, name1 string, to1 *string, name2 string, to2 *string) {
	if !c.Open(scan.Object) {
		c.Value()
		return
	}
	for {
		k, ok := c.Member()
		switch {
		case !ok:
			return
		case k == name1:
			*to1 = c.Str()
		case to2 != nil && k == name2:
			*to2 = c.Str()
		default:
			c.Value()
		}
	}
}
