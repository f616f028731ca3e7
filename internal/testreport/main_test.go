package main

import (
	"strings"
	"testing"
)

func TestReport(t *testing.T) {
	in := `{"Action":"start","Package":"p"}
{"Action":"run","Package":"p","Test":"TestGood"}
{"Action":"output","Package":"p","Test":"TestGood","Output":"chatter\n"}
{"Action":"pass","Package":"p","Test":"TestGood"}
{"Action":"output","Package":"p","Test":"TestBad","Output":"    a_test.go:1: wrong\n"}
{"Action":"fail","Package":"p","Test":"TestBad"}
{"Action":"output","Package":"p","Test":"TestRoot","Output":"    testenv.go:27: left out: needs root\n"}
{"Action":"skip","Package":"p","Test":"TestRoot"}
{"Action":"output","Package":"p","Test":"TestOther","Output":"    a_test.go:9: no loop devices: none\n"}
{"Action":"skip","Package":"p","Test":"TestOther"}
{"Action":"fail","Package":"p","Elapsed":1.5}
{"Action":"pass","Package":"q","Elapsed":0.1}
{"ImportPath":"r","Action":"build-output","Output":"r.go:1: syntax error\n"}
{"Action":"output","Package":"r","Output":"FAIL\tr [build failed]\n"}
{"Action":"fail","Package":"r"}
{"Action":"skip","Package":"empty"}
go: a warning
`
	var out strings.Builder
	r := &report{out: &out, output: map[string]*strings.Builder{}, broken: map[string]bool{}}
	if err := r.read(strings.NewReader(in)); err != nil {
		t.Fatal(err)
	}
	r.summary()
	want := `    a_test.go:1: wrong
FAIL  p  1.5s
ok    q  0.1s
r.go:1: syntax error
FAIL	r [build failed]
FAIL  r  0.0s
go: a warning

2 left out on this machine:
  p TestRoot: needs root
  p TestOther: no loop devices: none

1 passed, 2 failed
`
	if got := out.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
