/** R32, R33, R36, R37 (D5): what desynchronises a proxy and its backend although every message is well-formed. */
import assert from 'node:assert/strict';
import { accepted, chunked, get, HIDDEN, ID, post, scenario, SMUGGLED, type Case, type Subject } from '../support/case.ts';

const CHUNKED = 'Transfer-Encoding: chunked\r\n';
const HIDDEN_CHUNK = `${SMUGGLED.length.toString(16)}\r\n${SMUGGLED}\r\n0\r\n\r\n`;
const BODIES = ['GET', 'DELETE', 'OPTIONS', 'PUT', 'PATCH', 'PROPFIND', 'REPORT'];

/** R32: framing does not depend on the method. */
export const METHOD_ROWS: readonly Case[] = BODIES.flatMap((method) => [
  accepted(
    `R32 a chunked ${method} that holds a request (CVE-2026-29057)`,
    `${method} /${ID} HTTP/1.1\r\nHost: app.example\r\n${CHUNKED}\r\n${HIDDEN_CHUNK}`,
    { body: SMUGGLED },
  ),
  accepted(
    `R32 a ${method} with a length that holds a request`,
    `${method} /${ID} HTTP/1.1\r\nHost: app.example\r\nContent-Length: ${SMUGGLED.length}\r\n\r\n${SMUGGLED}`,
    { body: SMUGGLED },
  ),
]);

const UPGRADE = 'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\n';

/** A request whose answer the backend gives by its path, then what the client sent with it. */
async function early(subject: Subject, text: string): Promise<string> {
  const client = await subject.connect();
  try {
    client.send(text);
    await client.until(() => client.buffer !== '' || client.ended);
    if (!subject.strict) client.socket.end();
    await client.closed();
    return client.buffer;
  } finally {
    client.close();
  }
}

function hidden(subject: Subject, id: string): void {
  const name = HIDDEN.replace(/0+$/, '') + id.slice(1);
  assert.equal(subject.backend.bytesWith(`/${name} `), '', 'what came early reached the backend');
}

/** R33: before 101, nothing that follows the head is passed on. */
export const UPGRADE_DESYNC: readonly Case[] = [
  scenario('R33 an upgrade that is refused, and a request behind it (CVE-2026-2833)', async (subject, id) => {
    const name = `z${id.slice(1)}`;
    const got = await early(subject, get(UPGRADE, `/forbid/${id}`) + SMUGGLED.replace(HIDDEN, name));
    assert.match(got, /^HTTP\/1\.1 403 /);
    assert.equal(got.split('HTTP/1.1 ').length, 2, got);
    hidden(subject, id);
  }),
  scenario('R33 an upgrade that is ignored, and a request behind it', async (subject, id) => {
    const name = `z${id.slice(1)}`;
    const got = await early(subject, get(UPGRADE, `/${id}`) + SMUGGLED.replace(HIDDEN, name));
    assert.match(got, /^HTTP\/1\.1 200 /);
    assert.equal(got.split('HTTP/1.1 ').length, 2, got);
    hidden(subject, id);
  }),
  scenario('R33 the connection of a refused upgrade carries no other request', async (subject, id) => {
    await early(subject, get(UPGRADE, `/forbid/${id}`));
    const used = subject.backend.connections.findIndex(({ received }) => received.includes(id));
    await subject.alive();
    const [, after] = subject.backend.connections[used]!.received.split(id);
    assert.equal(after!.split(' HTTP/1.1').length, 2);
  }),
  scenario('R33 a client that is reset while it waits for 101 harms nobody else', async (subject, id) => {
    const client = await subject.connect();
    client.send(get(UPGRADE, `/hold/${id}`));
    while (subject.backend.bytesWith(id) === '') await new Promise(setImmediate);
    client.socket.resetAndDestroy();
    const held = subject.backend.connections.find(({ received }) => received.includes(id))!;
    while (!held.closed) await new Promise(setImmediate);
    await subject.alive();
  }),
];

