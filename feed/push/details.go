package push

import (
	"strconv"

	"github.com/tidwall/gjson"

	"trunkline/internal/scan"
)

// The details of journey payloads, from the data of a fact or of what the log keeps of it; at is when that was.

func intentDetails(o *body, d gjson.Result) {
	o.value("intent_code", d.Get("code"))
	o.value("business_intent_code", d.Get("business_code"))
	o.text("intent_code_path", joined(d.Get("path")))
	o.text("business_intent_code_path", joined(d.Get("business_path")))
}

func flowDetails(o *body, d gjson.Result) {
	o.value("flow_node_type", d.Get("node_type"))
	o.value("flow_node_name", d.Get("node"))
	o.text("flow_name_path", joined(d.Get("path")))
	o.text("business_flow_name_path", joined(d.Get("business_path")))
}

func actionDetails(o *body, at int64, d gjson.Result) {
	o.at("last_flow_action_called_ts", at)
	o.value("last_flow_action_called_node_name", d.Get("node"))
	o.value("last_flow_action_called_action_id", d.Get("action"))
	o.value("last_flow_action_called_version", d.Get("version"))
	o.actionInputs("last_flow_action_called_inputs", d.Get("inputs"))
}

func surveyDetails(o *body, at int64, d gjson.Result) {
	o.list("survey_responses", d.Get("answers"), func(a gjson.Result) {
		o.value("question", a.Get("question"))
		o.value("question_category", a.Get("category"))
		o.value("question_type", a.Get("type"))
		o.value("answer", a.Get("answer"))
		o.value("ordering", a.Get("ordering"))
	})
	o.at("survey_submit_ts", at)
}

func summaryDetails(o *body, at int64, d gjson.Result) {
	o.at("last_assignment_summary_ts", at)
	o.value("last_assignment_summary_text", d.Get("text"))
}

// fileDetails writes the files that the log keeps of an issue.
func fileDetails(o *body, files gjson.Result) {
	if len(files.Array()) == 0 {
		return
	}
	o.key("uploaded_files_list")
	o.b = append(o.b, '[')
	for _, f := range files.Array() {
		oneFile(o, f.Get("at").Int(), f)
	}
	o.closeList()
}

func oneFile(o *body, at int64, d gjson.Result) {
	o.begin("")
	o.value("file_upload_event_id", d.Get("file"))
	o.at("file_upload_ts", at)
	o.value("file_name", d.Get("name"))
	o.value("file_mime_type", d.Get("mime_type"))
	if n := d.Get("bytes").Int(); n > 0 {
		o.key("file_size_mb")
		o.b = append(strconv.AppendFloat(o.b, float64(n)/(1<<20), 'f', 6, 64), ',')
	}
	o.value("file_image_width", d.Get("width"))
	o.value("file_image_height", d.Get("height"))
	o.end("")
}

func dispositionDetails(o *body, at int64, d gjson.Result) {
	o.at("disposition_ts", at)
	o.key("disposition_fields")
	o.b = append(o.b, '[')
	field := func(typ, name, value gjson.Result) {
		o.begin("")
		o.value("field_type", typ)
		o.value("field_name", name)
		o.value("field_value", value)
		o.end("")
	}
	named := func(name string) gjson.Result { return gjson.Parse(`"` + name + `"`) }
	field(named("code"), named("disposition"), d.Get("code"))
	if v := d.Get("notes"); v.Str != "" {
		field(named("text"), named("notes"), v)
	}
	d.Get("fields").ForEach(func(_, f gjson.Result) bool {
		field(f.Get("type"), f.Get("name"), f.Get("value"))
		return true
	})
	o.closeList()
}

// closeList ends an array that has something in it.
func (o *body) closeList() {
	o.b[len(o.b)-1] = ']'
	o.b = append(o.b, ',')
}

// joined writes a path as one text.
func joined(path gjson.Result) string {
	s := ""
	path.ForEach(func(_, v gjson.Result) bool {
		if s != "" {
			s += "/"
		}
		s += v.Str
		return true
	})
	return s
}

// list writes an array of objects.
func (o *body) list(k string, items gjson.Result, each func(gjson.Result)) {
	if len(items.Array()) == 0 {
		return
	}
	o.key(k)
	o.b = append(o.b, '[')
	items.ForEach(func(_, v gjson.Result) bool {
		o.begin("")
		each(v)
		o.end("")
		return true
	})
	o.b[len(o.b)-1] = ']'
	o.b = append(o.b, ',')
}

func (o *body) actionInputs(k string, inputs gjson.Result) {
	o.begin(k)
	inputs.ForEach(func(name, v gjson.Result) bool {
		o.b = append(append(o.b, name.Raw...), ':')
		o.begin("")
		o.value("value", v.Get("value"))
		o.value("value_type", v.Get("type"))
		o.end("")
		return true
	})
	o.end(k)
}

// millis reads a time within a fact.
func millis(v gjson.Result) int64 {
	if v.Str == "" {
		return 0
	}
	return scan.Millis(v.Str)
}
