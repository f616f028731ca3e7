package typedoc_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"trunkline/internal/typedoc"
)

// module writes a module with two packages and gives its directory.
func module(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"shop/shop.go": `package shop

import (
	"time"

	stock "example/store"
)

// Order is what somebody wants; it's for [Item]s.
type Order struct {
	base
	ID     string           ` + "`json:\"id\"`" + ` // unique
	State  State            ` + "`json:\"state\"`" + `
	Items  []stock.Item     ` + "`json:\"items\"`" + `
	ByName map[string]*Note ` + "`json:\"by_name,omitempty\"`" + `
	Paid   *float64         ` + "`json:\"paid\"`" + ` // null: not yet
	Last   *Note            ` + "`json:\"last\"`" + `
	At     time.Time        ` + "`json:\"at,omitzero\"`" + `
	Raw    []byte           ` + "`json:\"raw\"`" + `
	Any    any              ` + "`json:\"any\"`" + `
	Hidden int              ` + "`json:\"-\"`" + `
	Bare   uint8
	secret string
}

type base struct {
	ID   int    ` + "`json:\"id\"`" + ` // hidden by that of the order
	Kind string ` + "`json:\"kind,omitempty\"`" + `
}

// Note says something.
type Note struct {
	Text string ` + "`json:\"text\"`" + `
}

// State is a word.
type State string

const (
	Open   State = "open"
	Closed State = "closed"
)
`,
		"store/store.go": `package store

type Item struct {
	// Count is how many there are.
	Count int ` + "`json:\"count\"`" + `
	Code  Code ` + "`json:\"code\"`" + `
}

type Code int

func (c Code) MarshalText() ([]byte, error) { return nil, nil }
`,
		"store/other_test.go": "package store_test // is not read\n type Item struct{}",
	} {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

var known = map[string]string{"time.Time": "{type: string, format: date-time}", "store.Code": "{type: string}"}

func TestSchemas(t *testing.T) {
	got, err := typedoc.Schemas(typedoc.Options{Root: module(t), Module: "example", Known: known}, 2,
		typedoc.Wanted{Type: "shop.Order"}, typedoc.Wanted{Name: "Remark", Type: "shop.Note"}, typedoc.Wanted{Name: "NewNote", Type: "shop.Note", Request: true})
	if err != nil {
		t.Fatal(err)
	}
	const want = `  Item:
    type: object
    required: [count, code]
    additionalProperties: false
    properties:
      count: {type: integer, description: 'How many there are.'}
      code: {type: string}
  NewNote:
    description: 'Something.'
    type: object
    additionalProperties: false
    properties:
      text: {type: string}
  Order:
    description: 'What somebody wants; it''s for Items.'
    type: object
    required: [id, state, items, paid, last, raw, any, Bare]
    additionalProperties: false
    properties:
      kind: {type: string}
      id: {type: string, description: 'unique'}
      state: {type: string, enum: ['open', 'closed']}
      items: {type: array, items: {$ref: '#/components/schemas/Item'}}
      by_name: {type: object, additionalProperties: {$ref: '#/components/schemas/Remark'}}
      paid: {type: [number, 'null'], description: 'null: not yet'}
      last: {anyOf: [{$ref: '#/components/schemas/Remark'}, {type: 'null'}]}
      at: {type: string, format: date-time}
      raw: {type: string, contentEncoding: base64}
      any: {}
      Bare: {type: integer, minimum: 0}
  Remark:
    description: 'Something.'
    type: object
    required: [text]
    additionalProperties: false
    properties:
      text: {type: string}
`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestWhatIsLeftOutAndOpen(t *testing.T) {
	got, err := typedoc.Schemas(typedoc.Options{Root: module(t), Module: "example", Known: known, Open: []string{"shop.State"}}, 0,
		typedoc.Wanted{Type: "shop.Order", Without: []string{"items", "by_name", "last", "kind"}})
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(got, "schemas/") || strings.Contains(got, "kind") || !strings.Contains(got, "state: {type: string}\n") {
		t.Error(got)
	}
}

func TestWhatCannotBeDescribed(t *testing.T) {
	dir := module(t)
	for name, tc := range map[string]struct {
		known  map[string]string
		wanted []typedoc.Wanted
		says   string
	}{
		"encodes itself": {map[string]string{"time.Time": "{}"}, []typedoc.Wanted{{Type: "store.Item"}}, "store.Code encodes itself"},
		"elsewhere":      {map[string]string{"store.Code": "{}"}, []typedoc.Wanted{{Type: "shop.Order"}}, "time.Time is not of this module"},
		"no type":        {known, []typedoc.Wanted{{Type: "shop.Nothing"}}, "no type shop.Nothing"},
		"no package":     {known, []typedoc.Wanted{{Type: "nowhere.Order"}}, "nowhere: file does not exist"},
		"no struct":      {known, []typedoc.Wanted{{Type: "shop.State"}}, "no struct"},
		"the same name":  {known, []typedoc.Wanted{{Type: "shop.Note"}, {Name: "Note", Type: "store.Item"}}, "both called Note"},
	} {
		if _, err := typedoc.Schemas(typedoc.Options{Root: dir, Module: "example", Known: tc.known}, 0, tc.wanted...); err == nil || !strings.Contains(err.Error(), tc.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
