/** A backend that does whatever a seed says: answers in every framing, slowly, early, wrongly, or not at all. */
import net from 'node:net';
import type { Random } from '../../fuzz/random.ts';
import { chunked, requestBody, responseBody, SMUGGLED_PATH } from './pattern.ts';
import { Wire, type WireMessage } from './wire.ts';

/** What the backends saw. */
export interface Seen {
  /** Nonce → requests with it. */
  readonly requests: Map<string, number>;
  /** What must not be. */
  readonly violations: string[];
}

export interface ChaosBackend {
  readonly port: number;
  readonly close: () => Promise<void>;
}

export async function chaosBackend(random: Random, seen: Seen): Promise<ChaosBackend> {
  const sockets = new Set<net.Socket>();
  const server = net.createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
    void serve(socket, random, seen).catch((error: unknown) => {
      seen.violations.push(`backend: ${String(error)}`);
      socket.destroy();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as net.AddressInfo).port,
    close: () => {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

function nothing(): void {}

async function serve(socket: net.Socket, random: Random, seen: Seen): Promise<void> {
  const wire = new Wire();
  let ended = false;
  let changed = nothing;
  const news = (): Promise<void> => new Promise((resolve) => (changed = resolve));
  socket.on('data', (chunk: Buffer) => {
    wire.add(chunk);
    changed();
  });
  for (const event of ['end', 'close']) {
    socket.on(event, () => {
      ended = true;
      changed();
    });
  }
  for (;;) {
    while (wire.head() === null) {
      if (ended) return void socket.end();
      await news();
    }
    const head = wire.head()!;
    const nonce = note(head, seen);
    // Sometimes the answer does not wait for the body.
    const early = !head.headers.has('upgrade') && random.oneIn(6);
    let request: WireMessage | null = null;
    if (!early) {
      while ((request = wire.take(false, false)) === null) {
        if (ended) return void socket.destroy();
        await news();
      }
      checkBody(request, nonce, seen);
    }
    if (head.headers.has('upgrade') && !random.oneIn(4)) return tunnel(socket, wire, random);
    if (!(await answer(socket, head, nonce, random))) return;
    if (early) {
      if (random.oneIn(2)) return void socket.end();
      while ((request = wire.take(false, false)) === null) {
        if (ended) return void socket.destroy();
        await news();
      }
      checkBody(request, nonce, seen);
    }
  }
}

function note({ startLine, headers }: Omit<WireMessage, 'body'>, seen: Seen): string {
  const nonce = headers.get('x-nonce') ?? '';
  const path = startLine.split(' ')[1];
  // On a shared machine others may knock at a port they have known for something else.
  const stranger = nonce === '' && path !== SMUGGLED_PATH;
  if (!stranger && path !== `/${nonce}`) seen.violations.push(`a backend got ${JSON.stringify(startLine)}`);
  seen.requests.set(nonce, (seen.requests.get(nonce) ?? 0) + 1);
  return nonce;
}

function checkBody({ headers, body }: WireMessage, nonce: string, seen: Seen): void {
  if (body !== requestBody(nonce, Number(headers.get('x-length')))) {
    seen.violations.push(`${nonce}: a body of ${body.length} bytes looks complete, not of ${headers.get('x-length')}`);
  }
}

/** Writes in pieces, with turns of the event loop between them; gives up when the peer is gone. */
async function write(socket: net.Socket, text: string, random: Random): Promise<void> {
  const pieces = random.oneIn(2) ? 1 : 1 + random.below(6);
  for (let at = 0, i = 0; at < text.length && !socket.destroyed; i++) {
    const end =
      i === pieces - 1 ? text.length : Math.min(text.length, at + 1 + random.below(1 + Math.ceil((text.length * 2) / pieces)));
    const flushed = socket.write(text.slice(at, end), 'latin1');
    at = end;
    if (!flushed) await drained(socket);
    for (let turns = random.below(4); turns > 0 && at < text.length; turns--) await new Promise(setImmediate);
  }
}

function drained(socket: net.Socket): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      socket.off('drain', done);
      socket.off('close', done);
      resolve();
    };
    socket.on('drain', done);
    socket.on('close', done);
    if (socket.destroyed) done();
  });
}

/** Returns true if the connection goes on. */
async function answer(socket: net.Socket, head: Omit<WireMessage, 'body'>, nonce: string, random: Random): Promise<boolean> {
  for (let turns = random.below(6); turns > 0; turns--) await new Promise(setImmediate);
  const toHead = head.startLine.startsWith('HEAD ');
  const want = Number(head.headers.get('x-want'));
  const body = responseBody(nonce, want);
  const fields = `X-Nonce: ${nonce}\r\nX-Want: ${want}\r\n`;
  let framing = random.pick(['length', 'length', 'chunked', 'chunked', 'close'] as const);
  if (toHead && framing === 'close') framing = 'length';
  let text = random.oneIn(8)
    ? random.pick(['HTTP/1.1 100 Continue\r\n\r\n', 'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n'])
    : '';
  if (framing === 'length') text += `HTTP/1.1 200 OK\r\n${fields}Content-Length: ${want}\r\n\r\n${toHead ? '' : body}`;
  else if (framing === 'close') text += `HTTP/1.1 200 OK\r\n${fields}\r\n${body}`;
  else {
    const sizes = Array.from({ length: 3 }, () => 1 + random.below(random.oneIn(2) ? 20_000 : 200));
    const trailers = random.oneIn(4) ? 'X-Sum: 1\r\nContent-Length: 3\r\n' : '';
    text += `HTTP/1.1 200 OK\r\n${fields}Transfer-Encoding: chunked\r\n\r\n${toHead ? '' : chunked(body, sizes, trailers)}`;
  }
  const cut = random.below(text.length);
  switch (random.below(24)) {
    case 0:
      socket.resetAndDestroy();
      return false;
    case 1:
      await write(socket, text.slice(0, cut), random);
      socket.resetAndDestroy();
      return false;
    case 2:
      // What ends with its connection cannot be cut by an end.
      await write(socket, framing === 'close' ? text : text.slice(0, cut), random);
      socket.end();
      return false;
    case 3:
      await write(
        socket,
        random.pick(['garbage\r\n\r\n', '\0\x01\x02', 'HTTP/1.1 200 OK\nX: 1\n\n', `${text.slice(0, 20)}\r\r\n`]),
        random,
      );
      socket.end();
      return false;
    case 4:
      // Never an answer: the read timeout ends it. Rare, for it takes its time.
      if (random.oneIn(4)) return false;
      break;
    case 5:
      if (framing === 'close' || text.length > 1000) break;
      socket.write(`${text}${text.replaceAll(nonce, 'EXCESS')}`, 'latin1');
      return true;
    case 6:
      await write(socket, text, random);
      socket.end();
      return false;
  }
  await write(socket, text, random);
  if (framing === 'close') socket.end();
  return framing !== 'close';
}

/** An echo, until one side has enough. */
function tunnel(socket: net.Socket, wire: Wire, random: Random): void {
  socket.removeAllListeners('data');
  socket.removeAllListeners('end');
  socket.write(`HTTP/1.1 101 Switching Protocols\r\nUpgrade: chaos\r\nConnection: Upgrade\r\n\r\n${wire.rest}`, 'latin1');
  let left = random.oneIn(3) ? random.below(50_000) : Infinity;
  socket.on('data', (chunk: Buffer) => {
    left -= chunk.length;
    if (left < 0) socket.resetAndDestroy();
    else socket.write(chunk);
  });
  socket.on('end', () => socket.end());
}
