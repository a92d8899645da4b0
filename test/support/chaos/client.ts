/** A client that does whatever a seed says, and checks every byte that comes back. */
import net from 'node:net';
import tls from 'node:tls';
import { once } from 'node:events';
import type { Random } from '../../fuzz/random.ts';
import { chunked, requestBody, responseBody } from './pattern.ts';
import { Wire } from './wire.ts';

/** The data plane's two ports. */
export interface ChaosTarget {
  readonly port: number;
  readonly httpsPort: number;
}

interface Plan {
  readonly nonce: string;
  readonly method: string;
  readonly want: number;
  readonly text: string;
  readonly minor: number;
}

/** What one client went through. */
export interface ClientResult {
  readonly violations: readonly string[];
  /** Nonces of requests that must reach backends at most once. */
  readonly once: readonly string[];
  /** Responses of backends that came back whole. */
  readonly answered: number;
  /** Error pages, cuts and the like. */
  readonly failed: number;
}

function nothing(): void {}

/** One connection in four is TLS; there Node does not tell an end from a cut, so nothing is concluded from either. */
function dial({ port, httpsPort }: ChaosTarget, random: Random): net.Socket {
  const options = { host: '127.0.0.1', allowHalfOpen: true, noDelay: random.oneIn(2) };
  if (random.oneIn(4)) return tls.connect({ ...options, port: httpsPort, rejectUnauthorized: false });
  return net.connect({ ...options, port });
}

function reset(socket: net.Socket): void {
  if (socket instanceof tls.TLSSocket) socket.destroy();
  else socket.resetAndDestroy();
}

function plan(nonce: string, random: Random): Plan {
  const method = random.pick(['GET', 'GET', 'HEAD', 'POST', 'POST', 'PUT', 'PATCH', 'DELETE']);
  const minor = random.oneIn(8) ? 0 : 1;
  const length = method === 'GET' || method === 'HEAD' ? 0 : random.below(random.oneIn(4) ? 200_000 : 2000);
  // The most is more than the sockets' buffers hold: such an answer waits for its reader.
  const want = random.below(random.oneIn(30) ? 12_000_000 : random.oneIn(4) ? 300_000 : 3000);
  const body = requestBody(nonce, length);
  let text = `${method} /${nonce} HTTP/1.${minor}\r\nHost: app.example\r\nX-Nonce: ${nonce}\r\nX-Length: ${length}\r\nX-Want: ${want}\r\n`;
  if (random.oneIn(15)) text += 'Connection: close\r\n';
  if (random.oneIn(10)) text += 'TE: trailers\r\n';
  if (length > 0 && minor === 1 && random.oneIn(8)) text += 'Expect: 100-continue\r\n';
  if (length === 0) text += '\r\n';
  else if (minor === 0 || random.oneIn(2)) text += `Content-Length: ${length}\r\n\r\n${body}`;
  else
    text += `Transfer-Encoding: chunked\r\n\r\n${chunked(body, [1 + random.below(random.oneIn(2) ? 30_000 : 300), 7], random.oneIn(3) ? 'X-T: 1\r\n' : '')}`;
  return { nonce, method, want, text, minor };
}

