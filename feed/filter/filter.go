// Package filter lets events through by an expression in the Common Expression Language
// (CEL), for every feed that takes one.
//
// [Compile] makes a [Filter] of an expression, which is used by any number of goroutines.
// The expression sees type, subject, source, id (texts), time (a timestamp), sequence (an
// integer), derived (true or false), data and context (what the event carries, and what the
// log has stored with it). Its value is true or false.
//
// Invariants: evaluating costs a bounded amount ([MaxCost]) whatever the event; an event
// for which the expression has no value, because something that it names is not there or
// the cost is too high, does not pass; an event of another type or subject than the
// expression demands is refused before anything of it is decoded.
package filter

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"github.com/tidwall/gjson"

	"trunkline/eventlog"
)

// Limits of expressions.
const (
	MaxLength = 2000   // bytes
	MaxCost   = 20_000 // of one evaluation, in units of CEL: about a unit a step
)

// ErrExpression is what the complaints about expressions wrap.
var ErrExpression = errors.New("not a filter expression")

// Filter is a compiled expression.
type Filter struct {
	text     string
	types    []string // one of these is demanded; nil: any
	subjects []string
	program  cel.Program
}

// Compile makes a filter of an expression.
func Compile(text string) (*Filter, error) {
	if len(text) > MaxLength {
		return nil, fmt.Errorf("%w: it has %d bytes, at most %d are taken", ErrExpression, len(text), MaxLength)
	}
	env, err := cel.NewEnv(
		cel.Variable("type", cel.StringType), cel.Variable("subject", cel.StringType), cel.Variable("source", cel.StringType),
		cel.Variable("id", cel.StringType), cel.Variable("time", cel.TimestampType), cel.Variable("sequence", cel.IntType),
		cel.Variable("derived", cel.BoolType), cel.Variable("data", cel.DynType), cel.Variable("context", cel.DynType),
		cel.CrossTypeNumericComparisons(true), cel.ParserRecursionLimit(50),
	)
	if err != nil {
		return nil, fmt.Errorf("make the environment of filters: %w", err)
	}
	parsed, issues := env.Compile(text)
	if err := issues.Err(); err != nil {
		first, _, _ := strings.Cut(strings.TrimPrefix(issues.Err().Error(), "ERROR: <input>:"), "\n")
		return nil, fmt.Errorf("%w: at %s; it may name type, subject, source, id, time, sequence, derived, data and context", ErrExpression, first)
	}
	if out := parsed.OutputType(); !out.IsExactType(cel.BoolType) && !out.IsExactType(cel.DynType) {
		return nil, fmt.Errorf("%w: its value is %s, and must be true or false", ErrExpression, out)
	}
	program, err := env.Program(parsed, cel.CostLimit(MaxCost))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrExpression, err)
	}
	f := &Filter{text: text, program: program}
	f.demand(parsed.NativeRep().Expr())
	return f, nil
}

// Key is the same for filters that mean the same.
func (f *Filter) Key() string { return f.text }

// demand finds what an expression demands of type and subject: where it is a conjunction,
// each part must be true.
func (f *Filter) demand(e ast.Expr) {
	if e.Kind() != ast.CallKind {
		return
	}
	call := e.AsCall()
	args := call.Args()
	switch call.FunctionName() {
	case operators.LogicalAnd:
		for _, a := range args {
			f.demand(a)
		}
	case operators.Equals:
		f.want(args[0], []ast.Expr{args[1]})
		f.want(args[1], []ast.Expr{args[0]})
	case operators.In:
		if args[1].Kind() == ast.ListKind {
			f.want(args[0], args[1].AsList().Elements())
		}
	}
}

func (f *Filter) want(name ast.Expr, values []ast.Expr) {
	if name.Kind() != ast.IdentKind {
		return
	}
	texts := make([]string, 0, len(values))
	for _, v := range values {
		if v.Kind() != ast.LiteralKind {
			return
		}
		text, ok := v.AsLiteral().(types.String)
		if !ok {
			return
		}
		texts = append(texts, string(text))
	}
	// Of several demands one is enough to look at: the expression itself checks the others.
	switch name.AsIdent() {
	case "type":
		f.types = texts
	case "subject":
		f.subjects = texts
	}
}

// Match says whether an event passes.
func (f *Filter) Match(r *eventlog.Record) bool {
	if f.types != nil && !slices.Contains(f.types, r.Type()) || f.subjects != nil && !slices.Contains(f.subjects, r.Subject()) {
		return false
	}
	text := func(name string) func() any {
		return func() any { return gjson.GetBytes(r.Raw, name).String() }
	}
	decoded := func(raw string) any {
		var v any
		if raw == "" || json.Unmarshal([]byte(raw), &v) != nil {
			return map[string]any{}
		}
		return v
	}
	out, _, err := f.program.Eval(map[string]any{
		"type": r.Type(), "subject": r.Subject(), "source": text("source"), "id": text("id"),
		"time": func() any {
			at, err := time.Parse(time.RFC3339, gjson.GetBytes(r.Raw, "time").String())
			if err != nil {
				return r.Received
			}
			return at
		},
		"sequence": int64(r.Seq), "derived": r.Derived,
		"data":    func() any { return decoded(gjson.GetBytes(r.Raw, "data").Raw) },
		"context": func() any { return decoded(string(r.Context)) },
	})
	if err != nil {
		return false
	}
	pass, ok := out.Value().(bool)
	return ok && pass
}
