// A client of the measures feed as one writes it from the vendor's page: it asks for a token, makes a subscription, connects
// to the endpoint that the subscription names, authenticates, and keeps what the snapshot and the live messages say of each key.
//
//   CLIENT_SECRET=… node measures.mjs crowd http://127.0.0.1:8090 ACCOUNT CLIENT_ID CLIENTS
//   CLIENT_SECRET=… node measures.mjs statuses http://127.0.0.1:8090 ACCOUNT CLIENT_ID http://127.0.0.1:8091
//
// crowd prints "ready" once every client has a first message, and comes back whenever it is cut. To each line of its input it
// answers with one line of JSON: what every client has. statuses provokes every answer to an authentication and prints what
// came, with the number of the close; the second address is of a server that cannot check a token.
import readline from 'node:readline';
import WebSocket from 'ws';

const [mode, base, account, clientId, last] = process.argv.slice(2);
const producers = ['Agent', 'AgentByQueue', 'AgentByChannel', 'Queue', 'QueueByChannel'];
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
const statuses = ['CONNECTION_CONFIRMED', 'CONNECTION_FAILED_INVALID_TOKEN', 'CONNECTION_FAILED_UNKNOWN_SUBSCRIPTION',
  'CONNECTION_FAILED_INTERNAL_SERVER_ERROR', 'CONNECTION_FAILED_CONSTRAINT_VIOLATION'];

// ask sends a request, again when its connection is cut.
async function ask(url, options, want) {
  for (let attempt = 0; ; attempt++) {
    try {
      const response = await fetch(url, options);
      const text = await response.text();
      if (response.status !== want) throw new Error(`${url}: ${response.status} ${text}`, { cause: 'answer' });
      return text === '' ? undefined : JSON.parse(text);
    } catch (error) {
      if (error.cause === 'answer' || attempt === 20) throw error;
      await sleep(100);
    }
  }
}

async function token() {
  const body = new URLSearchParams({ grant_type: 'client_credentials', client_id: clientId, client_secret: process.env.CLIENT_SECRET });
  const answer = await ask(`${base}/auth/realms/${account}/protocol/openid-connect/token`, { method: 'POST', body }, 200);
  if (answer.token_type.toLowerCase() !== 'bearer' || !(answer.expires_in > 0)) throw new Error('token: ' + JSON.stringify(answer));
  return answer.access_token;
}

const subscriptions = `${base}/api/notification/v1/accounts/${account}/subscriptions`;

async function subscribe(bearer, producer) {
  const body = JSON.stringify({ family: 'ANALYTICS', events: ['ALL'], transport: { type: 'WEBSOCKET' }, extensions: { measureProducerId: producer } });
  const headers = { Authorization: `Bearer ${bearer}`, appkey: 'any', 'Content-Type': 'application/json' };
  const made = await ask(subscriptions, { method: 'POST', headers, body }, 201);
  if (!/^[0-9a-f-]{36}$/.test(made.subscriptionId) || made.status !== 'ACTIVE' || !(made.expiresIn > 0) || !(made.transport.pingInterval > 0)) {
    throw new Error('subscription: ' + JSON.stringify(made));
  }
  return made;
}

// check refuses what does not have the form of the page's samples.
function check(message, id) {
  const names = 'accountId,keys,eventAction,eventSourceId,measureProducerId,payloadType,measures';
  if (Object.keys(message).join() !== names || message.accountId !== account || message.eventSourceId !== 'IXCC_1.0.0' ||
    message.measureProducerId !== id || !['INITIALIZING', 'LIVE'].includes(message.payloadType) || !['UPSERT', 'DELETE'].includes(message.eventAction)) {
    throw new Error('not an event of the page: ' + JSON.stringify(message));
  }
  for (const value of [...Object.values(message.keys), ...Object.values(message.measures)]) {
    if (typeof value !== 'string') throw new Error('a value that is no string: ' + JSON.stringify(message));
  }
}

// Follower is one client: it follows one producer and comes back whenever it is cut.
class Follower {
  constructor(producer, made, bearer) {
    Object.assign(this, { producer, made, bearer, values: new Map(), connects: 0, live: 0 });
    this.first = new Promise((done) => { this.begun = done; });
    this.connect();
  }

