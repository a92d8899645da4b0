/**
 * The oracle for whole exchanges: what a client sends comes out at the backend as the same requests, each once, with no field
 * but theirs and ours; what the backend answers comes out at the client as the same responses, or visibly cut.
 */
import { cuts } from '../inputs/mutate.ts';
import type { Random } from '../random.ts';
import * as llhttp from '../parsers/llhttp.ts';
import { trimmed, type Field, type Message, type Reading } from '../parsers/message.ts';
import * as ours from '../parsers/ours.ts';
import { page, WiredProxy, type FakeSocket } from '../parsers/wire.ts';
import { different, differentFields, passedTrailers, upstreamTarget } from './rules.ts';
import type { Tally } from './tally.ts';

/** What one connection of a client carries. */
export interface Exchanges {
  /** What the client sends. */
  readonly requests: string;
  /** What the backend answers, request by request. */
  readonly answers: readonly string[];
}

/** A request as the backend saw it. */
interface Arrival {
  message: Message;
  /** What the backend answered; null: nothing. */
  answer: string | null;
}

const LAST_ANSWER = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const IDEMPOTENT = /^(?:GET|HEAD|PUT|DELETE|OPTIONS|PROPFIND|QUERY)$/;
const STRAY = Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison', 'latin1');
const ADDRESS = '127.0.0.1';

let proxy: WiredProxy | null = null;

/** One connection to the backend, which reads with llhttp. */
class Backend {
  readonly socket: FakeSocket;
  connected = false;
  /** The requests on this connection. */
  readonly arrivals: Arrival[] = [];
  pending: Buffer[] = [];
  endsAfter = false;
  ended = false;
  /** The last answer was a whole response, after which the connection can be used again. */
  wholeAnswer = false;
  /** The proxy kept a connection on which an answer came that nobody asked for. */
  strayTaken = false;
  refused = '';
  upgraded = false;
  #answered = 0;
  #seen = 0;

  constructor(socket: FakeSocket) {
    this.socket = socket;
  }