/** Runs one connection from its first byte to its end. `name`: unique, for the nonces. */
export async function chaosClient(target: ChaosTarget, name: string, random: Random): Promise<ClientResult> {
  const violations: string[] = [];
  const plans = Array.from({ length: 1 + random.below(6) }, (_, i) => plan(`${name}-${i}`, random));
  const socket = dial(target, random);
  const wire = new Wire();
  let ended = false;
  let wasReset = socket instanceof tls.TLSSocket;
  /** We cut the connection ourselves. */
  let gaveUp = false;
  let changed = nothing;
  let patience = random.oneIn(8) ? 1 : 0;
  socket.on('data', (chunk: Buffer) => {
    wire.add(chunk);
    // Reads slowly; one in eight so slowly, once, that it is given up on if its answer is large.
    if (random.oneIn(12)) {
      socket.pause();
      setTimeout(() => socket.resume(), patience-- > 0 ? 900 : random.below(8));
    }
    changed();
  });
  socket.on('error', () => (wasReset = true));
  for (const event of ['end', 'close', 'error']) {
    socket.on(event, () => {
      ended = true;
      changed();
    });
  }
  await once(socket, socket instanceof tls.TLSSocket ? 'secureConnect' : 'connect');

  const cutAt = random.oneIn(6) ? random.below(plans.reduce((sum, { text }) => sum + text.length, 0)) : Infinity;
  let sent = 0;
  const send = async (text: string): Promise<void> => {
    for (let at = 0; at < text.length;) {
      if (ended) return;
      const piece = random.oneIn(2) ? text.length : 1 + random.below(random.oneIn(3) ? 20 : 40_000);
      const end = Math.min(text.length, at + piece, at + cutAt - sent);
      const flushed = socket.write(text.slice(at, end), 'latin1');
      sent += end - at;
      at = end;
      if (sent >= cutAt) {
        gaveUp = true;
        if (random.oneIn(3)) socket.end();
        else if (random.oneIn(2)) socket.destroy();
        else reset(socket);
        return;
      }
      if (!flushed || random.oneIn(3)) await new Promise(setImmediate);
    }
  };

  let answered = 0;
  let failed = 0;
  let closing = false;
  const receive = async ({ nonce, method, want, minor }: Plan): Promise<boolean> => {
    for (;;) {
      const head = wire.head();
      const status = Number(head?.startLine.split(' ')[1]);
      const headers = head?.headers;
      const toEnd = headers !== undefined && !headers.has('content-length') && !headers.has('transfer-encoding');
      const message = wire.take(status < 200 || status === 204 || method === 'HEAD', toEnd);
      if (message !== null) {
        if (status < 200) {
          if (minor === 0) violations.push(`${nonce}: ${status} to HTTP/1.0`);
          continue;
        }
        closing = message.headers.get('connection') === 'close';
        if (status === 200) {
          check(nonce, message.headers, message.body, method === 'HEAD' ? 0 : want);
          answered++;
        } else failed++;
        return true;
      }
      if (ended) {
        if (status === 200) {
          const body = wire.partialBody();
          if (!responseBody(nonce, want).startsWith(body)) violations.push(`${nonce}: a cut body of other bytes`);
          // Without a length only a reset tells that it is cut.
          if (toEnd && !wasReset && !gaveUp) check(nonce, headers, body, want);
        }
        failed++;
        return false;
      }
      await new Promise<void>((resolve) => (changed = resolve));
    }
  };
  const check = (nonce: string, headers: ReadonlyMap<string, string>, body: string, length: number): void => {
    const of = headers.get('x-nonce');
    if (of !== nonce) violations.push(`${nonce} got the answer to ${of}`);
    else if (body !== responseBody(nonce, length))
      violations.push(`${nonce}: ${body.length} bytes instead of ${length}, and whole`);
  };

  const pipelining = random.oneIn(2);
  const sending = pipelining
    ? (async () => {
        for (const { text } of plans) if (!gaveUp) await send(text);
        if (!gaveUp && random.oneIn(4)) socket.end();
      })()
    : Promise.resolve();
  for (const one of plans) {
    if (!pipelining) void send(one.text);
    if (!(await receive(one))) break;
    if (closing || gaveUp) break;
  }
  await sending;
  socket.destroy();
  return {
    violations,
    once: plans.filter(({ method }) => method === 'POST' || method === 'PATCH').map(({ nonce }) => nonce),
    answered,
    failed,
  };
}

/** An upgraded connection: what is sent comes back, as far as it comes. */
export async function chaosTunnel(target: ChaosTarget, name: string, random: Random): Promise<ClientResult> {
  const socket = dial(target, random);
  let received = '';
  let ended = false;
  let wasReset = socket instanceof tls.TLSSocket;
  let changed = nothing;
  socket.on('data', (chunk: Buffer) => {
    received += chunk.toString('latin1');
    changed();
  });
  socket.on('error', () => (wasReset = true));
  for (const event of ['end', 'close']) {
    socket.on(event, () => {
      ended = true;
      changed();
    });
  }
  await once(socket, socket instanceof tls.TLSSocket ? 'secureConnect' : 'connect');
  const data = requestBody(name, random.below(random.oneIn(4) ? 12_000_000 : random.oneIn(3) ? 300_000 : 3000));
  socket.write(
    `GET /${name} HTTP/1.1\r\nHost: app.example\r\nX-Nonce: ${name}\r\nX-Length: 0\r\nX-Want: 10\r\nConnection: Upgrade\r\nUpgrade: chaos\r\n\r\n`,
  );
  const early = random.oneIn(3);
  if (early) socket.end(data, 'latin1');
  const until = async (condition: () => boolean): Promise<void> => {
    while (!condition()) {
      if (ended) return;
      await new Promise<void>((resolve) => (changed = resolve));
    }
  };
  await until(() => received.includes('\r\n\r\n'));
  if (random.oneIn(2)) {
    socket.pause();
    setTimeout(() => socket.resume(), random.below(150));
  }
  if (!early) {
    socket.write(data, 'latin1');
    if (random.oneIn(5)) reset(socket);
    else socket.end();
  }
  await until(() => false);
  const switched = received.startsWith('HTTP/1.1 101 ');
  const echo = received.slice(received.indexOf('\r\n\r\n') + 4);
  const violations: string[] = [];
  if (switched && !data.startsWith(echo)) violations.push(`${name}: the tunnel changed bytes`);
  if (switched && !wasReset && !socket.errored && echo !== data && socket.readableEnded)
    violations.push(`${name}: the tunnel ended after ${echo.length} of ${data.length} bytes as if that were all`);
  socket.destroy();
  return { violations, once: [], answered: switched ? 1 : 0, failed: switched ? 0 : 1 };
}
