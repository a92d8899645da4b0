/**
 * A security case: bytes that a client sends, and what must come of them. Written once, run against Sluice and against the
 * baseline (http-proxy on node:http), so that the cases can be seen to tell a careful proxy from another.
 */
import assert from 'node:assert/strict';
import type { RawClient } from '../../support/raw-client.ts';
import type { Backend, Seen } from './backend.ts';

/** A proxy in front of one backend, for the host `app.example`. */
export interface Subject {
  /** Sluice: what is refused must be refused with the very status, and the connection closed by the proxy itself. */
  readonly strict: boolean;
  readonly backend: Backend;
  readonly connect: () => Promise<RawClient>;
  /** The proxy still serves; throws if not. */
  readonly alive: () => Promise<void>;
}

export interface Case {
  /** Begins with the number of its class. */
  readonly name: string;
  /** The bytes, where a case is no more than that. */
  readonly bytes?: string;
  /** Throws when the proxy does not do what it must. */
  readonly check: (subject: Subject) => Promise<void>;
}

/** Stands in `bytes` for a name that no other run has. As long as that, so that lengths can be counted. */
export const ID = 'x0000000';
/** In the second request of the connection. */
const SECOND = 'y0000000';
/** In a request that is hidden in another. */
export const HIDDEN = 'z0000000';

let runs = 0;

/** A fresh set of names in the place of the stand-ins. */
export function fresh(text: string): { readonly id: string; readonly text: string } {
  const number = (++runs).toString(36).padStart(7, '0');
  const id = `x${number}`;
  return { id, text: text.replaceAll(ID, id).replaceAll(SECOND, `y${number}`).replaceAll(HIDDEN, `z${number}`) };
}

/** The request that follows every case on the same connection. */
export const NEXT = `GET /${SECOND} HTTP/1.1\r\nHost: app.example\r\n\r\n`;
/** The request that must never be seen. */
export const SMUGGLED = `GET /${HIDDEN} HTTP/1.1\r\nHost: app.example\r\n\r\n`;

/** A GET with further header lines. */
export function get(fields = '', target = `/${ID}`): string {
  return `GET ${target} HTTP/1.1\r\nHost: app.example\r\n${fields}\r\n`;
}

/** A POST with further header lines and a body. */
export function post(fields: string, body = ''): string {
  return `POST /${ID} HTTP/1.1\r\nHost: app.example\r\n${fields}\r\n${body}`;
}

/** A POST with a chunked body, written out. */
export function chunked(body: string, fields = ''): string {
  return post(`Transfer-Encoding: chunked\r\n${fields}`, body);
}

/** What the client got: the status and the body of each response, up to where the stream is no response any more. */
interface Answer {
  readonly status: number;
  readonly body: string;
}

function answersIn(text: string): Answer[] {
  const answers: Answer[] = [];
  let at = 0;
  for (;;) {
    const end = text.indexOf('\r\n\r\n', at);
    if (end < 0 || !text.startsWith('HTTP/1.', at)) return answers;
    const head = text.slice(at, end + 2);
    const status = Number(head.slice(9, 12));
    at = end + 4;
    if (status < 200) continue;
    const length = /\r\ncontent-length: *(\d+)/i.exec(head);
    let body = '';
    if (length !== null) body = text.slice(at, (at += Number(length[1])));
    else if (/\r\ntransfer-encoding: *chunked/i.test(head)) {
      for (;;) {
        const size = Number.parseInt(text.slice(at), 16);
        at = text.indexOf('\r\n', at) + 2;
        body += text.slice(at, at + size);
        at += size + 2;
        if (size === 0 || Number.isNaN(size)) break;
      }
    }
    answers.push({ status, body });
  }
}

/** Sends everything, and waits until the proxy has answered what it will. `patient`: it answers something in any case. */
async function send(
  subject: Subject,
  text: string,
  expected: number,
  patient = false,
): Promise<{ answers: Answer[]; closed: boolean }> {
  const client = await subject.connect();
  try {
    client.send(text);
    if (patient) await client.until(() => client.buffer !== '' || client.ended);
    // The end of the stream makes every proxy say what it has to say; a strict one needs no such help.
    if (!subject.strict) client.socket.end();
    await client.until(() => client.ended || (subject.strict && answersIn(client.buffer).length >= expected));
    return { answers: answersIn(client.buffer), closed: client.ended };
  } finally {
    client.close();
  }
}

/** The complete requests that hold a name, and none of what is hidden. */
function seenBy(backend: Backend, id: string): Seen[] {
  const hidden = `z${id.slice(1)}`;
  const smuggled = backend.requests.filter(({ target }) => target.includes(hidden));
  assert.deepEqual(smuggled, [], 'a hidden request reached the backend as one');
  return backend.requests.filter(({ target }) => target.includes(id));
}

