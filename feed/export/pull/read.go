package pull

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/klauspost/compress/gzip"
	"github.com/parquet-go/parquet-go"

	"trunkline/feed/export/layout"
	"trunkline/feed/export/schema"
)

// maxLine bounds a row, in bytes.
const maxLine = 64 << 20

// ErrKey says that a file is encrypted and cannot be decrypted.
var ErrKey = errors.New("the file is encrypted, and there is no key that opens it")

// lines hands each row of a fetched file to each, as a line of JSON.
func lines(path string, t *schema.Table, keys openpgp.EntityList, each func(line []byte) error) error {
	name, err := layout.ParseFile(filepath.Base(path))
	if err != nil {
		return err
	}
	in, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	var r io.Reader = bufio.NewReaderSize(in, 1<<20)
	sealed := r
	if name.Encrypted {
		if len(keys) == 0 {
			return fmt.Errorf("%w: none was given", ErrKey)
		}
		message, err := openpgp.ReadMessage(r, keys, nil, nil)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrKey, err)
		}
		r = message.UnverifiedBody // its integrity is known when it was read to its end
		sealed = r
	}
	if name.Format == layout.Parquet {
		return parquetLines(r, in, name.Encrypted, t, each)
	}
	if name.Gzip {
		z, err := gzip.NewReader(r)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrFile, err)
		}
		r = z
	}
	s := bufio.NewScanner(r)
	s.Buffer(make([]byte, 64<<10), maxLine)
	for n := 1; s.Scan(); n++ {
		line := bytes.TrimSpace(s.Bytes())
		if len(line) == 0 {
			continue
		}
		if err := each(line); err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
	}
	err = s.Err()
	if err == nil {
		_, err = io.Copy(io.Discard, sealed)
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrFile, err)
	}
	return nil
}

// parquetLines reads a file of Parquet, which must be read from its end: an encrypted one
// goes through a file of its own.
func parquetLines(r io.Reader, plain *os.File, encrypted bool, t *schema.Table, each func([]byte) error) error {
	file := plain
	if encrypted {
		clear, err := os.CreateTemp(filepath.Dir(plain.Name()), "clear-*")
		if err != nil {
			return err
		}
		defer func() { _ = clear.Close(); _ = os.Remove(clear.Name()) }()
		if _, err := io.Copy(clear, r); err != nil {
			return fmt.Errorf("%w: %w", ErrFile, err)
		}
		file = clear
	}
	info, err := file.Stat()
	if err != nil {
		return err
	}
	f, err := parquet.OpenFile(file, info.Size())
	if err != nil {
		return fmt.Errorf("%w: %w", ErrFile, err)
	}
	rows := parquet.NewReader(f)
	defer func() { _ = rows.Close() }()
	var line []byte
	for {
		row := map[string]any{}
		err := rows.Read(&row)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%w: %w", ErrFile, err)
		}
		if line, err = jsonOf(line[:0], t, row); err != nil {
			return err
		}
		if err := each(line); err != nil {
			return err
		}
	}
}

// jsonOf makes a line of a row of Parquet.
func jsonOf(dst []byte, t *schema.Table, row map[string]any) ([]byte, error) {
	dst = append(dst, '{')
	for i, c := range t.Columns {
		if i > 0 {
			dst = append(dst, ',')
		}
		name, err := json.Marshal(c.Name)
		if err != nil {
			return nil, err
		}
		dst = append(append(dst, name...), ':')
		if us, ok := row[c.Name].(int64); ok && c.Kind == schema.Timestamp {
			dst = schema.Micros(us).AppendJSON(dst)
			continue
		}
		value, err := json.Marshal(row[c.Name])
		if err != nil {
			return nil, err
		}
		dst = append(dst, value...)
	}
	return append(dst, '}'), nil
}
