package webhook

import (
	"encoding/base64"
	"net/netip"
	"testing"
	"time"
)

func TestRetryPausesGrowAndAreBounded(t *testing.T) {
	for _, tc := range []struct {
		backoff, tries int
		most           time.Duration
	}{{1000, 1, time.Second}, {1000, 3, 4 * time.Second}, {1000, 30, time.Minute}, {120_000, 5, 2 * time.Minute}} {
		longest := time.Duration(0)
		for range 2000 {
			longest = max(longest, RetryPause(time.Duration(tc.backoff)*time.Millisecond, tc.tries))
		}
		if longest > tc.most || longest < tc.most*9/10 {
			t.Errorf("%d ms, try %d: up to %v, want up to %v", tc.backoff, tc.tries, longest, tc.most)
		}
	}
}

func TestTheBreaker(t *testing.T) {
	now := time.Now()
	var b Breaker
	for i := range streakOpens {
		if opened := b.Fail(Failure{About: string(rune('a' + i)), Dialled: true, Status: 500}, now, time.Second); opened != (i == streakOpens-1) {
			t.Fatalf("failure %d: opened %v", i+1, opened)
		}
	}
	if b.Until.Before(now.Add(time.Second/2)) || b.Until.After(now.Add(time.Second)) {
		t.Errorf("the first probe is at %v", b.Until.Sub(now))
	}
	for range 20 {
		b.Probing = true
		b.Fail(Failure{}, now, time.Second)
	}
	if b.pause != longestProbes || b.Probes != 20 {
		t.Errorf("%d probes are %v apart", b.Probes, b.pause)
	}
	if !b.Succeed() || b.Open || b.Succeed() {
		t.Error("a success closes it once")
	}
	for i := range 3 {
		if opened := b.Fail(Failure{}, now, time.Second); opened != (i == 2) {
			t.Errorf("failure %d without a connection: opened %v", i+1, opened)
		}
	}
	b.Succeed()
	for i := range 5 * streakOpens {
		if b.Fail(Failure{About: "a", Dialled: true, Status: 500}, now, time.Second) {
			t.Fatalf("refusal %d of one thing alone opened it", i+1)
		}
	}
	if !b.Fail(Failure{About: "a", Dialled: true, Status: 503}, now, time.Second) {
		t.Error("it did not open when the endpoint was not there")
	}
}

// TestSignature holds ours against the example of the specification's own library.
func TestSignature(t *testing.T) {
	key, err := base64.StdEncoding.DecodeString("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	if err != nil {
		t.Fatal(err)
	}
	got := Sign([][]byte{key}, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", []byte(`{"test": 2432232314}`))
	if want := "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestTheGuard(t *testing.T) {
	allowed, err := ParseNetworks([]string{"10.1.0.0/16", "::ffff:192.168.1.0/120", "64:ff9b::/96"})
	if err != nil {
		t.Fatal(err)
	}
	none, some := Guard{}, Guard{Allow: allowed}
	for addr, ok := range map[string]bool{
		"8.8.8.8": true, "2606:4700::1": true, "127.0.0.1": false, "::1": false, "10.1.2.3": false, "192.168.0.1": false, "172.16.0.1": false,
		"169.254.169.254": false, "fe80::1": false, "fd00:ec2::254": false, "224.0.0.1": false, "ff02::1": false, "0.0.0.0": false, "::": false,
		"100.64.0.1": false, "::ffff:127.0.0.1": false, "64:ff9b::7f00:1": false, "2002:7f00:1::": false, "255.255.255.255": false,
		"::127.0.0.1": false, "::8.8.8.8": false, "64:ff9b:1::a00:1": false, "2001::7f00:1": false, "fec0::1": false, "5f00::1": false, "3fff::1": false, "168.63.129.16": false,
		"192.0.0.192": false, "100.100.100.200": false, "fe80::1%eth0": false, "::ffff:0:127.0.0.1": false, "99.255.255.255": true, "100.128.0.1": true, "172.32.0.1": true, "2a00::1": true,
	} {
		if err := none.Check(netip.MustParseAddr(addr)); (err == nil) != ok {
			t.Errorf("%s: %v", addr, err)
		}
	}
	for addr, ok := range map[string]bool{"10.1.2.3": true, "::ffff:10.1.2.3": true, "10.2.0.1": false, "192.168.1.9": true, "192.168.2.9": false, "64:ff9b::a01:203": true, "127.0.0.1": false} {
		if err := some.Check(netip.MustParseAddr(addr)); (err == nil) != ok {
			t.Errorf("with a network allowed, %s: %v", addr, err)
		}
	}
}

// TestSecrets goes the way of a secret: given, replaced, side by side with its successor, and over.
func TestSecrets(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 5, time.UTC)
	first, made := Given("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", now)
	if made != "" || len(first) != 1 || first.Check() != nil || len(first.Keys(now)) != 1 {
		t.Fatalf("%+v, made %q", first, made)
	}
	second, made := Given(Made, now)
	if made == "" || second[0].Key != made || second.Check() != nil {
		t.Fatalf("%+v, made %q", second, made)
	}
	both := second.Beside(first, now, Overlap)
	for after, want := range map[time.Duration]int{0: 2, Overlap - time.Second: 2, Overlap: 1} {
		if keys := both.Keys(now.Add(after)); len(keys) != want || string(keys[0]) != string(second.Keys(now)[0]) {
			t.Errorf("after %v %d keys sign, want %d, the new one first", after, len(keys), want)
		}
	}
	if third, _ := Given(Made, now); len(third.Beside(both, now, Overlap)) != 2 {
		t.Error("more than two secrets sign")
	}
	if len(second.Beside(first, now, 0)) != 1 || len(second.Beside(second, now, Overlap)) != 1 || len(second.Beside(nil, now, Overlap)) != 1 {
		t.Error("a secret signs beside a new one that should not")
	}
	none, made := Given("", now)
	if made != "" || len(none.Keys(now)) != 0 || len(none.Beside(first, now, Overlap)) != 0 {
		t.Error("without a secret something is signed")
	}
	for _, text := range []string{"secret", "whsec_", "whsec_!", "whsec_AAAA", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"} {
		if bad, _ := Given(text, now); bad.Check() == nil || len(bad.Keys(now)) != 0 {
			t.Errorf("%q is taken", text)
		}
	}
}