function secondOf(backend: Backend, id: string): Seen[] {
  return seenBy(backend, `y${id.slice(1)}`);
}

/** What must be refused: one answer, an error, and the connection closed; nothing of it is ever a request at a backend. */
export function refused(name: string, bytes: string, status = 400): Case {
  return {
    name,
    bytes,
    check: async (subject) => {
      const { id, text } = fresh(bytes + NEXT);
      const { answers, closed } = await send(subject, text, Infinity);
      assert.ok(answers.length <= 1, `one answer, not ${JSON.stringify(answers)}`);
      const [answer] = answers;
      // To close without a word is a refusal too; Sluice says why.
      if (answer !== undefined) assert.ok(answer.status >= 400 && answer.status !== 502, `refused, not ${answer.status}`);
      if (subject.strict) assert.equal(answer?.status, status);
      assert.ok(closed);
      assert.deepEqual(seenBy(subject.backend, id), [], 'it reached the backend');
      assert.deepEqual(secondOf(subject.backend, id), [], 'what followed it reached the backend');
    },
  };
}

/** What an accepted request must be at the backend. */
interface Expected {
  readonly method?: string;
  /** As forwarded; as sent when left out. */
  readonly target?: string;
  readonly body?: string;
  /** Lines of the head. */
  readonly has?: readonly string[];
  /** No line of the head may match. */
  readonly lacks?: RegExp;
  /** The connection ends with this request: what follows it is not answered. */
  readonly last?: boolean;
  /** It asks for an upgrade: a proxy may drop it when the client ends its side at once. */
  readonly patient?: boolean;
}

/** What must be served, as exactly one request, and what follows it as another. */
export function accepted(name: string, bytes: string, expected: Expected = {}): Case {
  return {
    name,
    bytes,
    check: async (subject) => {
      const last = expected.last === true;
      // Some refuse everything when more follows what was said to be the last.
      const { id, text } = fresh(bytes + (last && !subject.strict ? '' : NEXT));
      const { answers } = await send(subject, text, last ? Infinity : 2, expected.patient);
      const seen = seenBy(subject.backend, id);
      assert.equal(seen.length, 1, `one request, not ${JSON.stringify(seen)}; answers: ${JSON.stringify(answers)}`);
      const [request] = seen;
      const line = /^([A-Z-]+) ([^ ]*)/.exec(text.replace(/^(?:\r\n)+/, ''))!;
      assert.equal(request!.method, expected.method ?? line[1]);
      assert.equal(request!.target, named(expected.target, id) ?? line[2]);
      if (expected.body !== undefined) assert.equal(request!.body, named(expected.body, id));
      const lines = request!.head.split('\r\n').slice(1, -2);
      const written = lines.map(lowerName);
      for (const each of expected.has ?? []) assert.ok(written.includes(lowerName(each)), `${each} in ${request!.head}`);
      if (expected.lacks !== undefined) {
        const wrong = lines.filter((each) => expected.lacks!.test(each));
        assert.deepEqual(wrong, [], 'lines that must not be forwarded');
      }
      assert.equal(answers[0]?.status, 200);
      const second = secondOf(subject.backend, id);
      assert.equal(second.length, last ? 0 : 1, 'what followed');
      assert.equal(answers.length, last ? 1 : 2, JSON.stringify(answers));
      if (!last) assert.match(answers[1]!.body, new RegExp(`^GET /y${id.slice(1)} `));
    },
  };
}

/** Replaces the stand-ins by the names of a run. */
function named(text: string | undefined, id: string): string | undefined {
  return text?.replaceAll(ID, id).replaceAll(HIDDEN, `z${id.slice(1)}`);
}

/** What may be refused or served as one request; never anything else. */
export function either(name: string, bytes: string): Case {
  return {
    name,
    bytes,
    check: async (subject) => {
      const { id, text } = fresh(bytes + NEXT);
      const { answers } = await send(subject, text, 2);
      const seen = seenBy(subject.backend, id);
      assert.ok(seen.length <= 1, `at most one request, not ${JSON.stringify(seen)}`);
      assert.ok(secondOf(subject.backend, id).length <= seen.length, 'what followed a refusal was served');
      assert.ok(answers.length > 0);
    },
  };
}

/** A case of its own making; `body` gets its names. */
export function scenario(name: string, check: (subject: Subject, id: string) => Promise<void>): Case {
  return { name, check: (subject) => check(subject, fresh('').id) };
}

/** A header line with its name in lower case, and one space behind the colon. */
function lowerName(line: string): string {
  const colon = line.indexOf(':');
  return `${line.slice(0, colon).toLowerCase()}: ${line.slice(colon + 1).replace(/^[ \t]+/, '')}`;
}
