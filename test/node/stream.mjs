// A client of the stream feed as one writes it from the vendor's page: it subscribes over a WebSocket with Basic
// authentication, prints the number of each event, and connects again with the same subsId when it is cut.
//
//   STREAM_TOKEN=… node stream.mjs ws://127.0.0.1:8090 TENANT SUBSCRIPTION OUTPUT
import WebSocket from 'ws';

const [base, tenant, subscription, output] = process.argv.slice(2);
const query = new URLSearchParams({ desiredOutputType: output, tenantId: tenant, subsId: subscription });
const url = `${base}/api/streaming/v1/clientconnect/subscribe/TenantUpdates?${query}`;
const authorization = 'Basic ' + Buffer.from(`${tenant}:${process.env.STREAM_TOKEN}`).toString('base64');

// number reads sequenceId out of one event, and refuses what is not one whole event.
function number(text) {
  if (output.startsWith('NEWLINE_') !== text.endsWith('\n')) throw new Error('line end: ' + text);
  if (output.endsWith('JSON')) {
    const event = JSON.parse(text);
    const [name] = Object.keys(event);
    return [name, event[name].msgInfo.sequenceId];
  }
  const whole = /^<([A-Za-z]+)>.*<msgInfo>.*<sequenceId>(\d+)<\/sequenceId>.*<\/msgInfo>.*<\/\1>\n?$/s.exec(text);
  if (!whole) throw new Error('not one element: ' + text);
  return [whole[1], Number(whole[2])];
}

function connect() {
  const socket = new WebSocket(url, { headers: { Authorization: authorization } });
  socket.on('message', (data, binary) => {
    if (binary) throw new Error('a binary message');
    const [name, n] = number(data.toString());
    if (name !== 'ClientCheck') console.log(n);
  });
  socket.on('unexpected-response', (_, response) => {
    console.error('answered', response.statusCode);
    socket.terminate();
  });
  socket.on('error', () => {});
  socket.on('close', () => setTimeout(connect, 100));
}

connect();
