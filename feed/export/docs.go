package export

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"sync"
	"time"

	"trunkline/feed/export/bucket"
	"trunkline/feed/export/layout"
	"trunkline/feed/export/schema"
)

// docsTable stands for the schema document among what is delivered.
var docsTable = &schema.Table{Name: "export_docs", Version: "1", Every: 24 * time.Hour}

// docsText is the schema document, which the program carries in itself.
var docsText = sync.OnceValues(func() ([]byte, error) {
	var b bytes.Buffer
	err := schema.WriteDocs(&b)
	return b.Bytes(), err
})

// deliverDocs writes the schema document of a day: export_docs.yaml in the root, and
// the day's own beside the feeds. Both are the same as long as no table changes.
func (w *worker) deliverDocs(ctx context.Context, day layout.Window) error {
	b, err := docsText()
	if err != nil {
		return err
	}
	sum := sha256.Sum256(b)
	body := bucket.Body{Reader: bytes.NewReader(b), Size: int64(len(b)), SHA256: hex.EncodeToString(sum[:])}
	for _, key := range []string{"export_docs/dt=" + day.Date() + "/" + layout.DocsFile, layout.DocsFile} {
		if !w.held() {
			return ErrFenced
		}
		made, err := w.d.Store.Create(ctx, key, body)
		if err != nil {
			return err
		}
		if made {
			continue
		}
		now, err := w.d.Store.Stat(ctx, key)
		if err == nil && now.SHA256 != body.SHA256 {
			err = w.d.Store.Replace(ctx, key, now.Tag, body)
		}
		if err != nil && !errors.Is(err, bucket.ErrAbsent) {
			return err
		}
	}
	return nil
}
