
func TestRenumberMakesOldCursorsGone(t *testing.T) {
	dir := t.TempDir()
	l := open(t, eventlog.Config{Dir: dir})
	res, err := l.Append(t.Context(), "acme", evs("pbx", 1, 10))
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := open(t, eventlog.Config{Dir: dir, NewEpoch: true}).Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	l = open(t, eventlog.Config{Dir: dir})
	var gone *eventlog.GoneError
	err = l.Read(t.Context(), "acme", res.Cursor, func(*eventlog.Batch) (bool, error) { return true, nil })
	if !errors.As(err, &gone) || gone.Reason != eventlog.GoneEpoch || gone.Newest.Seq != 10 {
		t.Fatalf("a cursor of the earlier epoch: %v", err)
	}
	if got := readAll(t, l, "acme", gone.Oldest); len(got) != 10 {
		t.Fatalf("%d events from the oldest cursor", len(got))
	}
}
