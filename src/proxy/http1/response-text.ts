/** Response heads as they go to HTTP/1.1 clients. */
import { reason, type Answer } from '../answers.ts';
import type { ResponseHead } from './response-head.ts';

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
export function responseHeadText(head: ResponseHead, chunked: boolean, security: string | null, connection: string): string {
  let text = `HTTP/1.1${head.statusLine}\r\n${head.runs.lines(head.text)}`;
  if (!head.hasDate) text += dateLine();
  if (chunked) text += 'Transfer-Encoding: chunked\r\n';
  if (security !== null) text += `Strict-Transport-Security: ${security}\r\n`;
  return `${text}${connection}\r\n`;
}

/** A 1xx other than 101. */
export function interimText(head: ResponseHead): string {
  return `HTTP/1.1${head.statusLine}\r\n${head.runs.lines(head.text)}\r\n`;
}

/** 101 Switching Protocols: the one response whose Upgrade and Connection are passed on. */
export function switchingText(head: ResponseHead): string {
  return `HTTP/1.1${head.statusLine}\r\n${head.runs.lines(head.text)}Upgrade: ${head.upgrade}\r\nConnection: upgrade\r\n\r\n`;
}

/** An answer of our own, with its body unless the request was a HEAD. */
export function answerText(answer: Answer, headRequest: boolean, security: string | null, connection: string): string {
  const { status, fields, contentType, body } = answer;
  let text = `HTTP/1.1 ${status} ${reason(status)}\r\n${dateLine()}Content-Type: ${contentType}\r\nContent-Length: ${body.length}\r\n${fields}`;
  if (security !== null) text += `Strict-Transport-Security: ${security}\r\n`;
  return `${text}${connection}\r\n${headRequest ? '' : body}`;
}
