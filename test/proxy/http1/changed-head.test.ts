/** Request heads as policies change them, on their way to the upstream. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RequestChanges } from '../../../src/policies/changes.ts';
import { clientInfo, HeadForwarder } from '../../../src/proxy/http1/forward-request.ts';
import { TextSink } from '../../../src/proxy/text-sink.ts';
import { parseRequestHead, RequestHead } from '../../../src/proxy/http1/head/request-head.ts';
import { proxySettings } from '../../support/proxy.ts';

const SETTINGS = proxySettings();

/** What the upstream gets for this head. */
function forwarded(
  lines: readonly string[],
  changes: RequestChanges | null,
  requestLine = 'GET /a HTTP/1.1',
): readonly string[] {
  const bytes = Buffer.from(
    `${requestLine}\r\nHost: app.example\r\n${lines.map((line) => `${line}\r\n`).join('')}\r\n`,
    'latin1',
  );
  const head = new RequestHead();
  expect(parseRequestHead(bytes, 0, bytes.length, head, SETTINGS)).toBe(bytes.length);
  const sink = new TextSink();
  new HeadForwarder(clientInfo('192.0.2.1', 'http')).send(sink, head, SETTINGS, 'id', 'X-Extra: 1\r\n', changes);
  expect(sink.value.endsWith('\r\n\r\n')).toBe(true);
  return sink.value.slice(0, -4).split('\r\n');
}

function changed(change: (changes: RequestChanges) => void): RequestChanges {
  const changes = new RequestChanges();
  change(changes);
  return changes;
}

describe('a request head that policies change', () => {
  it('without changes is as it was', () => {
    expect(forwarded(['X-A: 1'], new RequestChanges())).toEqual(forwarded(['X-A: 1'], null));
  });

  it('fields of the client, our own and further ones can be replaced and removed', () => {
    const head = forwarded(
      ['X-A: 1', 'x-a: 2', 'X-B: 3'],
      changed((changes) => {
        changes.set('X-A', 'new');
        changes.remove('x-real-ip');
        changes.set('X-Extra', '2');
      }),
    );
    expect(head.filter((line) => /^x-(a|b|real-ip|extra):/i.test(line))).toEqual(['X-B: 3', 'X-A: new', 'X-Extra: 2']);
  });

  it('the method, the host, the version', () => {
    const head = forwarded(
      [],
      changed((changes) => {
        changes.method = 'PURGE';
        changes.host = 'inner.example';
        changes.http10 = true;
      }),
      'DELETE /a?b HTTP/1.1',
    );
    expect(head.slice(0, 3)).toEqual(['PURGE /a?b HTTP/1.0', 'Host: inner.example', 'Connection: close']);
    expect(head.filter((line) => line.startsWith('Host:'))).toHaveLength(1);
    expect(head).toContain('X-Forwarded-Host: app.example');
  });

  it('a host made of variables cannot begin another line, and an empty one is no host', () => {
    const evil = forwarded(
      [],
      changed((changes) => (changes.host = 'a\r\nX-Evil: 1')),
    );
    expect(evil[1]).toBe('Host: aX-Evil: 1');
    expect(
      forwarded(
        [],
        changed((changes) => (changes.host = ' \r\n')),
      ),
    ).toContain('Host: app.example');
  });

  it('Connection is said once, and an upgrade is not asked for beside it', () => {
    const upgrade = ['Connection: upgrade', 'Upgrade: websocket'];
    expect(forwarded(upgrade, null).slice(-2)).toEqual(['Upgrade: websocket', 'Connection: upgrade']);
    const head = forwarded(
      upgrade,
      changed((changes) => (changes.connection = 'keep-alive')),
    );
    expect(head.filter((line) => /^(connection|upgrade)/i.test(line))).toEqual(['Connection: keep-alive']);
  });

  it('removes what a twin removes, and the framing stays', () => {
    const name = fc.constantFrom('A', 'a', 'Ab', 'X-A', 'x-a', 'Accept', 'ACCEPT', 'B');
    const value = fc.constantFrom('', '1', 'a: b', 'X-A: 1');
    const names = fc.array(fc.constantFrom('a', 'ab', 'x-a', 'accept', 'accep', 'content-length'));
    fc.assert(
      fc.property(fc.array(fc.tuple(name, value)), names, (fields, removed) => {
        const lines = ['Content-Length: 3', ...fields.map(([one, said]) => `${one}: ${said}`)];
        const changes = changed((one) => removed.forEach((lower) => one.remove(lower)));
        const all = forwarded(lines, null, 'POST / HTTP/1.1');
        const left = changes.removed;
        const expected = all.filter(
          (line, index) => index === 0 || !left.includes(line.slice(0, line.indexOf(':')).toLowerCase()),
        );
        expect(forwarded(lines, changes, 'POST / HTTP/1.1')).toEqual(expected);
        expect(expected).toContain('Content-Length: 3');
      }),
    );
  });
});
