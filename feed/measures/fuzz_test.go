package measures

import (
	"testing"
	"time"
)

func FuzzAuthentication(f *testing.F) {
	f.Add(true, []byte(`{"event":"authentication","subscriptionId":"fdbec917-e76e-4645-8120-4eac46f29488","token":"x"}`))
	f.Add(true, []byte(`{"token":1}`))
	f.Add(false, []byte(`[]`))
	f.Fuzz(func(t *testing.T, text bool, raw []byte) {
		a, err := parseAuthentication(text, raw)
		if err == nil && (a.Token == "" || !text || a.Event != "" && a.Event != eventAuthentication) {
			t.Errorf("%q gives %+v", raw, a)
		}
	})
}

func FuzzSubscription(f *testing.F) {
	f.Add(true, []byte(`{"family":"ANALYTICS","events":["ALL"],"transport":{"type":"WEBSOCKET"},"extensions":{"measureProducerId":"Agent_itd"}}`))
	f.Add(true, []byte(`{"family":"ANALYTICS","events":["ALL"],"transport":{"type":"WEBHOOK","endpoint":"https://e.com/x","authToken":"k"},"extensions":{"measureProducerId":"Agent_itd"}}`))
	f.Add(false, []byte(`{"events":"ALL","extensions":{"measureProducerId":"queue_ITD_1.0.0","queueId":"a,b"}}`))
	f.Add(true, []byte(`null`))
	f.Fuzz(func(t *testing.T, create bool, raw []byte) {
		b, bad := parseBody(raw)
		if len(bad) > 0 {
			return
		}
		q, bad := b.check(create, &Webhooks{})
		if len(bad) > 0 {
			return
		}
		if create && (q.transport == nil || len(q.events) != 1 || findProducer(q.extensions[extProducer]) == nil) {
			t.Errorf("%q gives %+v", raw, q)
		}
		s := stored{}
		q.apply(&s, time.Now())
		if q.extensions != nil {
			newSheet(termsOf(&s), "account", "source")
		}
	})
}
