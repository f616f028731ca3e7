// Package problem writes error answers as RFC 9457 problem documents
// (application/problem+json). Every HTTP edge of the program answers errors
// through it, so that a client needs one decoder for all of them.
//
// A Detail names a kind of problem (Type), says what it is in general (Title)
// and what happened this time (Detail). Extension members carry what a program
// needs to react: the index of a bad event, the oldest cursor that is left.
//
// Nothing secret may be put into a Detail: the answer is shown to whoever asked.
package problem

import (
	"encoding/json"
	"net/http"
	"strconv"
)

// ContentType is the media type of a problem document.
const ContentType = "application/problem+json"

// Detail is one problem document.
type Detail struct {
	// Status is the HTTP status. Zero is answered as 500.
	Status int
	// Type identifies the kind of problem. A bare word such as "invalid-event" becomes
	// urn:trunkline:problem:invalid-event; empty is about:blank.
	Type string
	// Title is the same for every problem of the Type. Empty: the text of Status.
	Title string
	// Detail is about this occurrence, for people.
	Detail string
	// Instance identifies this occurrence, when there is something to find under it.
	Instance string
	// Extensions are further members. The five members of the RFC cannot be replaced by them.
	Extensions map[string]any
}

// Write answers with d. Headers such as Retry-After or WWW-Authenticate are set by the caller beforehand.
func Write(w http.ResponseWriter, d Detail) {
	status, body := d.encode()
	h := w.Header()
	h.Set("Content-Type", ContentType)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write(body) // the client is gone if this fails; there is nobody left to tell
}

// MarshalJSON gives the document that Write sends.
func (d Detail) MarshalJSON() ([]byte, error) {
	members := make(map[string]any, len(d.Extensions)+5)
	for k, v := range d.Extensions {
		members[k] = v
	}
	members["type"] = d.typeURI()
	members["title"] = d.title()
	members["status"] = d.status()
	delete(members, "detail")
	delete(members, "instance")
	if d.Detail != "" {
		members["detail"] = d.Detail
	}
	if d.Instance != "" {
		members["instance"] = d.Instance
	}
	return json.Marshal(members)
}

func (d Detail) encode() (int, []byte) {
	body, err := d.MarshalJSON()
	if err != nil { // an extension that JSON cannot express: answer without the extensions
		d.Extensions = nil
		body, _ = d.MarshalJSON()
	}
	return d.status(), append(body, '\n')
}

func (d Detail) status() int {
	if d.Status < 100 || d.Status > 999 {
		return http.StatusInternalServerError
	}
	return d.Status
}

func (d Detail) title() string {
	if d.Title != "" {
		return d.Title
	}
	if t := http.StatusText(d.status()); t != "" {
		return t
	}
	return "Problem"
}

func (d Detail) typeURI() string {
	if d.Type == "" {
		return "about:blank"
	}
	for i := range len(d.Type) {
		if d.Type[i] == ':' || d.Type[i] == '/' {
			return d.Type
		}
	}
	return "urn:trunkline:problem:" + d.Type
}
