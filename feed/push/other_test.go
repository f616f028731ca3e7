package push_test

import (
	"crypto/tls"
	"time"

	"trunkline/internal/devcert"
)

// other has certificates that should be refused.
type other struct {
	ca, client, expired *devcert.Pair
	wrongName           tls.Certificate
}

func newOther() (o other, err error) {
	c, err := certs()
	if err != nil {
		return o, err
	}
	if o.ca, err = devcert.Authority("other", devcert.Terms{}); err != nil {
		return o, err
	}
	if o.client, err = o.ca.Client(devcert.Terms{}, "trunkline"); err != nil {
		return o, err
	}
	if o.expired, err = c.ca.Client(devcert.Terms{From: time.Now().AddDate(0, 0, -9), Days: 2}, "trunkline"); err != nil {
		return o, err
	}
	wrong, err := c.ca.Server(devcert.Terms{}, "events.example.com")
	if err != nil {
		return o, err
	}
	o.wrongName, err = tls.X509KeyPair(wrong.Cert, wrong.Key)
	return o, err
}
