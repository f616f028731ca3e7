package measures

import (
	"net/http"
	"slices"
	"strings"

	"trunkline/jsonhttp"
	"trunkline/problem"
)

// Producer describes a measure producer.
type Producer struct {
	ID            string       `json:"measureProducerId"`
	Name          string       `json:"measureProducerName"`
	ProcessorType string       `json:"processorType"` // ITD: interval to date
	Description   string       `json:"description"`
	Version       string       `json:"version"`
	MeasureSets   []MeasureSet `json:"measureSets"`
}

// MeasureSet are the measures of one kind of key.
type MeasureSet struct {
	Keys     []string  `json:"keys"`
	Measures []Measure `json:"measures"`
}

// Measure describes a measure.
type Measure struct {
	Name        string `json:"name"`
	Type        string `json:"type"` // STRING, NUMBER, DURATION or TIME_IN_STATE
	DisplayName string `json:"displayName"`
	Description string `json:"description"`
	Active      bool   `json:"active"`
}

// Entry is one measure of a dictionary.
type Entry struct {
	Name        string `json:"name"`
	DisplayName string `json:"displayName"`
	Description string `json:"description"`
}

// Dictionary are the names of a producer's measures in a language.
type Dictionary struct {
	ID      string  `json:"measureProducerId"`
	Locale  string  `json:"locale"`
	Entries []Entry `json:"measures"`
}

// describe describes a producer.
func (p *producer) describe() Producer {
	out := Producer{ID: p.id, Name: p.name, ProcessorType: processor, Description: p.description, Version: version}
	for i := range p.sets {
		set := MeasureSet{Keys: p.sets[i].keys}
		for _, m := range p.sets[i].list() {
			set.Measures = append(set.Measures, Measure{m.Name, string(m.Type), displayName(m.Name, "en"), m.Description, true})
		}
		out.MeasureSets = append(out.MeasureSets, set)
	}
	return out
}

func (f *Feed) producers(w http.ResponseWriter, r *http.Request, _ caller) {
	out := []Producer{}
	want := r.URL.Query().Get("processorType")
	if want != "" && !slices.ContainsFunc([]string{processor, "JRNL", "ADM", "CDR"}, func(p string) bool { return strings.EqualFold(p, want) }) {
		invalid(w, []Violation{{extProcessor, "The processors are ITD, JRNL, ADM and CDR.", codeNotAccepted}})
		return
	}
	if want == "" || strings.EqualFold(want, processor) {
		for _, p := range producers() {
			out = append(out, p.describe())
		}
	}
	jsonhttp.Write(w, http.StatusOK, out)
}

// named gives the producer that the path names, or answers that there is none.
func named(w http.ResponseWriter, r *http.Request) *producer {
	p := findProducer(r.PathValue("producer"))
	if p == nil {
		detail := "There are " + strings.Join(producerIDs(), ", ") + "."
		if near, ok := nearProducer(r.PathValue("producer")); ok {
			detail += " Did you mean " + near + "?"
		}
		problem.Write(w, problem.Detail{Status: http.StatusNotFound, Type: "no-measure-producer", Title: "There is no such measure producer", Detail: detail})
	}
	return p
}

func (f *Feed) producer(w http.ResponseWriter, r *http.Request, _ caller) {
	if p := named(w, r); p != nil {
		jsonhttp.Write(w, http.StatusOK, p.describe())
	}
}

func (f *Feed) locales(w http.ResponseWriter, r *http.Request, _ caller) {
	if p := named(w, r); p != nil {
		jsonhttp.Write(w, http.StatusOK, map[string]any{"measureProducerId": p.id, "locales": locales()})
	}
}

func (f *Feed) dictionary(w http.ResponseWriter, r *http.Request, _ caller) {
	p := named(w, r)
	if p == nil {
		return
	}
	// A region is passed over: there is one dictionary for a language.
	language, _, _ := strings.Cut(strings.ReplaceAll(strings.ToLower(r.PathValue("locale")), "_", "-"), "-")
	if !slices.Contains(locales(), language) {
		problem.Write(w, problem.Detail{Status: http.StatusNotFound, Type: "no-locale", Title: "There is no dictionary for this locale",
			Detail: "There are " + strings.Join(locales(), ", ") + "."})
		return
	}
	out := Dictionary{ID: p.id, Locale: language, Entries: []Entry{}}
	seen := map[string]bool{}
	for i := range p.sets {
		for _, m := range p.sets[i].list() {
			if !seen[m.Name] {
				seen[m.Name] = true
				out.Entries = append(out.Entries, Entry{m.Name, displayName(m.Name, language), describeIn(m.Name, m.Description, language)})
			}
		}
	}
	jsonhttp.Write(w, http.StatusOK, out)
}