/** R36: an answer before the body. */
export const EARLY_ROWS: readonly Case[] = [
  scenario('R36 an early answer, and the rest of the body that is a request (0.CL)', async (subject, id) => {
    const name = `z${id.slice(1)}`;
    const rest = SMUGGLED.replace(HIDDEN, name);
    const client = await subject.connect();
    client.send(`POST /early/${id} HTTP/1.1\r\nHost: app.example\r\nContent-Length: ${rest.length}\r\n\r\n`);
    await client.until(() => client.buffer.includes('early') || client.ended);
    assert.match(client.buffer, /^HTTP\/1\.1 200 /);
    client.send(rest + get('Connection: close\r\n', `/${id}`));
    if (!subject.strict) client.socket.end();
    await client.closed();
    client.close();
    await subject.alive();
    assert.deepEqual(
      subject.backend.requests.filter(({ target }) => target.includes(name)),
      [],
    );
    // The connection that was owed a body got none of the next request.
    const owed = subject.backend.connections.find(({ received }) => received.includes(`/early/${id}`))!;
    const [, after] = owed.received.split(`/early/${id}`);
    assert.doesNotMatch(after!.replace(rest, ''), / \/[^ ]* HTTP\/1\.1/);
  }),
  scenario('R36 an early answer to chunks, and a request for the rest', async (subject, id) => {
    const name = `z${id.slice(1)}`;
    const client = await subject.connect();
    client.send(`POST /early/${id} HTTP/1.1\r\nHost: app.example\r\n${CHUNKED}\r\n`);
    await client.until(() => client.buffer.includes('early') || client.ended);
    client.send(HIDDEN_CHUNK.replace(HIDDEN, name) + get('Connection: close\r\n', `/${id}`));
    if (!subject.strict) client.socket.end();
    await client.closed();
    client.close();
    await subject.alive();
    assert.deepEqual(
      subject.backend.requests.filter(({ target }) => target.includes(name)),
      [],
    );
    const owed = subject.backend.connections.find(({ received }) => received.includes(`/early/${id}`))!;
    const [, after] = owed.received.split(`/early/${id}`);
    assert.doesNotMatch(after!.replace(SMUGGLED.replace(HIDDEN, name), ''), / \/[^ ]* HTTP\/1\.1/);
  }),
];

/** R37: what a backend writes unasked must reach nobody. */
export const QUEUE_ROWS: readonly Case[] = [
  ...['HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison', 'poison', '\r\n'].map((bytes) =>
    scenario(`R37 ${JSON.stringify(bytes.slice(0, 8))} on an idle connection (CVE-2026-48931)`, async (subject, id) => {
      const client = await subject.connect();
      await client.request(get('', `/${id}`));
      const used = subject.backend.connections.find(({ received }) => received.includes(`/${id} `))!;
      used.socket.write(bytes);
      while (!used.closed) await new Promise(setImmediate);
      const next = await client.request(get('', `/again/${id}`));
      client.close();
      assert.equal(next.body, `GET /again/${id} 0`);
    }),
  ),
  scenario('R37 a second response behind the first (response splitting)', async (subject, id) => {
    const client = await subject.connect();
    const [first, second] = [`/${id}`, `/again/${id}`];
    client.send(get('', `/hold/${id}`));
    while (subject.backend.bytesWith(`/hold/${id}`) === '') await new Promise(setImmediate);
    const used = subject.backend.connections.find(({ received }) => received.includes(`/hold/${id}`))!;
    used.socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\naHTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison`);
    assert.equal((await client.response()).body, 'a');
    assert.equal((await client.request(get('', first))).body, `GET ${first} 0`);
    assert.equal((await client.request(get('', second))).body, `GET ${second} 0`);
    client.close();
  }),
];

/** R31 to R37 besides: bodies where the other side expects none. */
export const BODY_ROWS: readonly Case[] = [
  accepted(
    'R32 a HEAD with a body that holds a request',
    `HEAD /${ID} HTTP/1.1\r\nHost: app.example\r\nConnection: close\r\nContent-Length: ${SMUGGLED.length}\r\n\r\n${SMUGGLED}`,
    {
      body: SMUGGLED,
      last: true,
    },
  ),
  accepted('R32 chunks with a length among their data', chunked('16\r\nContent-Length: 50\r\n\r\n\r\n0\r\n\r\n')),
  accepted(
    'R36 100-continue, with the body at once',
    post(`Expect: 100-continue\r\nContent-Length: ${SMUGGLED.length}\r\n`, SMUGGLED),
    {
      body: SMUGGLED,
    },
  ),
];
