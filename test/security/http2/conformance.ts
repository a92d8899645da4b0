/** Cases of RFC 9113 §3–§6 as h2spec has them (summerwind/h2spec, http2/3.5 to http2/6.10, under the section numbers of RFC 9113). */
import {
  block,
  CODE,
  continuation,
  data,
  FLAG,
  frame,
  headers,
  ping,
  PREFACE,
  priority,
  request,
  rstStream,
  SETTING,
  settings,
  TYPE,
  uint32,
  windowUpdate,
} from '../../support/http2/frames.ts';
import type { RawHttp2 } from '../../support/http2/raw.ts';

/** What may happen: an error of the connection with one of these codes, the same of the stream or the connection, or an answer. */
export type Expected =
  | { readonly connection: readonly number[] }
  | { readonly stream: readonly number[] }
  | { readonly status: number }
  | 'alive';

export interface ConformanceCase {
  readonly section: string;
  readonly title: string;
  /** Sends what the case is about, on stream 1. */
  readonly act: (client: RawHttp2) => void | Promise<void>;
  readonly expected: Expected;
  /** No preface is exchanged before. */
  readonly silent?: true;
}

/**
 * Where `node:http2` (as of Node 26.10, nghttp2 1.70) does otherwise, and what: case → outcome. With a code of its own, which RFC 9113 §5.4 leaves to the
 * endpoint; or more lenient, and then nothing of the frame has an effect.
 */
export const NODES_WAY: ReadonlyMap<string, string> = new Map([
  // The code of all errors that nghttp2 reports as fatal.
  ['3.4 an invalid preface', 'goaway 2'],
  ['3.4 HTTP/1.1 where HTTP/2 was agreed on', 'goaway 2'],
  ['8.1.1 content-length, and more', 'goaway 2'],
  // RFC 9113 §5.1: an error may be made of a frame on a closed stream.
  ['5.1 closed: DATA', 'alive'],
  ['5.1 closed: HEADERS', 'alive'],
  // Taken for a stream that was closed before.
  ['5.1.1 an identifier smaller than the last', 'alive'],
  // Priorities are not looked at (RFC 9113 §5.3.2).
  ['6.3 PRIORITY on stream 0', 'alive'],
  // An answer to a PING that we did not send.
  ['6.7 a PING with ACK', 'goaway 2'],
  // The field is left out, and the request goes on without it.
  ...[
    'a name with a space',
    'an empty name',
    'a name with a colon',
    'a name with NUL',
    'a value with LF',
    'a value with CR',
    'a value with NUL',
    'a value that begins with a space',
    'a value that ends with a tab',
  ].map((title) => [`8.2.1 ${title}`, 'alive'] as const),
]);

const { protocol, frameSize, flowControl, streamClosed, compression } = CODE;
const GET = request('/');
const POST = request('/', 'POST');

/** Opens stream 1, and leaves the request unfinished. */
function open(client: RawHttp2): void {
  client.send(headers(1, POST, false));
}

/** A whole exchange on stream 1. */
async function closed(client: RawHttp2): Promise<void> {
  client.send(headers(1, GET));
  await client.response(1);
}

function of(section: string, title: string, act: ConformanceCase['act'], expected: Expected, silent?: true): ConformanceCase {
  return { section, title, act, expected, ...(silent && { silent }) };
}

/** A part of a block, and the rest of it. */
const WHOLE = block(GET);
const [FIRST, REST] = [WHOLE.subarray(0, 20), WHOLE.subarray(20)];
const unfinished = frame(TYPE.headers, FLAG.endStream, 1, FIRST);

