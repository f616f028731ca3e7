// The hub feed read by the official client, as the vendor's page says: token, connection,
// the five methods, messages, and coming back with a fresh token.
// Usage: node hub.mjs URL < users-and-queues.json (the hub member of the demo's ready line).
import * as signalR from "@microsoft/signalr";
import { MessagePackHubProtocol } from "@microsoft/signalr-protocol-msgpack";
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

const base = process.argv[2];
const { users, queues } = JSON.parse(readFileSync(0, "utf8"));
const by = Object.fromEntries(users.map((u) => [u.role, u]));
const T = signalR.HttpTransportType;

async function token(user) {
  const response = await fetch(`${base}/token/me/rte/`, {
    headers: { Authorization: "Basic " + Buffer.from(`${user.login}:${user.secret}`).toString("base64") },
  });
  assert.equal(response.status, 200);
  return response.json();
}

async function connect(user, packed, transport, tokens = []) {
  const { WSSEndpoint } = await token(user);
  let b = new signalR.HubConnectionBuilder()
    .withUrl(WSSEndpoint, {
      transport,
      accessTokenFactory: async () => {
        const t = (await token(user)).Token;
        tokens.push(t);
        return t;
      },
    })
    .withAutomaticReconnect({ nextRetryDelayInMilliseconds: () => 100 })
    .configureLogging(signalR.LogLevel.None);
  if (packed) b = b.withHubProtocol(new MessagePackHubProtocol());
  const c = b.build();
  await c.start();
  return c;
}

async function tour(packed, name, transport) {
  const c = await connect(by.admin, packed, transport);
  const seen = new Map();
  let enough;
  const got = new Promise((r) => (enough = r));
  c.on("MessageReceived", (m) => {
    assert.equal(m.subscription.eventType, m.data.eventType);
    assert.equal(m.subscription.entityId, m.data.entityId);
    seen.set(m.data.eventType, m.data);
    if (seen.has("QueueStatus") && seen.has("UserStatus")) enough();
  });
  const available = await c.invoke("AvailableSubscriptions", [{}]);
  assert.equal(available.length, 36);
  const wanted = [
    { EntityId: queues[0].id, EventName: "QueueStatus" },
    { entityId: by.agent.id, eventName: "USERSTATUS" },
    { EntityId: by.agent.id, EventName: "QueueStatus" },
    { EntityId: "x", EventName: "QueueStatus" },
    { EntityId: "11111111-1111-1111-1111-111111111111", EventName: "UserStatus" },
  ];
  const results = await c.invoke("Subscribe", wanted);
  assert.deepEqual(results, [
    { subscribed: true, message: null, entityId: queues[0].id, eventName: "queuestatus" },
    { subscribed: true, message: null, entityId: by.agent.id, eventName: "userstatus" },
    { subscribed: false, message: "Invalid event name", entityId: by.agent.id, eventName: "queuestatus" },
    { subscribed: false, message: "Invalid EntityId", entityId: "x", eventName: "queuestatus" },
    { subscribed: false, message: "Unauthorized", entityId: "11111111-1111-1111-1111-111111111111", eventName: "userstatus" },
  ]);
  await got;
  assert.equal(seen.get("QueueStatus").queueName, queues[0].name);
  assert.equal(seen.get("UserStatus").messageTTLSeconds, 60);
  assert.ok(seen.get("UserStatus").timestamp instanceof Date === packed, "times are timestamps in MessagePack alone");
  assert.equal((await c.invoke("ActiveSubscriptions")).length, 2);
  const [gone] = await c.invoke("Unsubscribe", [wanted[0]]);
  assert.equal(gone.subscribed, true);
  assert.equal((await c.invoke("ActiveSubscriptions")).length, 1);
  assert.equal(await c.invoke("UnsubscribeAll"), true);
  assert.deepEqual(await c.invoke("ActiveSubscriptions"), []);
  await c.stop();
  console.log(`${name}, ${packed ? "MessagePack" : "JSON"}: as documented`);
}

// What an agent may not hear of.
async function agent() {
  const c = await connect(by.agent, false, T.WebSockets);
  const [own, other] = await c.invoke("Subscribe", [
    { EntityId: by.agent.id, EventName: "UserAvailability" },
    { EntityId: by.supervisor.id, EventName: "UserAvailability" },
  ]);
  assert.equal(own.subscribed, true);
  assert.equal(other.message, "Unauthorized");
  await c.stop();
  console.log("an agent hears of itself alone");
}

// The server is restarted under the client: it comes back with a new token, and has to
// subscribe again, as the page says.
async function reconnect() {
  const tokens = [];
  const c = await connect(by.admin, false, T.WebSockets, tokens);
  await c.invoke("Subscribe", [{ EntityId: queues[0].id, EventName: "QueueStatus" }]);
  const before = tokens.length;
  const back = new Promise((r) => c.onreconnected(r));
  console.log("restart");
  await back;
  assert.ok(tokens.length > before);
  assert.deepEqual(await c.invoke("ActiveSubscriptions"), []);
  await c.stop();
  console.log("came back with a new token");
}

for (const packed of [false, true]) {
  await tour(packed, "WebSockets", T.WebSockets);
  if (!packed) await tour(packed, "server-sent events", T.ServerSentEvents);
  await tour(packed, "long polling", T.LongPolling);
}
await agent();
if (process.argv[3] === "restart") await reconnect();
process.exit(0);
