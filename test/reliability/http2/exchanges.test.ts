/**
 * What HTTP/2 and HTTP/1.1 say in different ways: lengths, ends, interim responses, trailers, cookies, errors. A translation that is not exact loses or invents part
 * of a message. Source: RFC 9113 §8; the same exchanges are held to the same oracles as over HTTP/1.1.
 */
import { createHash, randomBytes } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import { Http2Client, readingBackend, type ReadingBackend, responseOf } from '../../support/http2/stage.ts';
import { response, type TestProxy } from '../../support/proxy.ts';
import { Stage } from '../../support/stage.ts';

const stage = new Stage();

afterEach(() => stage.close());

function clientOf(proxy: TestProxy): Http2Client {
  return stage.opened(new Http2Client(proxy.httpsPort));
}

async function reading(
  ...args: Parameters<typeof readingBackend>
): Promise<{ backend: ReadingBackend; client: Http2Client; proxy: TestProxy }> {
  const backend = stage.opened(await readingBackend(...args));
  const proxy = await stage.proxyTo([backend.port]);
  return { backend, client: clientOf(proxy), proxy };
}

/** A client in front of a backend that answers each head with these bytes. */
async function answering(bytes: string): Promise<Http2Client> {
  const backend = await stage.backend(() => bytes);
  return clientOf(await stage.proxyTo([backend.port]));
}

const sha = (bytes: Buffer | string): string => createHash('sha256').update(bytes).digest('hex');

describe('a request over HTTP/2', () => {
  it('is one over HTTP/1.1 to the backend, with our fields', async () => {
    const { backend, client } = await reading();
    const { headers, body } = await client.request({ ':path': '/a?b=c', 'x-one': 'é', cookie: ['a=1', 'b=2'], accept: '*/*' });
    expect([headers[':status'], body.toString()]).toEqual([200, 'ok']);
    const [{ method, target, fields } = { method: '', target: '', fields: [] as readonly string[] }] = backend.requests;
    const named = Object.fromEntries(
      fields.map((part, index) => [part, fields[index + 1]]).filter((_, index) => index % 2 === 0),
    );
    expect([method, target]).toEqual(['GET', '/a?b=c']);
    expect(named).toMatchObject({
      host: 'app.example',
      cookie: 'a=1; b=2',
      'x-forwarded-proto': 'https',
      'x-forwarded-for': '127.0.0.1',
      'x-one': 'é',
    });
    expect(named).not.toHaveProperty('transfer-encoding');
  });

  it('carries a body of any size, with its length or without', async () => {
    const { backend, client } = await reading((_, answer, body) => answer.end(sha(Buffer.from(body, 'latin1'))));
    for (const size of [1, 16_384, 300_000, 1_000_000]) {
      const bytes = randomBytes(size);
      for (const fields of [{}, { 'content-length': size }]) {
        const { body } = await client.request({ ':method': 'POST', ...fields }, bytes);
        expect(body.toString()).toBe(sha(bytes));
      }
    }
    expect(backend.requests.every(({ complete }) => complete)).toBe(true);
  });

  it('whose body is too large is refused, before it has come and within', async () => {
    const { backend, client } = await reading();
    const announced = client.open({ ':method': 'POST', 'content-length': 2_000_000 });
    expect((await responseOf(announced)).headers[':status']).toBe(413);
    const found = client.open({ ':method': 'POST' });
    found.write(Buffer.alloc(1_500_000));
    expect((await responseOf(found)).headers[':status']).toBe(413);
    expect(backend.requests.filter(({ complete }) => complete)).toEqual([]);
    // Only the stream ends.
    expect((await client.request()).body.toString()).toBe('ok');
  });

  it('that waits for 100 gets it', async () => {
    const { client } = await reading();
    const stream = client.open({ ':method': 'POST', expect: '100-continue', 'content-length': 4 });
    await new Promise((resolve) => stream.once('continue', resolve));
    stream.end('body');
    expect((await responseOf(stream)).body.toString()).toBe('ok');
  });

  it('has trailers, where the framing has room for them', async () => {
    const trailers: string[] = [];
    const { client } = await reading((request, answer) => {
      trailers.push(...request.rawTrailers);
      answer.end('ok');
    });
    const stream = client.open({ ':method': 'POST' }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'x-checksum': '1', host: 'evil.example' }));
    stream.end('body');
    await responseOf(stream);
    expect(trailers).toEqual(['x-checksum', '1']);
  });
});

