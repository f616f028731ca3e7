package freeswitch_test

import "time"

var scriptStart = time.Unix(1_800_000_000, 0).UTC()
