// The official CloudEvents client against Trunkline's codec: it sends events in
// every form that it can write to the URL in its argument, fetches what was
// taken from the same URL, and must read the same back. Says "ok" at the end.
import assert from "node:assert/strict";
import { CloudEvent, HTTP } from "cloudevents";

const url = process.argv[2];

// post sends one message of the client and returns the answer's status.
async function post(message) {
  const body = message.body === undefined || typeof message.body === "string" || message.body instanceof Uint8Array
    ? message.body : JSON.stringify(message.body);
  const answer = await fetch(url, { method: "POST", headers: message.headers, body });
  return { status: answer.status, text: await answer.text() };
}

// taken fetches the events that were taken since the last time, as a batch.
async function taken() {
  const answer = await fetch(url);
  const events = HTTP.toEvent({ headers: Object.fromEntries(answer.headers), body: await answer.text() });
  return Array.isArray(events) ? events : [events];
}

const sent = [
  new CloudEvent({ id: "1", source: "/node", type: "com.example.plain", time: "2026-03-01T12:00:00.123Z", data: { text: "käse €😀", list: [1, 2.5, null, true] } }),
  new CloudEvent({ id: "2", source: "urn:node:2", type: "com.example.text", datacontenttype: "text/plain", subject: "a subject", data: "line\nand \"quotes\"" }),
  new CloudEvent({ id: "3", source: "https://example.com/a?b=c", type: "com.example.extended", tenant: "acme", traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", datacontenttype: "application/json", data: [1, 2] }),
  new CloudEvent({ id: "4", source: "/node", type: "com.example.bytes", datacontenttype: "application/octet-stream", data: new Uint8Array([0, 1, 254, 255]) }),
  new CloudEvent({ id: "5", source: "/node", type: "com.example.none" }),
  new CloudEvent({ id: "6", source: "/node", type: "interaction.held", subject: "interaction/42", datacontenttype: "application/json", data: { interaction: "42", media: "phone", agent: "7" } }),
];

function same(got, want, form) {
  for (const name of ["id", "source", "type", "subject", "time", "tenant", "traceparent", "specversion"]) {
    assert.equal(got[name], want[name], `${form} of ${want.id}: ${name}`);
  }
  if (want.data instanceof Uint8Array) {
    assert.deepEqual([...got.data], [...want.data], `${form} of ${want.id}: data`);
  } else {
    assert.deepEqual(got.data, want.data, `${form} of ${want.id}: data`);
  }
  assert.ok(got.validate(), `${form} of ${want.id}: validate`);
}

// What the codec itself wrote: one event of each fact.
const facts = await taken();
assert.ok(facts.length >= 55, `${facts.length} facts`);
for (const fact of facts) {
  assert.ok(fact.validate());
  assert.equal(typeof fact.data, "object");
  assert.ok(fact.subject.length > 0 && fact.time.endsWith("Z"));
}

for (const [form, write] of [["structured", HTTP.structured], ["binary", HTTP.binary]]) {
  for (const event of sent) {
    const answer = await post(write(event));
    assert.equal(answer.status, 200, `${form} of ${event.id}: ${answer.text}`);
    const back = await taken();
    assert.equal(back.length, 1);
    same(back[0], event, form);
  }
}

// A batch, which the client can read but not write by itself.
const batch = { headers: { "content-type": "application/cloudevents-batch+json" }, body: JSON.stringify(sent) };
const answer = await post(batch);
assert.equal(answer.status, 200, answer.text);
const back = await taken();
assert.equal(back.length, sent.length);
back.forEach((event, i) => same(event, sent[i], "batch"));

// A wrong event is refused with a reason that names it.
const wrong = await post({ headers: batch.headers, body: JSON.stringify([sent[0], { ...sent[5].toJSON(), data: { interaction: "42" } }]) });
assert.equal(wrong.status, 400);
assert.deepEqual(JSON.parse(wrong.text).problems, [{ index: 1, field: "data.media", reason: "required" }]);

console.log("ok");
