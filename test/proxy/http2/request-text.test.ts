import { describe, expect, it } from 'vitest';
import { MALFORMED, NOT_IMPLEMENTED, RequestText, trailerText } from '../../../src/proxy/http2/request-text.ts';

const GET = [':method', 'GET', ':scheme', 'https', ':path', '/a?b', ':authority', 'app.example'];
const text = new RequestText();

/** The text of a header list, or why there is none. */
function written(raw: readonly string[], ended = true): string | number {
  const refusal = text.write(raw, ended);
  return refusal === 0 ? text.text : refusal;
}

/** With one of the pseudo-header fields replaced or left out. */
function having(name: string, value: string | null): string[] {
  const at = GET.indexOf(name);
  return value === null ? GET.toSpliced(at, 2) : GET.with(at + 1, value);
}

describe('the head of a request', () => {
  it('is the request line, the host and the fields in their order', () => {
    expect(written([...GET, 'x-a', '1', 'accept', '*/*', 'x-a', '2'])).toBe(
      'GET /a?b HTTP/1.1\r\nhost: app.example\r\nx-a: 1\r\naccept: */*\r\nx-a: 2\r\n\r\n',
    );
  });

  it('has one line of cookies', () => {
    expect(written([...GET, 'cookie', 'a=1', 'x', 'y', 'cookie', 'b=2'])).toContain('\r\nx: y\r\ncookie: a=1; b=2\r\n');
  });

  it('frames a body without a length in chunks', () => {
    expect(written(GET, false)).toContain('\r\ntransfer-encoding: chunked\r\n');
    expect(written([...GET, 'content-length', '5'], false)).not.toContain('transfer-encoding');
    expect(written(GET)).not.toContain('transfer-encoding');
    expect(written([...GET, 'content-length', '0'])).toContain('content-length: 0');
    expect(written([...GET, 'content-length', '5'])).toBe(MALFORMED);
  });

  it('takes the host from either field, and refuses two', () => {
    expect(written([...having(':authority', null), 'host', 'b.example'])).toContain('host: b.example');
    expect(written([...having(':authority', ''), 'host', 'b.example'])).toContain('host: b.example');
    expect(written([...GET, 'host', 'APP.example'])).toContain('host: app.example');
    expect(written([...GET, 'host', 'b.example'])).toBe(MALFORMED);
    expect(written(having(':authority', null))).toBe(MALFORMED);
  });

  it.for(['\r', '\n', '\0', '\x7f', '\u010a', '\u0100'])('never has %j in it', (character) => {
    for (const name of [':method', ':path', ':authority', ':scheme'])
      expect(written(having(name, `a${character}b`))).toBe(MALFORMED);
    expect(written([...GET, 'x', `a${character}b`])).toBe(MALFORMED);
    expect(written([...GET, `x${character}y`, 'a'])).toBe(MALFORMED);
    expect(trailerText(['x', `a${character}b`], 100, 10)).toBeNull();
    expect(trailerText([`x${character}`, 'b'], 100, 10)).toBeNull();
  });

  it.for(['', 'X', 'x y', 'x:y', 'x:', ' x', 'x\t', 'é', '"x"'])('has no field named %j', (name) => {
    expect(written([...GET, name, 'a'])).toBe(MALFORMED);
    expect(trailerText([name, 'a'], 100, 10)).toBeNull();
  });

  it.for([' a', 'a ', '\ta', 'a\t', ' '])('has no field with the value %j', (value) => {
    expect(written([...GET, 'x', value])).toBe(MALFORMED);
  });

  it('may have empty values, tabs and spaces within, and bytes above ASCII', () => {
    expect(written([...GET, 'x', '', 'y', 'a\t b', 'z', '\xff'])).toContain('x: \r\ny: a\t b\r\nz: \xff\r\n');
  });

  it.for(['connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade'])(
    'has no %s of the client',
    (name) => {
      expect(written([...GET, name, 'x'])).toBe(MALFORMED);
    },
  );

  it.for([':method', ':scheme', ':path'])('needs %s, once', (name) => {
    expect(written(having(name, null))).toBe(MALFORMED);
    expect(written([name, GET[GET.indexOf(name) + 1]!, ...GET])).toBe(MALFORMED);
  });

  it.for([':status', ':unknown', ':'])('has no field %s', (name) => {
    expect(written([name, '200', ...GET])).toBe(MALFORMED);
  });

  it.for(['http://b.example/', 'a', '*', '?', ''])('has no target %j', (path) => {
    expect(written(having(':path', path))).toBe(MALFORMED);
  });
});

describe('CONNECT', () => {
  const CONNECT = [':method', 'CONNECT', ':authority', 'app.example:443'];
  const EXTENDED = [...CONNECT, ':scheme', 'https', ':path', '/ws', ':protocol', 'websocket'];

  it('stays what it is, to be refused', () => {
    expect(written(CONNECT)).toMatch(/^CONNECT \/ HTTP\/1\.1\r\nhost: app\.example:443\r\n/);
    expect(written([...CONNECT, ':path', '/'])).toBe(MALFORMED);
  });

  it('to WebSocket is an upgrade with a key of ours, whatever the client says of its own', () => {
    const head = written([...EXTENDED, 'sec-websocket-key', 'theirs', 'sec-websocket-version', '13'], false);
    expect(head).toBe(
      'GET /ws HTTP/1.1\r\nhost: app.example:443\r\nsec-websocket-version: 13\r\n' +
        `connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-key: ${text.webSocketKey}\r\n\r\n`,
    );
    expect(Buffer.from(text.webSocketKey, 'base64')).toHaveLength(16);
    const before = text.webSocketKey;
    written(EXTENDED, false);
    expect(text.webSocketKey).not.toBe(before);
    written(GET);
    expect(text.webSocketKey).toBe('');
  });

  it('to anything else is not implemented, and :protocol belongs to CONNECT only', () => {
    expect(written([...EXTENDED.slice(0, -1), 'connect-udp'])).toBe(NOT_IMPLEMENTED);
    expect(written([...GET, ':protocol', 'websocket'])).toBe(MALFORMED);
    expect(written([...EXTENDED, 'content-length', '0'])).toBe(MALFORMED);
  });
});

describe('trailers', () => {
  it('are lines, within limits', () => {
    expect(trailerText(['x-a', '1', 'x-b', ''], 100, 10)).toBe('x-a: 1\r\nx-b: \r\n');
    expect(trailerText([], 100, 10)).toBe('');
    expect(trailerText(['x-a', '1', 'x-b', '2'], 100, 1)).toBeNull();
    expect(trailerText(['x-a', '1'.repeat(100)], 100, 10)).toBeNull();
    expect(trailerText([':path', '/'], 100, 10)).toBeNull();
  });
});
