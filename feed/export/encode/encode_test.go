package encode_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/parquet-go/parquet-go"
	"pgregory.net/rapid"

	"trunkline/feed/export/encode"
	"trunkline/feed/export/layout"
	"trunkline/feed/export/schema"
)

// row makes a row that differs with i, with nulls in it.
func row(t *schema.Table, i int) schema.Row {
	r := make(schema.Row, len(t.Columns))
	for n, c := range t.Columns {
		if (i+n)%5 == 0 {
			continue
		}
		switch c.Kind {
		case schema.String:
			r[n] = schema.Text(fmt.Sprintf("%s %d é\n\u2028\"", c.Name, i))
		case schema.Integer:
			r[n] = schema.Int(i*1000 - n)
		case schema.Float:
			r[n] = schema.Real(float64(i) / 3)
		case schema.Boolean:
			r[n] = schema.Truth(i%2 == 0)
		case schema.Timestamp:
			r[n] = schema.Millis(1_700_000_000_000 + int64(i)*1234)
		}
	}
	return r
}

func table(t testing.TB, name string) *schema.Table {
	tb, ok := schema.Find(name)
	if !ok {
		t.Fatalf("no table %s", name)
	}
	return tb
}

func write(t *testing.T, tb *schema.Table, o encode.Options, n int) []encode.File {
	t.Helper()
	files, err := encode.Write(t.Context(), t.TempDir(), tb, o, func(add func(schema.Row) error) error {
		for i := range n {
			if err := add(row(tb, i)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func read(t *testing.T, f encode.File) []byte {
	t.Helper()
	b, err := os.ReadFile(f.Path)
	if err != nil || int64(len(b)) != f.Bytes {
		t.Fatalf("%d bytes of %d: %v", len(b), f.Bytes, err)
	}
	return b
}

func unzip(t *testing.T, b []byte) []byte {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	if !z.ModTime.IsZero() || z.Name != "" {
		t.Errorf("the file has the time %v and the name %q in it", z.ModTime, z.Name)
	}
	out, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestLinesAreWhatThePageSays(t *testing.T) {
	tb := table(t, "convos_metrics")
	files := write(t, tb, encode.Options{Format: layout.JSONL}, 100)
	if len(files) != 1 || files[0].Name != "convos_metrics.jsonl" || files[0].Rows != 100 {
		t.Fatalf("%+v", files)
	}
	text := read(t, files[0])
	if !bytes.HasSuffix(text, []byte("\n")) || bytes.Contains(text, []byte("\r")) || bytes.ContainsRune(text, 0x2028) {
		t.Error("the lines do not end as Unix lines do, or something in them is not escaped")
	}
	for i, line := range bytes.Split(bytes.TrimSuffix(text, []byte("\n")), []byte("\n")) {
		var m map[string]any
		if err := json.Unmarshal(line, &m); err != nil || len(m) != len(tb.Columns) {
			t.Fatalf("line %d: %d members, %v", i, len(m), err)
		}
	}
	zipped := write(t, tb, encode.Options{Format: layout.JSONL, Gzip: true}, 100)
	if zipped[0].Name != "convos_metrics.jsonl.gz" || !bytes.Equal(unzip(t, read(t, zipped[0])), text) {
		t.Error("compressed it is something else")
	}
}

func TestFilesAreTheSameEachTime(t *testing.T) {
	for _, o := range []encode.Options{{Format: layout.JSONL, Gzip: true, SplitBytes: 2000}, {Format: layout.Parquet}} {
		a, b := write(t, table(t, "utterances"), o, 500), write(t, table(t, "utterances"), o, 500)
		if len(a) != len(b) || len(a) == 0 {
			t.Fatalf("%d and %d files", len(a), len(b))
		}
		for i := range a {
			if a[i].SHA256 != b[i].SHA256 || a[i].Name != b[i].Name || a[i].Rows != b[i].Rows {
				t.Errorf("%+v and %+v", a[i], b[i])
			}
		}
	}
}

func TestFilesAreSplitBySize(t *testing.T) {
	tb := table(t, "utterances")
	whole := read(t, write(t, tb, encode.Options{Format: layout.JSONL}, 600)[0])
	files := write(t, tb, encode.Options{Format: layout.JSONL, SplitBytes: int64(len(whole)) / 3}, 600)
	var joined []byte
	for i, f := range files {
		if want := fmt.Sprintf("utterances.jsonl.%02d", i); f.Name != want {
			t.Errorf("%s, not %s", f.Name, want)
		}
		joined = append(joined, read(t, f)...)
	}
	if len(files) < 3 || !bytes.Equal(joined, whole) {
		t.Errorf("%d files that are together what one is: %v", len(files), bytes.Equal(joined, whole))
	}
	// The sequence has two digits: the hundredth file takes what is left.
	most := write(t, table(t, "dim_queues"), encode.Options{Format: layout.JSONL, SplitBytes: 1}, 60_000)
	if len(most) != layout.MaxSplits || most[99].Name != "dim_queues.jsonl.99" {
		t.Fatalf("%d files, the last %s", len(most), most[len(most)-1].Name)
	}
	rows := int64(0)
	for _, f := range most {
		rows += f.Rows
	}
	if rows != 60_000 {
		t.Errorf("%d rows", rows)
	}
}

func TestNothingIsNoFile(t *testing.T) {
	for _, format := range []string{layout.JSONL, layout.Parquet} {
		if files := write(t, table(t, "reps"), encode.Options{Format: format, Gzip: true}, 0); len(files) != 0 {
			t.Errorf("%s: %+v", format, files)
		}
	}
}

func TestParquetHasTheTypesOfTheTable(t *testing.T) {
	tb := table(t, "convos_metrics")
	files := write(t, tb, encode.Options{Format: layout.Parquet}, 300)
	if files[0].Name != "convos_metrics.parquet" {
		t.Errorf("%s", files[0].Name)
	}
	f, err := parquet.OpenFile(bytes.NewReader(read(t, files[0])), files[0].Bytes)
	if err != nil {
		t.Fatal(err)
	}
	if f.NumRows() != 300 {
		t.Errorf("%d rows", f.NumRows())
	}
	for i, field := range f.Schema().Fields() {
		c := tb.Columns[i]
		want := map[schema.Kind]string{schema.String: "STRING", schema.Integer: "INT(64", schema.Float: "DOUBLE", schema.Boolean: "BOOLEAN", schema.Timestamp: "TIMESTAMP"}[c.Kind]
		if field.Name() != c.Name || !field.Optional() || !strings.HasPrefix(field.Type().String(), want) {
			t.Errorf("column %d is %s %s, not %s %s", i, field.Name(), field.Type(), c.Name, want)
		}
	}
	i := 0
	for _, g := range f.RowGroups() {
		rows := g.Rows()
		buf := make([]parquet.Row, 10)
		for {
			n, err := rows.ReadRows(buf)
			for _, got := range buf[:n] {
				want := row(tb, i)
				for n, v := range got {
					switch w := want[n]; {
					case v.IsNull() != w.IsNull():
						t.Fatalf("row %d %s: %v, not %v", i, tb.Columns[n].Name, v, w)
					case w.IsNull():
					case tb.Columns[n].Kind == schema.String && string(v.ByteArray()) != w.Str(),
						tb.Columns[n].Kind == schema.Float && v.Double() != w.Float(),
						tb.Columns[n].Kind == schema.Boolean && v.Boolean() != w.Bool(),
						(tb.Columns[n].Kind == schema.Integer || tb.Columns[n].Kind == schema.Timestamp) && v.Int64() != w.Integer():
						t.Fatalf("row %d %s: %v, not %v", i, tb.Columns[n].Name, v, w)
					}
				}
				i++
			}
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		_ = rows.Close()
	}
	if i != 300 {
		t.Errorf("%d rows came back", i)
	}
}

// public gives a key pair and its public half as customers send it.
func public(t *testing.T) (*openpgp.Entity, []byte) {
	t.Helper()
	e, err := openpgp.NewEntity("Acme", "", "acme@example.com", nil)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := e.Serialize(&b); err != nil {
		t.Fatal(err)
	}
	return e, b.Bytes()
}

func TestFilesAreEncryptedToTheCustomer(t *testing.T) {
	pair, raw := public(t)
	keys, err := encode.PublicKey(raw, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	tb := table(t, "utterances")
	plain := write(t, tb, encode.Options{Format: layout.JSONL, Gzip: true}, 50)
	files := write(t, tb, encode.Options{Format: layout.JSONL, Gzip: true, Recipients: keys}, 50)
	if files[0].Name != "utterances.jsonl.gz.enc" {
		t.Errorf("%s", files[0].Name)
	}
	m, err := openpgp.ReadMessage(bytes.NewReader(read(t, files[0])), openpgp.EntityList{pair}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(m.UnverifiedBody)
	if err != nil || !bytes.Equal(b, read(t, plain[0])) {
		t.Errorf("decrypted it is something else, %v", err)
	}
	other, _ := public(t)
	if _, err := openpgp.ReadMessage(bytes.NewReader(read(t, files[0])), openpgp.EntityList{other}, nil, nil); err == nil {
		t.Error("somebody else can read it")
	}
}

func TestOnlyPublicKeysAreTaken(t *testing.T) {
	pair, _ := public(t)
	var private bytes.Buffer
	if err := pair.SerializePrivate(&private, nil); err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string][]byte{"nothing": nil, "text": []byte("hello"), "a private key": private.Bytes()} {
		if _, err := encode.PublicKey(b, time.Now()); !errors.Is(err, encode.ErrKey) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRowsAreReadAsTheyWereKept(t *testing.T) {
	tables := schema.Tables()
	rapid.Check(t, func(t *rapid.T) {
		tb := rapid.SampledFrom(tables).Draw(t, "table")
		var kept []byte
		n := rapid.IntRange(0, 5).Draw(t, "rows")
		from := rapid.IntRange(0, 1000).Draw(t, "from")
		for i := range n {
			var err error
			if kept, err = encode.AppendRow(kept, tb, row(tb, from+i)); err != nil {
				t.Fatal(err)
			}
		}
		i := from
		err := encode.ReadRows(bytes.NewReader(kept), tb, func(got schema.Row) error {
			if a, b := tb.AppendJSON(nil, got), tb.AppendJSON(nil, row(tb, i)); !bytes.Equal(a, b) {
				t.Fatalf("%s\n%s", a, b)
			}
			i++
			return nil
		})
		if err != nil || i != from+n {
			t.Fatalf("%d of %d rows, %v", i-from, n, err)
		}
	})
}

func TestRowsThatDoNotFitAreRefused(t *testing.T) {
	tb := table(t, "reps")
	if _, err := encode.AppendRow(nil, tb, schema.Row{}); err == nil {
		t.Error("a row without columns is taken")
	}
	r := row(tb, 1)
	for i, c := range tb.Columns {
		if c.Kind == schema.String {
			r[i] = schema.Int(1)
		}
	}
	if b, err := encode.AppendRow([]byte("x"), tb, r); err == nil || string(b) != "x" {
		t.Errorf("%q, %v", b, err)
	}
}

func FuzzReadRows(f *testing.F) {
	tb, _ := schema.Find("convos_metrics")
	good, _ := encode.AppendRow(nil, tb, row(tb, 7))
	f.Add(good)
	f.Add(good[:len(good)-1])
	f.Add([]byte{255, 255, 255, 255})
	f.Fuzz(func(t *testing.T, b []byte) {
		err := encode.ReadRows(bytes.NewReader(b), tb, func(r schema.Row) error {
			_, err := encode.AppendRow(nil, tb, r)
			return err
		})
		if err != nil && !errors.Is(err, encode.ErrRows) {
			t.Fatal(err)
		}
	})
}
