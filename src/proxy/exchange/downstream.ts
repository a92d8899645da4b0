/**
 * What an exchange needs of the client's side, whatever protocol the client speaks; its events are calls of the exchange's. `http1/connection.ts` implements it over a
 * connection, `http2/stream.ts` over a stream of one.
 */
import type { Answer } from '../../policies/answer.ts';
import type { RequestChanges } from '../../policies/changes.ts';
import type { ClientInfo } from '../http1/forward-request.ts';
import type { Sink } from '../outbox.ts';
import type { RequestHead } from '../http1/head/request-head.ts';
import type { ResponseHead } from '../http1/head/response-head.ts';

export interface Downstream {
  readonly client: ClientInfo;
  /** The client speaks HTTP/2; else HTTP/1, of the head's minor version. */
  readonly http2: boolean;
  /** The request; stays as it is until the exchange is done. */
  readonly head: RequestHead;
  /** Sends the request's head to an upstream. `extra`: further lines with CRLF. `changes`: what policies want otherwise. */
  readonly forwardHead: (upstream: Sink, requestId: string, extra: string, changes: RequestChanges | null) => void;
  /** Tells a client that waits for it to send the body (100 Continue). */
  readonly continue: () => void;
  readonly sendInterim: (head: ResponseHead) => void;
  /** `more`: lines with CRLF to send beside those of the head. */
  readonly sendHead: (head: ResponseHead, more: string) => void;
  /** `bytes` may change after the call. */
  readonly sendData: (bytes: Buffer, start: number, end: number) => void;
  /** `trailers`: lines with CRLF, already filtered. */
  readonly sendEnd: (trailers: string) => void;
  readonly sendAnswer: (answer: Answer) => void;
  /** Cuts the connection (or stream): the response cannot be completed, and the client must see that. */
  readonly abort: () => void;
  /** An exception nobody expected: this connection ends, the others go on. */
  readonly onBug: (error: unknown) => void;
  readonly pauseBody: () => void;
  readonly resumeBody: () => void;
  /** Passes the 101 on; from now on bytes pass unparsed. `more`: as for `sendHead`. */
  readonly startTunnel: (head: ResponseHead, more: string) => void;
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
