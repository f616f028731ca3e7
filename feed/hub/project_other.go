package hub

import (
	"time"

	"trunkline/event"
)

// when is a time, null where there is none.
func when(t event.Time) any {
	if t.IsZero() {
		return nil
	}
	return moment{t.Time}
}

func (p *projection) other(fact event.Fact) {
	switch f := fact.(type) {
	case event.AgentStatusChanged:
		p.presence(&f)
	case event.AgentSettingChanged:
		v := values{"Keyword": text(f.Keyword), "Value": text(f.Value), "Deleted": f.Deleted, "Level": word(f.Level, "Undefined")}
		if f.Values != nil {
			v["Values"] = f.Values
		}
		if f.Allowed != nil {
			v["AllowedValues"] = f.Allowed
		}
		p.user(userSetting, f.Agent, v)
	case event.AgentTerminalChanged:
		v := values{"Silo": p.tenant, "Session": text(f.Session), "TerminalType": word(f.Kind, "User"), "TerminalStatus": terminals[f.Status], "Expires": forever}
		if !f.Expires.IsZero() {
			v["Expires"] = moment{f.Expires.Time}
		}
		p.user(userTerminalStatus, f.Agent, v)
	case event.AgentWrapupRequested:
		p.requested(&f)
	case event.AgentAlerted:
		p.user(userAlert, f.Agent, values{"AlertId": p.guid("alert", f.Alert), "ConditionName": text(f.Condition), "ConditionExpression": text(f.Expression),
			"ConditionValue": text(f.Threshold), "Value": text(f.Value)})
	case event.CallbackChanged:
		p.callback(&f)
	}
}

func (p *projection) presence(f *event.AgentStatusChanged) {
	v := values{"ProfileId": p.guid("profile", f.Profile), "Availability": availabilities[f.Presence], "StartTime": moment{p.at()}, "EndTime": forever,
		"Note": text(f.Note), "EventSource": text(f.Source), "TransferNumber": text(f.TransferNumber)}
	if f.Note == "" && f.Reason != nil {
		v["Note"] = text(f.Reason.Name)
	}
	if !f.Since.IsZero() {
		v["StartTime"] = moment{f.Since.Time}
	}
	if !f.Until.IsZero() {
		v["EndTime"] = moment{f.Until.Time}
	}
	p.user(userAvailability, f.Agent, v)
}

func (p *projection) requested(f *event.AgentWrapupRequested) {
	if f.Action == event.WrapupTerminate {
		reason := f.Reason
		if reason == "" {
			reason = "manual"
		}
		p.user(userWrapUpRequestTerminate, f.Agent, values{"Reason": reason, "WrapUpId": p.guid("wrapup", f.Wrapup)})
		return
	}
	wrapup := f.Wrapup
	if wrapup == "" {
		wrapup = p.e.ID
	}
	p.user(userWrapUpRequestInitiate, f.Agent, values{"AllowWithoutCall": withoutCalls[f.WithoutCall], "CallBackId": p.guid("callback", f.Callback),
		"CallBackListId": p.guid("call_list", f.CallList), "CallId": p.guid("interaction", f.Interaction), "LegId": text(f.Leg), "MaxWrapUpTimeSec": seconds(f.LimitMS),
		"QueueId": p.queueGUID(f.Queue), "WrapUpId": p.guid("wrapup", wrapup)})
}

// callback tells those who watch the list, and of a new personal one the user it is for.
func (p *projection) callback(f *event.CallbackChanged) {
	var customer event.Customer
	if f.Customer != nil {
		customer = *f.Customer
	}
	created, modified := f.Created.Time, f.Modified.Time
	if created.IsZero() && f.Change == event.CallbackCreated {
		created = p.at()
	}
	if modified.IsZero() {
		modified = p.at()
	}
	list := p.guid("call_list", f.List)
	v := values{
		"CallBackId": p.guid("callback", f.Callback), "CallListId": list, "OrganizationId": p.names.org(), "Modified": moment{modified},
		"AssignedUserId": p.userGUID(f.Agent), "LastModifiedUserId": p.userGUID(f.ModifiedBy), "ContactName": text(customer.Name), "ContactNumber": text(customer.Number),
		"ContactMessage": text(f.Message), "Note": text(f.Note), "QueueId": p.queueGUID(f.Queue), "ChannelIn": text(f.Channel), "CreationTime": moment{created},
		"Created": f.Change == event.CallbackCreated, "IsClosed": f.Change == event.CallbackClosed, "RecordingId": p.guid("recording", f.Recording),
		"TypeId": typeIDs[f.Kind], "DueDate": when(f.Due), "CallId": p.guid("interaction", f.Interaction), "TranscriptId": p.guid("transcript", f.Transcript),
		"ClassificationId": p.guid("classification", f.Classification), "ExpiryDate": when(f.Expires), "CalculatedPriority": text(f.Priority), "NotBefore": when(f.NotBefore),
	}
	if n := len(f.Attempts); n > 0 {
		last, all := f.Attempts[n-1], make([]*object, n)
		v["LastAttemptUserId"], v["LastAttemptTimestamp"], v["LastAttemptNote"] = p.userGUID(last.Agent), when(last.At), text(last.Note)
		v["LastAttemptTypeId"] = number(last.Type)
		for i, a := range f.Attempts {
			all[i] = p.style.object("Id", p.guid("attempt", a.ID), "UserId", p.userGUID(a.Agent), "Timestamp", when(a.At), "CallbackAttemptTypeId", number(a.Type),
				"Note", text(a.Note), "RecordingId", p.guid("recording", a.Recording), "CallId", p.guid("interaction", a.Interaction))
		}
		v["CallbackAttempts"] = all
	}
	if len(f.Extras) > 0 {
		all := make([]*object, len(f.Extras))
		for i, e := range f.Extras {
			all[i] = p.style.object("Id", e.ID, "Name", text(e.Name), "Value", text(e.Value))
		}
		v["CallbackExtras"] = all
	}
	if len(f.Related) > 0 {
		all := make([]*object, len(f.Related))
		for i, r := range f.Related {
			all[i] = p.style.object("Id", p.guid("callback", r.Callback), "ListId", p.guid("call_list", r.List), "IsClosed", r.Closed, "StatusId", number(r.Status))
		}
		v["CallbackRelatedItems"] = all
	}
	if guid, ok := list.(string); ok {
		p.out = append(p.out, told{callbackChanged, ref{entityCallList, guid}, guid, v})
	}
	if f.Change == event.CallbackCreated && f.Personal {
		p.user(userCallInCallbackCreated, f.Agent, values{"CallBackId": v["CallBackId"], "CallListId": list, "CallId": v["CallId"], "LegId": text(f.Leg), "RecordingId": v["RecordingId"],
			"ContactNumber": v["ContactNumber"], "TargetNumber": text(f.Dialled), "ContactMessage": v["ContactMessage"], "CreationTime": moment{firstOf(created, p.at())}})
	}
}

func firstOf(t, or time.Time) time.Time {
	if t.IsZero() {
		return or
	}
	return t
}

// number is null for 0.
func number(n int) any {
	if n == 0 {
		return nil
	}
	return n
}