  /** Looks at what has come; new requests are added to `all`. */
  read(all: Arrival[]): void {
    if (this.#seen === this.socket.written.length) return;
    this.#seen = this.socket.written.length;
    const { messages, refused, upgraded } = llhttp.readRequests(Buffer.from(this.socket.written, 'latin1'));
    this.refused = refused;
    this.upgraded = upgraded;
    for (const [index, message] of messages.entries()) {
      const known = this.arrivals[index];
      if (known !== undefined) known.message = message;
      else {
        this.arrivals.push({ message, answer: null });
        all.push(this.arrivals.at(-1)!);
      }
    }
  }

  /** All that came was answered, and answered whole. */
  get idle(): boolean {
    const last = this.arrivals.at(-1);
    const keeps = last !== undefined && last.message.complete && this.#answered === this.arrivals.length;
    return (
      keeps &&
      !this.socket.stuck &&
      this.pending.length === 0 &&
      !this.ended &&
      this.wholeAnswer &&
      this.#seen === this.socket.written.length
    );
  }

  /** The request that waits for an answer; `early`: perhaps one that is not complete. */
  waiting(early: boolean): Arrival | null {
    const arrival = this.arrivals[this.#answered];
    if (arrival === undefined || this.ended || this.pending.length > 0) return null;
    return early || arrival.message.complete ? arrival : null;
  }

  answer(arrival: Arrival, answer: string, random: Random): void {
    this.#answered++;
    arrival.answer = answer;
    const bytes = Buffer.from(answer, 'latin1');
    const toHead = arrival.message.start === 'HEAD';
    // What comes once the next request is sent nobody can tell from its response.
    const { excess } = ours.readResponse(bytes, toHead, false, [bytes.length]);
    let from = 0;
    for (const end of excess === true ? [bytes.length] : cuts(bytes.length, random))
      this.pending.push(bytes.subarray(from, (from = end)));
    const { messages, refused } = llhttp.readResponse(bytes, toHead);
    const last = messages.at(-1);
    this.wholeAnswer = refused === '' && last?.complete === true && last.keepAlive && excess === false;
    this.endsAfter = refused !== '' || last?.complete !== true || !last.keepAlive || random.oneIn(8);
  }
}

interface Played {
  readonly client: FakeSocket;
  readonly backends: readonly Backend[];
  readonly arrivals: readonly Arrival[];
}

/** Plays the exchanges, in an order that `random` decides, until nothing happens any more. */
function play(proxied: WiredProxy, { requests, answers }: Exchanges, random: Random): Played {
  const backends: Backend[] = [];
  const arrivals: Arrival[] = [];
  proxied.onConnect = (socket) => backends.push(new Backend(socket));
  const client = proxied.connect(random);
  const bytes = Buffer.from(requests, 'latin1');
  let from = 0;
  const pieces = cuts(bytes.length, random).map((end) => bytes.subarray(from, (from = end)));
  let answered = 0;
  const early = random.oneIn(5);
  let ends = random.oneIn(3);
  for (;;) {
    const actions: (() => void)[] = [];
    if (pieces.length > 0) actions.push(() => client.feed(pieces.shift()!));
    else if (ends) {
      actions.push(() => client.feedEnd());
      ends = false;
    }
    if (client.writableNeedDrain && !client.destroyed) actions.push(() => client.drain());
    if (proxied.waits) actions.push(() => proxied.turn());
    for (const backend of backends) {
      const { socket } = backend;
      backend.read(arrivals);
      if (socket.destroyed) continue;
      if (!backend.connected) {
        actions.push(() => {
          backend.connected = true;
          socket.connecting = false;
          socket.emit('connect');
        });
        continue;
      }
      const waiting = backend.waiting(early);
      if (socket.writableNeedDrain) actions.push(() => socket.drain());
      if (waiting !== null) actions.push(() => backend.answer(waiting, answers[answered++] ?? LAST_ANSWER, random));
      else if (backend.idle && random.oneIn(30)) {
        // What nobody asked for is for nobody (CVE-2026-48931).
        actions.push(() => {
          const before = socket.written.length;
          if (!backend.idle) return;
          socket.feed(STRAY);
          if (!socket.destroyed && socket.written.length === before) backend.strayTaken = true;
        });
      }
      if (backend.pending.length > 0)
        actions.push(() => {
          socket.feed(backend.pending.shift()!);
          if (backend.pending.length > 0 || !backend.endsAfter) return;
          backend.ended = true;
          socket.feedEnd();
        });
    }
    if (actions.length === 0) break;
    random.pick(actions)();
    client.settle();
    for (const { socket } of backends) socket.settle();
  }
  client.feedEnd();
  proxied.turn();
  for (const socket of [client, ...backends.map((backend) => backend.socket)]) {
    client.settle();
    socket.destroy().settle();
  }
  for (const backend of backends) backend.read(arrivals);
  return { client, backends, arrivals };
}

/** Plays the exchanges, and says what is wrong; null: nothing. */
export function compareExchanges(exchanges: Exchanges, random: Random, tally: Tally): string | null {
  const bytes = Buffer.from(exchanges.requests, 'latin1');
  const sent = ours.readRequests(bytes, [bytes.length]);
  // The backend cannot read methods that llhttp has not heard of.
  if (sent.messages.some(({ start }) => !llhttp.KNOWN_METHODS.has(start))) return null;
  let played: Played;
  try {
    proxy ??= new WiredProxy();
    const playing = proxy;
    played = playing.hold(() => play(playing, exchanges, random));
  } catch (error) {
    proxy = null;
    throw error;
  }
  const { client, backends, arrivals } = played;
  const { bugs } = proxy;
  if (bugs.length > 0) return `bugs: ${bugs.splice(0).map(String).join(', ')}`;
  const open = proxy.open();
  if (open > 0) {
    proxy = null;
    return `${open} connections and deadlines are left`;
  }
  for (const { refused, upgraded, socket, strayTaken } of backends) {
    if (strayTaken) return 'bytes on an idle connection are let pass';
    if (refused !== '' && !upgraded)
      return `the backend gets what it cannot read (${refused}): ${JSON.stringify(socket.written)}`;
  }
  const answers = new Map<number, Arrival>();
  let next = 0;
  for (const arrival of arrivals) {
    // What a reused connection lost may be sent again, if sending it twice is harmless (RFC 9110 §9.2.2).
    const before = answers.get(next - 1);
    const again = before !== undefined && unanswered(before) && IDEMPOTENT.test(arrival.message.start);
    let index = again ? next - 1 : next;
    while (index < sent.messages.length && unlikeSent(arrival.message, sent.messages[index]!) !== null) index++;
    if (index === sent.messages.length) {
      const like = sent.messages[next];
      return `a request at the backend: ${like === undefined ? 'no client sent it' : unlikeSent(arrival.message, like)}`;
    }
    answers.set(index, arrival);
    next = index + 1;
    tally.compared++;
  }
  return compareReturned(client, sent, answers, tally);
}

/** Not even the head of a final response was given. */
function unanswered({ message, answer }: Arrival): boolean {
  if (answer === null) return true;
  const bytes = Buffer.from(answer, 'latin1');
  const { messages, refused } = ours.readResponse(bytes, message.start === 'HEAD', true, [bytes.length]);
  return refused === 'cut short' && (messages.length === 0 || Number(messages.at(-1)!.start) < 200);
}

/** What is different between a request at the backend and one that was sent. */
function unlikeSent(arrived: Message, sent: ours.OurRequest): string | null {
  const fields = arrived.fields.map(([name, value]): Field => [
    name,
    name === 'x-request-id' && sent.requestId === '' ? id(value) : value,
  ]);
  return (
    different('method', arrived.start, sent.start) ??
    different('target', arrived.target, upstreamTarget(sent.target)) ??
    differentFields('fields', fields, upstreamFields(sent)) ??
    (arrived.complete ? different('body', arrived.body, sent.body) : prefix(arrived.body, sent.body)) ??
    (arrived.complete ? differentFields('trailers', arrived.trailers, passedTrailers(sent.trailers)) : null) ??
    (arrived.complete && !sent.complete ? 'the backend takes it for complete' : null)
  );
}

function id(value: string): string {
  return /^[0-9a-f]{32}$/.test(value) ? 'random' : value;
}

function prefix(body: string, whole: string): string | null {
  return whole.startsWith(body) ? null : different('the beginning of the body', body, whole);
}

/** The fields that the backend must get, in order. */
function upstreamFields(sent: ours.OurRequest): Field[] {
  const fields: Field[] = [
    ['host', sent.host],
    ['x-real-ip', ADDRESS],
    ['x-forwarded-for', ADDRESS],
    ['x-forwarded-port', '0'],
    ['x-forwarded-proto', 'http'],
    ['x-forwarded-scheme', 'http'],
    ['x-scheme', 'http'],
    ['x-forwarded-host', sent.host],
    ['x-request-id', sent.requestId === '' ? 'random' : sent.requestId],
  ];
  if (sent.forwardedFor !== '') fields.push(['x-original-forwarded-for', trimmed(sent.forwardedFor)]);
  if (sent.forwardedHost !== '') fields.push(['x-original-forwarded-host', sent.forwardedHost]);
  fields.push(...sent.fields);
  if (sent.chunked) fields.push(['transfer-encoding', 'chunked']);
  if (sent.upgrade !== '') fields.push(['upgrade', sent.upgrade], ['connection', 'upgrade']);
  return fields;
}

/** What came back to the client, against what the backend answered. */
function compareReturned(
  client: FakeSocket,
  sent: Reading<ours.OurRequest>,
  answers: ReadonlyMap<number, Arrival>,
  tally: Tally,
): string | null {
  const bytes = Buffer.from(client.written, 'latin1');
  const got = llhttp.readResponses(bytes, sent.messages.map(({ start }) => start === 'HEAD')); // prettier-ignore
  if (got.refused !== '' && !got.upgraded && !client.aborted)
    return `the client cannot read it (${got.refused}): ${JSON.stringify(client.written)}`;
  const finals = got.messages.filter(({ start }) => Number(start) >= 200 || start === '101');
  const most = sent.messages.length + (sent.refused === '' || sent.refused === 'closed' ? 0 : 1);
  if (finals.length > most) return `${finals.length} responses to ${most} requests`;
  // A reset says that what has come is not all.
  if (client.aborted && finals.length > 0) finals.at(-1)!.complete = false;
  for (const [index, message] of finals.entries()) {
    const request = sent.messages[index];
    if (request?.minor === 0 && message.fields.some(([name]) => name === 'transfer-encoding'))
      return 'a client of HTTP/1.0 gets chunks';
    const own = isOwn(message, request?.start === 'HEAD');
    const answer = answers.get(index)?.answer ?? null;
    if (request === undefined || answer === null) {
      if (own) continue;
      return `response ${index} comes from nowhere: ${JSON.stringify(message)}`;
    }
    const answered = Buffer.from(answer, 'latin1');
    const meant = ours.readResponse(answered, request.start === 'HEAD', request.upgrade !== '', [answered.length]);
    const unlike = unlikeAnswer(message, meant, request);
    tally.compared++;
    if (unlike === null) tally.both++;
    else if (!own) return `response ${index}: ${unlike}`;
    tally.theirs++;
  }
  return finals.at(-1)?.start === '101' ? compareTunnel(client, sent, answers) : null;
}

/** After a 101 bytes go through as they are. */
function compareTunnel(client: FakeSocket, sent: Reading, answers: ReadonlyMap<number, Arrival>): string | null {
  const down = client.written.slice(tunnelStart(client.written));
  const answer = answers.get(sent.messages.length - 1)?.answer ?? '';
  return answer.slice(tunnelStart(answer)).startsWith(down) ? null : `the tunnel gives ${JSON.stringify(down)}`;
}

/** Where the bytes of the tunnel begin. */
function tunnelStart(text: string): number {
  return text.indexOf('\r\n\r\n', text.indexOf('HTTP/1.1 101')) + 4;
}

/** A page of ours. */
function isOwn({ start, body, fields }: Message, toHead: boolean): boolean {
  const whole = page(Number(start)).body;
  return toHead ? fields.some(([name, value]) => name === 'content-length' && value === String(whole.length)) : body === whole;
}

/** What is different between a response that came back and the one that was answered. */
function unlikeAnswer(message: Message, meant: Reading, request: ours.OurRequest): string | null {
  const final = meant.messages.at(-1);
  if (final === undefined || (Number(final.start) < 200 && final.start !== '101')) return 'there was none';
  const hasDate = final.fields.some(([name]) => name === 'date');
  const fields = message.fields.filter(
    ([name]) => !/^(?:connection|transfer-encoding|upgrade)$/.test(name) && (hasDate || name !== 'date'),
  );
  const chunked = message.fields.some(([name]) => name === 'transfer-encoding');
  const trailers = request.acceptsTrailers && chunked ? passedTrailers(final.trailers) : [];
  return (
    different('status', message.start, final.start) ??
    differentFields('fields', fields, final.fields) ??
    (message.complete ? different('body', message.body, final.body) : prefix(message.body, final.body)) ??
    (message.complete ? differentFields('trailers', message.trailers, trailers) : null) ??
    (message.complete && !final.complete ? 'the client takes it for complete' : null)
  );
}
