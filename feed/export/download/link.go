package download

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"

	"trunkline/feed/export/bucket"
	"trunkline/origin"
)

// linkPath begins the links to files of buckets that give none themselves.
const linkPath = "/fileexporter/v1/files/"

// sign makes a link to a file.
func (a *API) sign(r *http.Request, tenant, key string) string {
	ends := a.o.Now().Add(a.o.Life).Unix()
	u := url.URL{Path: linkPath + tenant + "/" + key}
	u.RawQuery = url.Values{"expires": {strconv.FormatInt(ends, 10)}, "signature": {a.signature(tenant, key, ends)}}.Encode()
	return origin.Of(r) + u.String()
}

func (a *API) signature(tenant, key string, ends int64) string {
	m := hmac.New(sha256.New, a.o.Key)
	fmt.Fprintf(m, "%s\x00%s\x00%d", tenant, key, ends)
	return base64.RawURLEncoding.EncodeToString(m.Sum(nil))
}

// file answers a link: with what its signature names, and from the byte on that Range
// asks for.
func (a *API) file(w http.ResponseWriter, r *http.Request) {
	tenant, key := r.PathValue("tenant"), r.PathValue("key")
	ends, err := strconv.ParseInt(r.URL.Query().Get("expires"), 10, 64)
	if err != nil || !hmac.Equal([]byte(r.URL.Query().Get("signature")), []byte(a.signature(tenant, key, ends))) {
		fail(w, refuse(http.StatusForbidden, "The link is not one that was given."))
		return
	}
	if a.o.Now().Unix() >= ends {
		fail(w, refuse(http.StatusForbidden, "The link is no longer good: ask for another one."))
		return
	}
	store, ok := a.o.Store(tenant)
	if !ok || a.o.Known != nil && !a.o.Known(tenant) {
		fail(w, refuse(http.StatusNotFound, "Nothing is exported for this company."))
		return
	}
	info, err := store.Stat(r.Context(), key)
	if errors.Is(err, bucket.ErrAbsent) {
		fail(w, refuse(http.StatusNotFound, "Not found: there is no such file."))
		return
	}
	if err != nil {
		fail(w, err)
		return
	}
	from, err := begin(r.Header.Get("Range"), info.Size)
	if err != nil {
		w.Header().Set("Content-Range", fmt.Sprintf("bytes */%d", info.Size))
		fail(w, err)
		return
	}
	f, err := store.Open(r.Context(), key, from)
	if err != nil {
		fail(w, err)
		return
	}
	defer f.Close()
	h := w.Header()
	h.Set("Content-Type", "application/octet-stream")
	h.Set("Content-Disposition", fmt.Sprintf("attachment; filename=%q", path.Base(key)))
	h.Set("Content-Length", strconv.FormatInt(info.Size-from, 10))
	h.Set("Accept-Ranges", "bytes")
	h.Set("Cache-Control", "private, no-store")
	h.Set("ETag", strconv.Quote(info.SHA256))
	if from > 0 {
		h.Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, info.Size-1, info.Size))
		w.WriteHeader(http.StatusPartialContent)
	}
	_, _ = io.Copy(w, f) // fails when the client is gone
}

// begin reads a Range of the form bytes=N-, which is how a download goes on. Other
// forms get the whole file.
func begin(header string, size int64) (int64, error) {
	text, ok := strings.CutPrefix(header, "bytes=")
	if !ok || !strings.HasSuffix(text, "-") {
		return 0, nil
	}
	from, err := strconv.ParseInt(strings.TrimSuffix(text, "-"), 10, 64)
	if err != nil || from < 0 {
		return 0, nil
	}
	if from >= size {
		return 0, refuse(http.StatusRequestedRangeNotSatisfiable, "The file has %d bytes.", size)
	}
	return from, nil
}
