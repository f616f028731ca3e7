package asterisk

import "trunkline/source"

// Health returns how the source is.
func (c *Client) Health() source.Health {
	c.mu.Lock()
	h := c.health
	c.mu.Unlock()
	h.Waiting, h.Refused, h.Dropped = c.up.State()
	h.LeftOut = c.tr.left.Counts()
	return h
}

func (c *Client) set(s source.State, reason string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.health.State != s || c.health.Reason != reason {
		c.health.State, c.health.Reason, c.health.Since = s, reason, c.o.Now()
	}
}

// note changes the health.
func (c *Client) note(f func(*source.Health)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f(&c.health)
}
