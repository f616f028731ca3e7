package sim

import "math"

const (
	second  = int64(1000)
	minute  = 60 * second
	hour    = 60 * minute
	day     = 24 * hour
	quarter = 15 * minute
	slots   = int(day / quarter) // quarters of an hour in a day
)

// pressure is how hard the day works its staff: the share of the planned
// staff's time that the expected arrivals fill, for each hour of the site's
// clock. Two peaks, a lunch time with fewer hands, quiet nights.
var pressure = [24]float64{
	0.58, 0.55, 0.52, 0.50, 0.52, 0.58, 0.66, 0.76, 0.88, 0.98, 1.04, 1.02,
	0.96, 0.98, 1.02, 1.00, 0.94, 0.88, 0.82, 0.80, 0.76, 0.72, 0.68, 0.62,
}

// pressureAt reads the curve at a quarter of the day, between the hours along
// a straight line.
func pressureAt(slot int) float64 {
	h, part := slot/4, float64(slot%4)/4
	return pressure[h] + (pressure[(h+1)%24]-pressure[h])*part
}

// arrivals is a Poisson process whose rate is constant within each quarter of
// an hour of the day. A waiting time is drawn exactly, by spending one
// exponential draw over the quarters to come.
type arrivals struct {
	rate   [slots]float64 // arrivals a millisecond
	perDay float64
}

func newArrivals(rate [slots]float64) *arrivals {
	a := &arrivals{rate: rate}
	for _, x := range rate {
		a.perDay += x * float64(quarter)
	}
	return a
}

// wait is the time from clock (milliseconds of the site's clock, any day) to
// the next arrival. There is none when less than one in a hundred years is to
// be expected.
func (a *arrivals) wait(clock int64, r random) (delay int64, ok bool) {
	if a.perDay < 1.0/36_500 {
		return 0, false
	}
	work := r.ExpFloat64()
	days := math.Floor(work / a.perDay)
	work -= days * a.perDay
	for at := clock + int64(days)*day; ; {
		slot := slotOf(at)
		left := quarter - floorMod(at, quarter)
		if rate := a.rate[slot]; rate > 0 && rate*float64(left) >= work {
			return at - clock + int64(math.Ceil(work/rate)), true
		}
		work = max(work-a.rate[slot]*float64(left), 0)
		at += left
	}
}

func slotOf(clock int64) int { return int(floorMod(clock, day) / quarter) }

func floorMod(a, b int64) int64 {
	m := a % b
	if m < 0 {
		m += b
	}
	return m
}