  connect() {
    const socket = new WebSocket(this.made.transport.endpoint);
    let confirmed = false;
    let following = false;
    let pings;
    socket.on('open', () => {
      socket.send(JSON.stringify({ event: 'authentication', subscriptionId: this.made.subscriptionId, token: this.bearer }));
      pings = setInterval(() => socket.ping(), 30_000);
    });
    socket.on('message', (data, binary) => {
      if (binary) throw new Error('a binary message');
      const message = JSON.parse(data.toString());
      if (!confirmed) {
        if (message.event !== 'authenticationResponse' || message.status !== 'CONNECTION_CONFIRMED') throw new Error('refused: ' + data);
        confirmed = true;
        this.connects++;
        this.values = new Map();
        return;
      }
      check(message, this.made.extensions.measureProducerId);
      const key = JSON.stringify(message.keys);
      if (message.payloadType === 'INITIALIZING') {
        if (following || this.values.has(key)) throw new Error('a snapshot has a key once, and before all that is live: ' + data);
      } else {
        following = true;
        this.live++;
      }
      if (message.eventAction === 'UPSERT') this.values.set(key, message.measures);
      else this.values.delete(key);
      this.begun();
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      clearInterval(pings);
      setTimeout(() => this.connect(), 20 + Math.random() * 200);
    });
  }

  report() {
    const { producer, connects, live } = this;
    return { producer, connects, live, values: Object.fromEntries(this.values) };
  }
}

async function crowd(count) {
  const bearer = await token();
  const followers = [];
  for (let i = 0; i < count; i++) {
    const producer = producers[i % producers.length];
    followers.push(new Follower(producer, await subscribe(bearer, `${producer}_itd_1.0.0`), bearer));
  }
  await Promise.all(followers.map((f) => f.first));
  console.log('ready');
  for await (const _ of readline.createInterface({ input: process.stdin })) {
    console.log(JSON.stringify(followers.map((f) => f.report())));
  }
  process.exit(0);
}

// answer connects, sends a first message, and gives the status that comes and the number of the close behind it.
function answer(url, first) {
  return new Promise((done, failed) => {
    const socket = new WebSocket(url);
    let status = 'nothing';
    socket.on('open', () => { if (first !== undefined) socket.send(first); });
    socket.on('message', (data) => {
      const message = JSON.parse(data.toString());
      if (message.event !== 'authenticationResponse' || !statuses.includes(message.status)) return;
      status = message.status;
      if (status === 'CONNECTION_CONFIRMED') socket.close(1000);
    });
    socket.on('error', failed);
    socket.on('close', (code) => done([status, code]));
  });
}

async function provoke(other) {
  const bearer = await token();
  const made = await subscribe(bearer, 'Agent_itd_1.0.0');
  const gone = await subscribe(bearer, 'agent_ITD');
  await ask(`${subscriptions}/${gone.subscriptionId}`, { method: 'DELETE', headers: { Authorization: `Bearer ${bearer}` } }, 204);
  const bare = made.transport.endpoint.replace(/\/[^/]+\/[^/]+$/, '');
  const message = (subscriptionId, token) => JSON.stringify({ event: 'authentication', subscriptionId, token });
  const [head, body, signature] = bearer.split('.');
  const claims = { ...JSON.parse(Buffer.from(body, 'base64url')), sub: 'somebody' };
  const forged = [head, Buffer.from(JSON.stringify(claims)).toString('base64url'), signature].join('.');
  const unsigned = [Buffer.from('{"alg":"none"}').toString('base64url'), body, ''].join('.');
  const cases = {
    confirmed: [made.transport.endpoint, message(made.subscriptionId, bearer)],
    'confirmed without event': [bare, JSON.stringify({ subscriptionId: made.subscriptionId, token: bearer })],
    'confirmed by the address': [made.transport.endpoint, JSON.stringify({ event: 'authentication', token: bearer })],
    'no token': [bare, message(made.subscriptionId, 'eyJqa3UiOiJodHRwczpcL1wvYXBp')],
    'forged token': [bare, message(made.subscriptionId, forged)],
    'unsigned token': [bare, message(made.subscriptionId, unsigned)],
    'no such subscription': [bare, message('fdbec917-e76e-4645-8120-4eac46f29488', bearer)],
    'deleted subscription': [bare, message(gone.subscriptionId, bearer)],
    'not JSON': [bare, 'hello'],
    'another event': [bare, '{"event":"subscribe","token":"x"}'],
    'no subscription named': [bare, JSON.stringify({ event: 'authentication', token: bearer })],
    silence: [bare, undefined],
    'issuer out of reach': [`${other.replace('http', 'ws')}/ws/notification/v1/analytics/realtime`, message(made.subscriptionId, bearer)],
  };
  const answers = await Promise.all(Object.values(cases).map(([url, first]) => answer(url, first)));
  console.log(JSON.stringify(Object.fromEntries(Object.keys(cases).map((name, i) => [name, answers[i]]))));
}

await (mode === 'crowd' ? crowd(Number(last)) : provoke(last));
