package encode

import (
	"fmt"
	"io"
	"reflect"
	"strings"

	"github.com/parquet-go/parquet-go"

	"trunkline/feed/export/schema"
)

// groupBytes is from how many bytes of values on a row group is written: what a
// writer holds in memory.
const groupBytes = 16 << 20

// columns writes Parquet: every column optional, texts as UTF-8, moments as
// microseconds in UTC, zstd.
type columns struct {
	w    *parquet.GenericWriter[any]
	t    *schema.Table
	rows []parquet.Row
	size int
}

func newParquet(w io.Writer, t *schema.Table) *columns {
	return &columns{t: t, w: parquet.NewGenericWriter[any](w, ParquetSchema(t), parquet.CreatedBy("trunkline", "1", "0"),
		parquet.WriteBufferSize(64<<10), parquet.PageBufferSize(64<<10))}
}

// ParquetSchema is a table's schema in files of Parquet.
func ParquetSchema(t *schema.Table) *parquet.Schema {
	fields := make([]reflect.StructField, len(t.Columns))
	for i, c := range t.Columns {
		var kind reflect.Type
		tag := c.Name + ",optional,zstd"
		switch c.Kind {
		case schema.Integer:
			kind = reflect.TypeFor[int64]()
		case schema.Timestamp:
			kind, tag = reflect.TypeFor[int64](), tag+",timestamp(microsecond)"
		case schema.Float:
			kind = reflect.TypeFor[float64]()
		case schema.Boolean:
			kind = reflect.TypeFor[bool]()
		case schema.String:
			kind = reflect.TypeFor[string]()
			if !strings.EqualFold(c.SQL, "text") {
				tag += ",dict"
			}
		}
		fields[i] = reflect.StructField{Name: fmt.Sprintf("C%d", i), Type: kind, Tag: reflect.StructTag(fmt.Sprintf("parquet:%q", tag))}
	}
	return parquet.NewSchema(t.Name, parquet.SchemaOf(reflect.New(reflect.StructOf(fields)).Interface()))
}

// batch is how many rows are handed on at once.
const batch = 64

func (c *columns) add(r schema.Row) error {
	if len(c.rows) < cap(c.rows) {
		c.rows = c.rows[:len(c.rows)+1]
	} else {
		c.rows = append(c.rows, nil)
	}
	row := c.rows[len(c.rows)-1][:0]
	for i := range r {
		v := parquet.Value{}
		level := 1
		switch val := &r[i]; {
		case val.IsNull():
			level = 0
		case c.t.Columns[i].Kind == schema.String:
			v = parquet.ByteArrayValue([]byte(val.Str()))
			c.size += len(val.Str())
		case c.t.Columns[i].Kind == schema.Float:
			v = parquet.DoubleValue(val.Float())
		case c.t.Columns[i].Kind == schema.Boolean:
			v = parquet.BooleanValue(val.Bool())
		default:
			v = parquet.Int64Value(val.Integer())
		}
		row = append(row, v.Level(0, level, i))
		c.size += 8
	}
	c.rows[len(c.rows)-1] = row
	if len(c.rows) < batch && c.size < groupBytes {
		return nil
	}
	return c.flush()
}

func (c *columns) flush() error {
	if _, err := c.w.WriteRows(c.rows); err != nil {
		return err
	}
	c.rows = c.rows[:0]
	if c.size < groupBytes {
		return nil
	}
	c.size = 0
	return c.w.Flush()
}

func (c *columns) close() error {
	if err := c.flush(); err != nil {
		return err
	}
	return c.w.Close()
}