describe('a response over HTTP/2', () => {
  it('has the fields of the backend but for those of one hop', async () => {
    const client = await answering(
      'HTTP/1.1 201 Whatever\r\nContent-Length: 2\r\nX-Odd:  a\tb \r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nContent-Type: text/a\r\n' +
        'Connection: keep-alive, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\nHTTP2-Settings: x\r\nX-Latin: \xe9\r\n\r\nok',
    );
    const { headers, body } = await client.request();
    const { date, ...others } = headers;
    expect(body.toString()).toBe('ok');
    expect(Date.parse(date!)).not.toBeNaN();
    expect(Object.fromEntries(Object.entries(others))).toEqual({
      ':status': 201,
      'content-length': '2',
      'x-odd': 'a\tb',
      'set-cookie': ['a=1', 'b=2'],
      'content-type': 'text/a',
      'x-latin': 'é',
      'strict-transport-security': 'max-age=31536000; includeSubDomains',
    });
  });

  it('with the same field several times goes through, whatever it is', async () => {
    const client = await answering(
      'HTTP/1.1 200 OK\r\nContent-Length: 0\r\nContent-Type: a\r\nContent-Type: b\r\nETag: 1\r\nETag: 2\r\n\r\n',
    );
    expect((await client.request()).headers[':status']).toBe(200);
  });

  it.for([
    ['HEAD', '200', 'Content-Length: 1000\r\n', ''],
    ['GET', '204', '', ''],
    ['GET', '304', 'Content-Length: 1000\r\n', ''],
    ['GET', '200', 'Content-Length: 0\r\n', ''],
    ['GET', '205', 'Content-Length: 0\r\n', ''],
  ])('%s %s has no body', async ([method, status, fields, rest]) => {
    const client = await answering(`HTTP/1.1 ${status} X\r\n${fields}\r\n${rest}`);
    for (let i = 0; i < 3; i++) {
      const { headers, body, code } = await client.request({ ':method': method });
      expect([headers[':status'], body.length, code]).toEqual([Number(status), 0, 0]);
      if (fields!.includes('1000')) expect(headers['content-length']).toBe('1000');
    }
  });

  it.for(['chunked', 'close', 'length'])('of a megabyte, by %s, is complete, among others', async (framing) => {
    const bytes = randomBytes(1_000_000);
    const { client } = await reading(({ httpVersion }, answer) => {
      if (framing === 'length') answer.setHeader('Content-Length', bytes.length);
      if (framing === 'close') {
        answer.socket!.end(
          `HTTP/${httpVersion} 200 OK\r\nConnection: close\r\n\r\n`.concat(bytes.toString('latin1')),
          'latin1',
        );
      } else answer.end(bytes);
    });
    const all = await Promise.all(Array.from({ length: 5 }, () => client.request()));
    for (const { body, code } of all) expect([sha(body), code]).toEqual([sha(bytes), 0]);
  });

  it('has interim responses before it', async () => {
    const client = await answering(
      'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nLink: </b>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
    );
    const { interim, body } = await client.request();
    expect(interim.map(({ ':status': status, link }) => [status, link])).toEqual([
      [103, '</a>, </b>'],
      [102, undefined],
    ]);
    expect(body.toString()).toBe('ok');
  });

  it('has trailers for a client that asks for them, and for no other', async () => {
    const client = await answering(
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Status: 0\r\nX-Twice: a\r\nX-Twice: b\r\nHost: x\r\n\r\n',
    );
    const { body, trailers } = await client.request({ te: 'trailers' });
    expect([body.toString(), trailers['x-status'], trailers['x-twice'], trailers['host']]).toEqual([
      'ok',
      '0',
      'a, b',
      undefined,
    ]);
    expect((await client.request()).trailers).toEqual({});
  });

  it('without trailers to a client that asks for them ends all the same', async () => {
    const client = await answering('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n');
    const { body, trailers, code } = await client.request({ te: 'trailers' });
    expect([body.toString(), trailers, code]).toEqual(['ok', {}, 0]);
  });

  it('of our own is what it is over HTTP/1.1', async () => {
    const client = await answering(response('x'));
    const { headers, body } = await client.request({ ':authority': 'nobody.example' });
    expect(headers).toMatchObject({ ':status': 404, 'content-type': 'text/html' });
    expect(body.toString()).toContain('<center><h1>404 Not Found</h1></center>');
    expect(headers['content-length']).toBe(String(body.length));
    const head = await client.request({ ':authority': 'nobody.example', ':method': 'HEAD' });
    expect([head.headers[':status'], head.body.length]).toEqual([404, 0]);
  });

  it('before the request has ended is whole, and the rest of the request is not asked for', async () => {
    const backend = await stage.backend((_, socket) => {
      socket.removeAllListeners('data').resume();
      return 'HTTP/1.1 401 No\r\nContent-Length: 7\r\n\r\nrefused';
    });
    const client = clientOf(await stage.proxyTo([backend.port]));
    const stream = client.open({ ':method': 'POST' });
    stream.write('part of it');
    const { headers, body, code } = await responseOf(stream);
    // RFC 9113 §8.1: NO_ERROR, so that the client keeps the response.
    expect([headers[':status'], body.toString(), code]).toEqual([401, 'refused', 0]);
    expect((await client.request({ ':method': 'POST' }, 'next')).headers[':status']).toBe(401);
  });
});

describe('the choice of the protocol', () => {
  it("is the operator's: without use-http2 nobody is offered it", async () => {
    const backend = await stage.backend(() => response('ok'));
    const proxy = await stage.proxyTo([backend.port], { useHttp2: false });
    const { connect } = await import('node:tls');
    const socket = connect({
      port: proxy.httpsPort,
      host: '127.0.0.1',
      rejectUnauthorized: false,
      ALPNProtocols: ['h2', 'http/1.1'],
    });
    stage.opened({ close: () => void socket.destroy() });
    await new Promise((resolve) => socket.once('secureConnect', resolve));
    expect(socket.alpnProtocol).toBe('http/1.1');
  });

  it('in cleartext is HTTP/1.1: the preface of HTTP/2 is a request that is refused (RFC 9113 §3.3)', async () => {
    const backend = await stage.backend(() => response('ok'));
    const proxy = await stage.proxyTo([backend.port]);
    const client = await stage.client(proxy.port);
    const { status } = await client.request('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
    expect([400, 505]).toContain(status);
    await client.closed();
    expect(backend.received).toEqual([]);
  });
});