export const FRAME_CASES: readonly ConformanceCase[] = [
  of('3.4', 'a preface and a request in one piece', (c) => c.send(PREFACE, settings(), headers(1, GET)), { status: 200 }, true),
  of(
    '3.4',
    'an invalid preface',
    (c) => c.send(Buffer.from('INVALID CONNECTION PREFACE\r\n\r\n')),
    { connection: [protocol] },
    true,
  ),
  of(
    '3.4',
    'HTTP/1.1 where HTTP/2 was agreed on',
    (c) => c.send(Buffer.from('GET / HTTP/1.1\r\nHost: app.example\r\n\r\n')),
    { connection: [protocol] },
    true,
  ),
  of('3.4', 'a preface that no SETTINGS frame follows', (c) => c.send(PREFACE, ping()), { connection: [protocol] }, true),

  of('4.1', 'a frame of an unknown type', (c) => c.send(frame(22, 0, 0, Buffer.alloc(8))), 'alive'),
  of('4.1', 'a PING with undefined flags', (c) => c.send(ping('pingpong', 0xfe)), 'alive'),
  of('4.1', 'a PING with the reserved bit', (c) => c.send(frame(TYPE.ping, 0, 0x80000000, Buffer.alloc(8))), 'alive'),
  of('4.2', 'a DATA frame of 2^14 bytes', (c) => c.send(headers(1, POST, false), data(1, Buffer.alloc(16_384), true)), {
    status: 200,
  }),
  of(
    '4.2',
    'a DATA frame larger than SETTINGS_MAX_FRAME_SIZE',
    (c) => c.send(headers(1, POST, false), data(1, Buffer.alloc(16_385), true)),
    { stream: [frameSize] },
  ),
  of(
    '4.2',
    'a HEADERS frame larger than SETTINGS_MAX_FRAME_SIZE',
    (c) => c.send(frame(TYPE.headers, 5, 1, Buffer.concat([WHOLE, block([['x-long', 'x'.repeat(16_384)]])]))),
    { connection: [frameSize] },
  ),
  of('4.3', 'a block with an invalid fragment', (c) => c.send(frame(TYPE.headers, 5, 1, Buffer.from('4001', 'hex'))), {
    connection: [compression],
  }),
  of('4.3', 'PRIORITY within a block', (c) => c.send(unfinished, priority(1, 0)), { connection: [protocol] }),
  of('4.3', 'HEADERS of another stream within a block', (c) => c.send(unfinished, headers(3, GET)), { connection: [protocol] }),

  of('5.1', 'idle: DATA', (c) => c.send(data(1, 'x', true)), { connection: [protocol] }),
  of('5.1', 'idle: RST_STREAM', (c) => c.send(rstStream(1, 8)), { connection: [protocol] }),
  of('5.1', 'idle: WINDOW_UPDATE', (c) => c.send(windowUpdate(1, 100)), { connection: [protocol] }),
  of('5.1', 'idle: CONTINUATION', (c) => c.send(continuation(1, WHOLE, true)), { connection: [protocol] }),
  of('5.1', 'half-closed: DATA', (c) => c.send(headers(1, GET), data(1, 'x', true)), { stream: [streamClosed] }),
  of('5.1', 'half-closed: HEADERS', (c) => c.send(headers(1, GET), headers(1, GET)), { stream: [streamClosed] }),
  of('5.1', 'half-closed: CONTINUATION', (c) => c.send(headers(1, GET), continuation(1, WHOLE, true)), {
    connection: [protocol, streamClosed],
  }),
  of(
    '5.1',
    'closed by a reset: CONTINUATION',
    (c) => c.send(headers(1, POST, false), rstStream(1, 8), continuation(1, WHOLE, true)),
    { connection: [protocol, streamClosed] },
  ),
  of(
    '5.1',
    'closed: DATA',
    async (c) => {
      await closed(c);
      c.send(data(1, 'x', true));
    },
    { stream: [streamClosed] },
  ),
  of(
    '5.1',
    'closed: HEADERS',
    async (c) => {
      await closed(c);
      c.send(headers(1, GET));
    },
    { connection: [streamClosed, protocol] },
  ),
  of(
    '5.1',
    'closed: CONTINUATION',
    async (c) => {
      await closed(c);
      c.send(continuation(1, WHOLE, true));
    },
    { connection: [protocol, streamClosed] },
  ),
  of('5.1.1', 'an even stream identifier', (c) => c.send(headers(2, GET)), { connection: [protocol] }),
  of('5.1.1', 'an identifier smaller than the last', (c) => c.send(headers(5, GET), headers(3, GET)), {
    connection: [protocol],
  }),
  of('5.4.1', 'a connection error closes the connection', (c) => c.send(frame(TYPE.ping, 0, 0, Buffer.alloc(6))), {
    connection: [frameSize],
  }),
  of(
    '5.5',
    'an unknown frame on a stream',
    async (c) => {
      open(c);
      c.send(frame(0xf0, 0xff, 1, Buffer.alloc(100)), data(1, '', true));
    },
    { status: 200 },
  ),
  of('5.5', 'an unknown frame within a block', (c) => c.send(unfinished, frame(22, 0, 0)), { connection: [protocol] }),

  of('6.1', 'DATA on stream 0', (c) => c.send(data(0, 'x')), { connection: [protocol] }),
  of(
    '6.1',
    'DATA padded by more than there is',
    (c) => c.send(headers(1, POST, false), frame(TYPE.data, FLAG.padded | 1, 1, Buffer.from('\x06Test'))),
    { connection: [protocol] },
  ),
  of(
    '6.1',
    'padded DATA',
    (c) => c.send(headers(1, POST, false), frame(TYPE.data, FLAG.padded | 1, 1, Buffer.from('\x02Test\0\0'))),
    { status: 200 },
  ),
  of('6.2', 'HEADERS on stream 0', (c) => c.send(headers(0, GET)), { connection: [protocol] }),
  of(
    '6.2',
    'HEADERS padded by more than there is',
    (c) => c.send(frame(TYPE.headers, 13, 1, Buffer.concat([Buffer.from([WHOLE.length + 1]), WHOLE]))),
    { connection: [protocol] },
  ),
  of(
    '6.2',
    'padded HEADERS',
    (c) => c.send(frame(TYPE.headers, 13, 1, Buffer.concat([Buffer.from([2]), WHOLE, Buffer.alloc(2)]))),
    { status: 200 },
  ),
  of(
    '6.2',
    'HEADERS with a priority',
    (c) => c.send(frame(TYPE.headers, 5 | FLAG.priority, 1, Buffer.concat([uint32(0), Buffer.from([255]), WHOLE]))),
    { status: 200 },
  ),
  of('6.3', 'PRIORITY on stream 0', (c) => c.send(priority(0, 0)), { connection: [protocol] }),
  of('6.3', 'PRIORITY of four bytes', (c) => c.send(headers(1, POST, false), frame(TYPE.priority, 0, 1, uint32(0))), {
    stream: [frameSize],
  }),
  of('6.3', 'PRIORITY of an idle stream', (c) => c.send(priority(1, 0), headers(1, GET)), { status: 200 }),
  of('6.3', 'PRIORITY of a half-closed stream', (c) => c.send(headers(1, GET), priority(1, 0)), { status: 200 }),
  of(
    '6.3',
    'PRIORITY of a closed stream',
    async (c) => {
      await closed(c);
      c.send(priority(1, 0));
    },
    'alive',
  ),
  of('6.4', 'RST_STREAM on stream 0', (c) => c.send(rstStream(0, 8)), { connection: [protocol] }),
  of('6.4', 'RST_STREAM of three bytes', (c) => c.send(headers(1, POST, false), frame(TYPE.rstStream, 0, 1, Buffer.alloc(3))), {
    connection: [frameSize],
  }),
  of(
    '6.4',
    'RST_STREAM of a closed stream',
    async (c) => {
      await closed(c);
      c.send(rstStream(1, 8));
    },
    'alive',
  ),
  of('6.5', 'SETTINGS with ACK and a payload', (c) => c.send(frame(TYPE.settings, FLAG.ack, 0, Buffer.alloc(6))), {
    connection: [frameSize],
  }),
  of('6.5', 'SETTINGS on a stream', (c) => c.send(frame(TYPE.settings, 0, 1, settings([3, 100]).subarray(9))), {
    connection: [protocol],
  }),
  of('6.5', 'SETTINGS of three bytes', (c) => c.send(frame(TYPE.settings, 0, 0, Buffer.alloc(3))), { connection: [frameSize] }),
  of('6.5.2', 'SETTINGS_ENABLE_PUSH of 2', (c) => c.send(settings([SETTING.enablePush, 2])), { connection: [protocol] }),
  of('6.5.2', 'SETTINGS_INITIAL_WINDOW_SIZE of 2^31', (c) => c.send(settings([SETTING.windowSize, 0x80000000])), {
    connection: [flowControl],
  }),
  of('6.5.2', 'SETTINGS_MAX_FRAME_SIZE of 2^14 - 1', (c) => c.send(settings([SETTING.maxFrameSize, 16_383])), {
    connection: [protocol],
  }),
  of('6.5.2', 'SETTINGS_MAX_FRAME_SIZE of 2^24', (c) => c.send(settings([SETTING.maxFrameSize, 2 ** 24])), {
    connection: [protocol],
  }),
  of('6.5.2', 'a setting that nobody knows', (c) => c.send(settings([0xff, 1])), 'alive'),
  of('6.5.2', 'SETTINGS_MAX_CONCURRENT_STREAMS of 0', (c) => c.send(settings([SETTING.maxStreams, 0]), headers(1, GET)), {
    status: 200,
  }),
  of(
    '6.5.3',
    'the last of two values counts',
    (c) => c.send(settings([SETTING.windowSize, 100], [SETTING.windowSize, 1]), headers(1, GET)),
    { status: 200 },
  ),
  of(
    '6.6',
    'PUSH_PROMISE of a client',
    (c) => c.send(headers(1, POST, false), frame(TYPE.pushPromise, FLAG.endHeaders, 1, Buffer.concat([uint32(2), WHOLE]))),
    { connection: [protocol] },
  ),
  of('6.7', 'a PING', (c) => c.send(ping()), 'alive'),
  of('6.7', 'a PING with ACK', (c) => c.send(ping('unasked!', FLAG.ack)), 'alive'),
  of('6.7', 'a PING on a stream', (c) => c.send(frame(TYPE.ping, 0, 1, Buffer.alloc(8))), { connection: [protocol] }),
  of('6.7', 'a PING of six bytes', (c) => c.send(frame(TYPE.ping, 0, 0, Buffer.alloc(6))), { connection: [frameSize] }),
  of('6.8', 'GOAWAY on a stream', (c) => c.send(frame(TYPE.goaway, 0, 1, uint32(0, 0))), { connection: [protocol] }),
  of('6.9', 'WINDOW_UPDATE of 0 on the connection', (c) => c.send(windowUpdate(0, 0)), { connection: [protocol] }),
  of('6.9', 'WINDOW_UPDATE of 0 on a stream', (c) => c.send(headers(1, POST, false), windowUpdate(1, 0)), {
    stream: [protocol],
  }),
  of('6.9', 'WINDOW_UPDATE of three bytes', (c) => c.send(frame(TYPE.windowUpdate, 0, 0, Buffer.alloc(3))), {
    connection: [frameSize],
  }),
  of(
    '6.9.1',
    'a window larger than 2^31 - 1 on the connection',
    (c) => c.send(windowUpdate(0, 0x7fffffff), windowUpdate(0, 0x7fffffff)),
    { connection: [flowControl] },
  ),
  of(
    '6.9.1',
    'a window larger than 2^31 - 1 on a stream',
    (c) => c.send(headers(1, POST, false), windowUpdate(1, 0x7fffffff), windowUpdate(1, 0x7fffffff)),
    { stream: [flowControl] },
  ),
  of('6.9.1', 'more DATA than the window of the stream', (c) => {
    // The backend does not answer before the end, nor is the data taken while there is no room.
    c.send(headers(1, POST, false), ...Array.from({ length: 80 }, () => data(1, Buffer.alloc(16_384))));
  }, { stream: [flowControl] }), // prettier-ignore
  of(
    '6.9.2',
    'a window made smaller for an open stream',
    (c) => c.send(headers(1, POST, false), settings([SETTING.windowSize, 2]), data(1, '', true)),
    { status: 200 },
  ),
  of(
    '6.9.2',
    'a setting that makes a window larger than 2^31 - 1',
    (c) => c.send(headers(1, POST, false), windowUpdate(1, 1), settings([SETTING.windowSize, 0x7fffffff])),
    { connection: [flowControl] },
  ),
  of(
    '6.10',
    'two CONTINUATION frames',
    (c) => c.send(unfinished, continuation(1, REST.subarray(0, 10), false), continuation(1, REST.subarray(10), true)),
    { status: 200 },
  ),
  of(
    '6.10',
    'an empty CONTINUATION frame',
    (c) => c.send(unfinished, continuation(1, Buffer.alloc(0), false), continuation(1, REST, true)),
    { status: 200 },
  ),
  of('6.10', 'CONTINUATION followed by DATA', (c) => c.send(unfinished, continuation(1, REST, false), data(1, 'x', true)), {
    connection: [protocol],
  }),
  of('6.10', 'CONTINUATION on stream 0', (c) => c.send(unfinished, continuation(0, REST, true)), { connection: [protocol] }),
  of('6.10', 'CONTINUATION of another stream', (c) => c.send(unfinished, continuation(3, REST, true)), {
    connection: [protocol],
  }),
  of('6.10', 'CONTINUATION after END_HEADERS', (c) => c.send(headers(1, POST, false), continuation(1, REST, true)), {
    connection: [protocol],
  }),
  of(
    '6.10',
    'CONTINUATION after CONTINUATION with END_HEADERS',
    (c) => c.send(frame(TYPE.headers, 0, 1, FIRST), continuation(1, REST, true), continuation(1, REST, true)),
    { connection: [protocol] },
  ),
  of('6.10', 'CONTINUATION after DATA', (c) => c.send(headers(1, POST, false), data(1, 'x'), continuation(1, REST, true)), {
    connection: [protocol],
  }),
  of(
    '7',
    'GOAWAY with an unknown code',
    (c) => c.send(headers(1, POST, false), frame(TYPE.goaway, 0, 0, uint32(0, 0xff)), data(1, '', true)),
    { connection: [] },
  ),
  of('7', 'RST_STREAM with an unknown code', (c) => c.send(headers(1, POST, false), rstStream(1, 0xff)), 'alive'),
];
