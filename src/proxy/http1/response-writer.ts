/** Writes responses to an HTTP/1.1 client: head and first data in one packet, in the framing the client understands. */
import { reason, type Answer } from '../../policies/answer.ts';
import type { Output } from '../outbox.ts';
import type { RequestHead } from './head/request-head.ts';
import type { ResponseHead } from './head/response-head.ts';

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

/** Writes the responses of one connection, and knows how much was sent of the current one. */
export class ResponseWriter {
  /** Bytes of the head of the current response. */
  headSize = 0;
  readonly #output: Output;
  #framing: Framing = 'none';
  /** The output's total when the response began. */
  #before = 0;

  constructor(output: Output) {
    this.#output = output;
  }

  /** Bytes sent of the current response. */
  get sent(): number {
    return this.#output.total - this.#before;
  }

  begin(): void {
    this.headSize = 0;
    this.#before = this.#output.total;
  }

  continue(): void {
    this.#output.text('HTTP/1.1 100 Continue\r\n\r\n');
  }

  interim(head: ResponseHead): void {
    head.sendTo(this.#output);
    this.#output.text('\r\n');
  }

  /** `security`: the value of Strict-Transport-Security. `more`: further lines, the Connection line among them. */
  head(head: ResponseHead, framing: Framing, security: string | null, more: string): void {
    this.begin();
    this.#framing = framing;
    const output = this.#output;
    head.sendTo(output);
    if (!head.hasDate) output.text(dateLine());
    if (framing === 'chunked') output.text('Transfer-Encoding: chunked\r\n');
    if (security !== null) output.text(securityLine(security));
    if (more !== '') output.text(more);
    output.text('\r\n');
    this.headSize = this.sent;
  }

  /** 101, the one response whose Upgrade and Connection are passed on: what follows is passed unframed. */
  switching(head: ResponseHead, more: string): void {
    this.begin();
    this.#framing = 'close';
    head.sendTo(this.#output);
    this.#output.text(`${more}Upgrade: ${head.upgrade}\r\nConnection: upgrade\r\n\r\n`);
    this.headSize = this.sent;
  }

  /** `bytes` may change after the call. */
  data(bytes: Buffer, start: number, end: number): void {
    if (this.#framing === 'none') return;
    const chunked = this.#framing === 'chunked';
    if (chunked) this.#output.text(`${(end - start).toString(16)}\r\n`);
    this.#output.copy(bytes, start, end);
    if (chunked) this.#output.text('\r\n');
  }

  end(trailers: string): void {
    if (this.#framing === 'chunked') this.#output.text(`0\r\n${trailers}\r\n`);
  }

  answer(answer: Answer, headRequest: boolean, security: string | null, connection: string): void {
    this.begin();
    const text = answerText(answer, headRequest, security, connection);
    this.headSize = text.length - (headRequest ? 0 : answer.body.length);
    this.#output.text(text);
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

let securityValue = '';
let securityText = '';

/** The Strict-Transport-Security line, made once. */
function securityLine(value: string): string {
  if (value !== securityValue) {
    securityValue = value;
    securityText = `Strict-Transport-Security: ${value}\r\n`;
  }
  return securityText;
}

/** An answer of our own, with its body unless the request was a HEAD. */
function answerText(answer: Answer, headRequest: boolean, security: string | null, connection: string): string {
  const { status, fields, contentType, body } = answer;
  let text = `HTTP/1.1 ${status} ${reason(status)}\r\n${dateLine()}`;
  // RFC 9110 §8.6: these have no length, and no content.
  if (status !== 204 && status !== 304) {
    if (contentType !== '') text += `Content-Type: ${contentType}\r\n`;
    text += `Content-Length: ${body.length}\r\n`;
  }
  text += fields;
  if (security !== null) text += securityLine(security);
  return `${text}${connection}\r\n${headRequest ? '' : body}`;
}
