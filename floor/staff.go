package floor

type staff struct{}

func (s *staff) note(a *Agent, at int64)                       {}
func (s *staff) change(a *Agent, at int64)                     {}
func (s *staff) gone(a *Agent, at int64)                       {}
func (s *staff) handled(p *Part, at int64)                     {}
func (s *staff) visited(q *Queue, at, waited int64, c Counter) {}
func (s *staff) advance(t *Tenant)                             {}

type waits struct{}

func (w *waits) entered(v *Visit)                       {}
func (w *waits) left(v *Visit, answered bool, at int64) {}
func (w *waits) handled(p *Part)                        {}
func (w *waits) advance(t *Tenant)                      {}

func (s *staff) code(c *coder, t *Tenant) {}
func (w *waits) code(c *coder, t *Tenant) {}
