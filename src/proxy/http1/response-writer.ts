/** Writes responses to an HTTP/1.1 client: head and first data in one packet, in the framing the client understands. */
import type { Socket } from 'node:net';
import { reason, type Answer } from '../answers.ts';
import type { RequestHead } from './request-head.ts';
import type { ResponseHead } from './response-head.ts';

/** Data up to this size is joined to the head as text; more is copied to a buffer of its own. */
const TEXT_DATA = 16_384;

type Framing = 'none' | 'length' | 'chunked' | 'close';

/** How a final response is framed for the client of this request (RFC 9112 §6.3). */
export function responseFraming(request: RequestHead, response: ResponseHead): Framing {
  if (request.method === 'HEAD' || response.status === 204 || response.status === 304) return 'none';
  if (response.contentLength >= 0) return 'length';
  return request.minor === 1 ? 'chunked' : 'close';
}

/** The Connection line that tells the client of this request whether its connection goes on, where that is not understood. */
export function connectionLine(keepAlive: boolean, request: RequestHead): string {
  if (!keepAlive) return 'Connection: close\r\n';
  return request.minor === 0 ? 'Connection: keep-alive\r\n' : '';
}

export class ResponseWriter {
  /** Bytes written for the current response. */
  sent = 0;
  /** Of these, the bytes of its head. */
  headSize = 0;
  readonly #socket: Socket;
  #out = '';
  #framing: Framing = 'none';

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** The client takes data more slowly than it comes. */
  get blocked(): boolean {
    return this.#socket.writableNeedDrain;
  }

  begin(): void {
    this.sent = this.headSize = 0;
  }

  continue(): void {
    this.#socket.write('HTTP/1.1 100 Continue\r\n\r\n', 'latin1');
  }

  interim(head: ResponseHead): void {
    this.#socket.write(interimText(head), 'latin1');
  }

  /** `security`: the value of Strict-Transport-Security. `connection`: the Connection line, or nothing. */
  head(head: ResponseHead, framing: Framing, security: string | null, connection: string): void {
    this.#framing = framing;
    const text = responseHeadText(head, framing === 'chunked', security, connection);
    this.headSize = text.length;
    this.#out += text;
  }

  /** 101: what follows is passed unframed. */
  switching(head: ResponseHead): void {
    this.#framing = 'close';
    const text = switchingText(head);
    this.headSize = text.length;
    this.#out += text;
    this.flush();
  }

  /** `bytes` may change after the call. */
  data(bytes: Buffer, start: number, end: number): void {
    if (this.#framing === 'none') return;
    const length = end - start;
    const chunked = this.#framing === 'chunked';
    if (chunked) this.#out += `${length.toString(16)}\r\n`;
    if (length <= TEXT_DATA) this.#out += bytes.toString('latin1', start, end);
    else this.#writeCopy(bytes, start, end);
    if (chunked) this.#out += '\r\n';
  }

  end(trailers: string): void {
    if (this.#framing === 'chunked') this.#out += `0\r\n${trailers}\r\n`;
    this.flush();
  }

  answer(answer: Answer, headRequest: boolean, security: string | null, connection: string): void {
    const text = answerText(answer, headRequest, security, connection);
    this.headSize = text.length - (headRequest ? 0 : answer.body.length);
    this.#out += text;
    this.flush();
  }

  flush(): void {
    if (this.#out === '') return;
    const text = this.#out;
    this.#out = '';
    this.sent += text.length;
    this.#socket.write(text, 'latin1');
  }

  #writeCopy(bytes: Buffer, start: number, end: number): void {
    const head = this.#out;
    this.#out = '';
    const copy = Buffer.allocUnsafeSlow(head.length + end - start);
    if (head !== '') copy.write(head, 0, 'latin1');
    bytes.copy(copy, head.length, start, end);
    this.sent += copy.length;
    this.#socket.write(copy);
  }
}

let dateText = '';
let dateSecond = 0;

/** The current date as a header line, made once a second (RFC 9110 §6.6.1). */
function dateLine(): string {
  const second = Math.floor(Date.now() / 1000);
  if (second !== dateSecond) {
    dateSecond = second;
    dateText = `Date: ${new Date(second * 1000).toUTCString()}\r\n`;
  }
  return dateText;
}

/** The head of a final response. `connection`: the Connection line, or nothing. */
function responseHeadText(head: ResponseHead, chunked: boolean, security: string | null, connection: string): string {
  let text = `HTTP/1.1${head.statusLine}\r\n${head.runs.lines(head.text)}`;
  if (!head.hasDate) text += dateLine();
  if (chunked) text += 'Transfer-Encoding: chunked\r\n';
  if (security !== null) text += `Strict-Transport-Security: ${security}\r\n`;
  return `${text}${connection}\r\n`;
}

/** A 1xx other than 101. */
function interimText(head: ResponseHead): string {
  return `HTTP/1.1${head.statusLine}\r\n${head.runs.lines(head.text)}\r\n`;
}

/** 101 Switching Protocols: the one response whose Upgrade and Connection are passed on. */
function switchingText(head: ResponseHead): string {
  return `HTTP/1.1${head.statusLine}\r\n${head.runs.lines(head.text)}Upgrade: ${head.upgrade}\r\nConnection: upgrade\r\n\r\n`;
}

/** An answer of our own, with its body unless the request was a HEAD. */
function answerText(answer: Answer, headRequest: boolean, security: string | null, connection: string): string {
  const { status, fields, contentType, body } = answer;
  let text = `HTTP/1.1 ${status} ${reason(status)}\r\n${dateLine()}Content-Type: ${contentType}\r\nContent-Length: ${body.length}\r\n${fields}`;
  if (security !== null) text += `Strict-Transport-Security: ${security}\r\n`;
  return `${text}${connection}\r\n${headRequest ? '' : body}`;
}
