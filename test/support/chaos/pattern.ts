/** Bodies that say whose they are, and that would be heard as messages if anybody lost count of their bytes. */

/** A backend that sees this path was made to read a body as a request. */
export const SMUGGLED_PATH = '/SMUGGLED';
/** A client that sees this nonce was made to read a body as a response. */
export const SMUGGLED_NONCE = 'SMUGGLED';

/** The body of the request with this nonce. */
export function requestBody(nonce: string, length: number): string {
  return repeat(`${nonce}\r\n\r\nGET ${SMUGGLED_PATH} HTTP/1.1\r\nHost: app.example\r\n\r\n`, length);
}

/** The body of the response to it. */
export function responseBody(nonce: string, length: number): string {
  return repeat(`${nonce}\r\n\r\nHTTP/1.1 200 OK\r\nX-Nonce: ${SMUGGLED_NONCE}\r\nContent-Length: 0\r\n\r\n`, length);
}

function repeat(text: string, length: number): string {
  return text.repeat(Math.ceil(length / text.length)).slice(0, length);
}

/** A body in chunks of these sizes at most, in turn. */
export function chunked(body: string, sizes: readonly number[], trailers = ''): string {
  let text = '';
  for (let at = 0, i = 0; at < body.length; i++) {
    const part = body.slice(at, at + sizes[i % sizes.length]!);
    text += `${part.length.toString(16)}\r\n${part}\r\n`;
    at += part.length;
  }
  return `${text}0\r\n${trailers}\r\n`;
}
