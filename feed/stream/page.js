// The test page of the stream feed: a ticket for the token, then a WebSocket for the ticket.
'use strict';

const at = id => document.getElementById(id);
const shown = 200; // the newest events that stay on the page
let socket = null, count = 0;

function status(text) { at('status').textContent = text; }

function connected(yes) {
  at('subscribe').disabled = yes;
  at('unsubscribe').disabled = !yes;
}

// Basic with any characters: UTF-8 in base64.
function basic(user, token) {
  return 'Basic ' + btoa(String.fromCharCode(...new TextEncoder().encode(user + ':' + token)));
}

async function subscribe() {
  connected(true);
  status('Subscribing');
  const user = at('user').value || at('tenant').value;
  // Without credentials of its own the browser does not ask for some when the token is refused.
  const answer = await fetch('TenantUpdates/tickets', {
    method: 'POST', credentials: 'omit', headers: { Authorization: basic(user, at('token').value) },
  });
  const body = await answer.json();
  if (!answer.ok) throw new Error(answer.status + ' ' + body.title);
  const url = new URL('TenantUpdates/events', location.href);
  url.protocol = url.protocol.replace('http', 'ws');
  url.search = new URLSearchParams({
    ticket: body.ticket, tenantId: at('tenant').value, subsId: at('subscription').value, desiredOutputType: at('output').value,
  });
  socket = new WebSocket(url);
  socket.onopen = () => status('Subscribed');
  socket.onmessage = m => {
    at('count').textContent = ++count;
    const line = document.createElement('div');
    line.textContent = m.data;
    at('events').prepend(line);
    while (at('events').childElementCount > shown) at('events').lastElementChild.remove();
  };
  socket.onclose = c => {
    socket = null;
    connected(false);
    status('Not subscribed' + (c.reason ? ': ' + c.code + ' ' + c.reason : c.wasClean ? '' : ': the connection was refused or cut'));
  };
}

at('form').addEventListener('submit', e => {
  e.preventDefault();
  subscribe().catch(err => { connected(false); status('Not subscribed: ' + err.message); });
});
at('unsubscribe').addEventListener('click', () => { if (socket) socket.close(1000); });
