// The official client against a hub with a few plain methods, over every transport and
// in both protocols. Usage: node signalr.mjs URL EVENTS. Prints what it did; ends with 1
// when something was not as expected.
import * as signalR from "@microsoft/signalr";
import { MessagePackHubProtocol } from "@microsoft/signalr-protocol-msgpack";
import assert from "node:assert/strict";

const [url, events] = [process.argv[2], Number(process.argv[3])];
const T = signalR.HttpTransportType;
const ways = [
  ["automatic", {}],
  ["WebSockets", { transport: T.WebSockets }],
  ["WebSockets without negotiation", { transport: T.WebSockets, skipNegotiation: true }],
  ["server-sent events", { transport: T.ServerSentEvents }, true],
  ["long polling", { transport: T.LongPolling }],
];

let tokens = 0;
const token = () => `good-${++tokens}`;

function connect(options, packed, change = (b) => b) {
  let b = new signalR.HubConnectionBuilder()
    .withUrl(url, { accessTokenFactory: token, ...options })
    .configureLogging(signalR.LogLevel.None);
  if (packed) b = b.withHubProtocol(new MessagePackHubProtocol());
  return change(b).build();
}

const fails = async (promise, text) => {
  await assert.rejects(promise, (e) => {
    assert.ok(String(e).includes(text), `${e} does not say: ${text}`);
    return true;
  });
};

async function tour(name, options, packed) {
  const c = connect(options, packed);
  const got = [];
  let done;
  const all = new Promise((r) => (done = r));
  c.on("Counted", (m) => {
    got.push(m);
    if (got.length === events) done();
  });
  await c.start();
  assert.deepEqual(await c.invoke("Echo", { a: [1, "zwei", null, true, 2.5] }), { a: [1, "zwei", null, true, 2.5] });
  assert.equal(await c.invoke("eCHO", "in any case", "and", "more"), "in any case");
  assert.equal(await c.invoke("Nothing"), undefined);
  assert.equal(await c.invoke("Null"), null);
  await fails(c.invoke("Told"), "this is for you");
  await fails(c.invoke("Broken"), "An unexpected error occurred invoking 'Broken' on the server.");
  await fails(c.invoke("Panics"), "An unexpected error occurred invoking 'Panics' on the server.");
  await fails(c.invoke("Opened"), "Unknown hub method 'Opened'.");
  await new Promise((resolve, reject) =>
    c.stream("Echo", 1).subscribe({
      next: () => reject(new Error("it was streamed")),
      complete: () => reject(new Error("it was completed")),
      error: (e) => (String(e).includes("cannot be streamed") ? resolve() : reject(e)),
    }));
  const many = await Promise.all(Array.from({ length: 200 }, (_, i) => c.invoke("Echo", i)));
  assert.deepEqual(many, Array.from({ length: 200 }, (_, i) => i));
  assert.deepEqual(await c.invoke("Order"), many.map((_, i) => i), "calls were not taken in order");
  const big = "x".repeat(31 * 1024);
  assert.equal(await c.invoke("Echo", big), big);
  await c.send("Echo", "nobody answers");
  await c.send("NoSuchMethod");
  await c.invoke("Count", events);
  await all;
  got.forEach((m, i) => {
    assert.equal(m.number, i);
    assert.equal(m.nothing, null);
    assert.equal(packed ? m.at.getTime() : Date.parse(m.at), 1700000000123);
  });
  const closed = new Promise((r) => c.onclose(r));
  await c.invoke("Echo", "y".repeat(40 * 1024)).then(
    () => assert.fail("a message over the limit was taken"),
    () => {});
  await Promise.race([closed, new Promise((_, no) => setTimeout(no, 20000, new Error("it stays open")).unref())]);
  console.log(`${name}, ${packed ? "MessagePack" : "JSON"}: ${got.length} events`);
}

async function refused(options) {
  const c = connect({ ...options, accessTokenFactory: () => "bad" }, false);
  await assert.rejects(c.start());
}

// Cut by the server again and again, it comes back by itself, each time with a new token.
async function reconnects(packed) {
  const c = connect({ transport: T.WebSockets }, packed, (b) => b.withAutomaticReconnect([0, 0, 0, 50, 50, 50]));
  let again;
  c.onreconnected(() => again());
  await c.start();
  for (let i = 0; i < 5; i++) {
    const before = tokens;
    const back = new Promise((r) => (again = r));
    await c.send("Cut");
    await back;
    assert.ok(tokens > before, "no new token was asked for");
    assert.equal(await c.invoke("Echo", i), i);
  }
  await c.stop();
  console.log(`${packed ? "MessagePack" : "JSON"}: came back 5 times`);
}

for (const [name, options, textOnly] of ways)
  for (const packed of textOnly ? [false] : [false, true]) await tour(name, options, packed);
for (const [, options] of ways) await refused(options);
for (const packed of [false, true]) await reconnects(packed);
await fails(connect({ transport: T.ServerSentEvents }, true).start(), "");
const stateful = connect({}, false, (b) => b.withStatefulReconnect());
await stateful.start();
assert.equal(await stateful.invoke("Echo", 1), 1);
await stateful.stop();
process.exit(0);
