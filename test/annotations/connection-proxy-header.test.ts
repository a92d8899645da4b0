/** `connection-proxy-header`: what Connection says to backends. */
import { afterEach, describe, expect, it } from 'vitest';
import { site, valuesOf } from '../support/site.ts';
import { Stage } from '../support/stage.ts';

let stage = new Stage();
afterEach(async () => {
  await stage.close();
  stage = new Stage();
});

const UPGRADE = [
  'Connection: upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
  'Sec-WebSocket-Version: 13',
];

describe('connection-proxy-header', () => {
  it.each([
    ['default', undefined, []],
    ['empty', '', []],
    ['typical', 'keep-alive', ['keep-alive']],
    ['typical', 'close', ['close']],
    ['edge: the validator looks past spaces', ' close ', ['close']],
    ['invalid: another option', 'upgrade', []],
    ['invalid: a list', 'close, X-Forwarded-For', []],
    ['invalid: control characters', 'close\r\nX-Evil: 1', []],
    ['invalid: no text', true, []],
  ])('%s: %s', async (name, value, connection) => {
    const { ask, heads, diagnostics } = await site(stage, value === undefined ? {} : { 'connection-proxy-header': value });
    expect((await ask()).status).toBe(200);
    expect(valuesOf(heads()[0]!, 'connection')).toEqual(connection);
    expect(diagnostics.length).toBe(name.startsWith('invalid') ? 1 : 0);
  });

  it('after "close" the connection carries no other request, whatever the backend says; after "keep-alive" it does', async () => {
    for (const [value, connections] of [
      ['close', 2],
      ['keep-alive', 1],
    ] as const) {
      const { ask, backend } = await site(stage, { 'connection-proxy-header': value });
      await ask();
      await ask();
      expect(backend.sockets).toHaveLength(connections);
    }
  });

  it('nothing is upgraded with it, and a backend that upgrades all the same is no backend', async () => {
    const switching = 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n';
    const { proxy, heads } = await site(stage, { 'connection-proxy-header': 'keep-alive' }, { answer: () => switching });
    const client = await stage.client(proxy.port);
    const answer = await client.request(`GET / HTTP/1.1\r\nHost: app.example\r\n${UPGRADE.join('\r\n')}\r\n\r\n`);
    expect(answer.status).toBe(502);
    expect([valuesOf(heads()[0]!, 'upgrade'), valuesOf(heads()[0]!, 'connection')]).toEqual([[], ['keep-alive']]);
  });
});
