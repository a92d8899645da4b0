/**
 * What an exchange needs of the client's side, whatever protocol the client speaks. `http1/connection.ts` implements it over a
 * connection.
 */
import type { Answer } from './answers.ts';
import type { ClientInfo } from './http1/forward-request.ts';
import type { RequestHead } from './http1/request-head.ts';
import type { ResponseHead } from './http1/response-head.ts';

export interface Downstream {
  readonly client: ClientInfo;
  /** The request; stays as it is until the exchange is done. */
  readonly head: RequestHead;
  /** Lines about the connection for the upstream, with CRLF. */
  readonly connectionFields: string;
  /** Tells a client that waits for it to send the body (100 Continue). */
  readonly continue: () => void;
  readonly sendInterim: (head: ResponseHead) => void;
  /** The head is not written before the first data or the end, so that both leave in one packet. */
  readonly sendHead: (head: ResponseHead) => void;
  /** `bytes` may change after the call. */
  readonly sendData: (bytes: Buffer, start: number, end: number) => void;
  /** `trailers`: lines with CRLF, already filtered. */
  readonly sendEnd: (trailers: string) => void;
  readonly sendAnswer: (answer: Answer) => void;
  /** Writes what was collected. */
  readonly flush: () => void;
  /** The client takes data more slowly than it comes: wait for `onClientDrain`. */
  readonly blocked: () => boolean;
  /** Cuts the connection (or stream): the response cannot be completed, and the client must see that. */
  readonly abort: () => void;
  /** An exception nobody expected: this connection ends, the others go on. */
  readonly onBug: (error: unknown) => void;
  readonly pauseBody: () => void;
  readonly resumeBody: () => void;
  /** Passes the 101 on; from now on bytes pass unparsed. */
  readonly startTunnel: (head: ResponseHead) => void;
  readonly tunnelData: (bytes: Buffer, start: number, end: number) => void;
  /** The upstream half-closed the tunnel. */
  readonly tunnelEnd: () => void;
  /** The exchange is over: the next may begin. */
  readonly exchangeDone: () => void;
  /** Body bytes, with framing, sent to the client in this exchange. */
  readonly bytesSent: () => number;
  /** Of these, what followed the head: nginx's `$body_bytes_sent`. */
  readonly bodyBytesSent: () => number;
}
