/**
 * One request on its way to an endpoint, and its response, whatever protocol the endpoint speaks. `connection.ts` implements it over
 * an HTTP/1.1 connection, `h2/stream.ts` over a stream of HTTP/2. The body is handed over without framing: framing it, by chunks or
 * frames, is the protocol's business.
 */
import type { ProxySettings } from '../../settings/settings.ts';
import type { ProxyError } from '../errors.ts';
import type { ResponseHead } from '../http1/head/response-head.ts';
import type { Sink } from '../outbox.ts';

/** Who sends a request: gets the response to it, or the failure. */
export interface ResponseHandler {
  /** The connection is established. Called at once for a reused one. */
  readonly onConnected: () => void;
  /** A 1xx other than 100 and 101. */
  readonly onInterim: (head: ResponseHead) => void;
  readonly onResponseHead: (head: ResponseHead) => void;
  /** Response body bytes, valid only during the call. */
  readonly onResponseData: (bytes: Buffer, start: number, end: number) => void;
  /** The response is complete; the stream is no longer the caller's. `trailers`: lines with CRLF. */
  readonly onResponseEnd: (trailers: string) => void;
  /** The connection is gone, and with it the response. */
  readonly onUpstreamFailed: (error: ProxyError) => void;
  /** The upstream takes no more of the request for now. */
  readonly onUpstreamBlocked: () => void;
  /** The upstream takes more of the request again. */
  readonly onUpstreamDrain: () => void;
  /** Bytes of an upgraded connection, valid only during the call. */
  readonly onTunnelData: (bytes: Buffer, start: number, end: number) => void;
  readonly onTunnelEnd: () => void;
  /** The stream ended for a bug, which has been reported. */
  readonly onBug: () => void;
}

/** What of a request decides how it is framed, and how its response is to be read. A head that was parsed is one. */
export interface Asked {
  readonly method: string;
  readonly chunked: boolean;
  /** The protocol to change to; empty: none. */
  readonly upgrade: string;
  readonly acceptsTrailers: boolean;
  /** Its connection carries no other request after it. */
  readonly closes: boolean;
}

/** What of the settings a request may have otherwise than others. */
export type UpstreamLimits = Pick<
  ProxySettings,
  'upstreamConnectTimeout' | 'upstreamReadTimeout' | 'upstreamSendTimeout' | 'maxResponseHeadSize'
>;

export interface UpstreamStream {
  /** When the upstream has waited too long, in milliseconds of the worker's deadlines. Infinity: the downstream's covers it. */
  readonly deadline: number;
  /** The IP address it goes to. */
  readonly address: string;
  /** The connection is established. */
  readonly connected: boolean;
  /** It takes no more of the request for now: `onUpstreamDrain` follows. */
  readonly blocked: boolean;
  /** The connection has carried a request before. */
  readonly reused: boolean;
  /**
   * Begins a request. Its head is to be written to what is returned, as HTTP/1.1 text to its empty line. `limits`: those of its route, where
   * they differ from the worker's.
   */
  readonly begin: (request: Asked, limits?: UpstreamLimits | null) => Sink;
  /** Request body bytes that nobody changes afterwards. */
  readonly sendData: (bytes: Buffer, start: number, end: number) => void;
  /** The request is complete. `trailers`: lines with CRLF, already filtered. */
  readonly sendEnd: (trailers: string) => void;
  /** From now on the handler is told; the head was written, and what was at hand of the body. */
  readonly attach: (handler: ResponseHandler) => void;
  /** Stops reading: the downstream is slower. Its own send deadline covers the wait. */
  readonly pause: () => void;
  readonly resume: () => void;
  /** Bytes from the client of an upgraded connection, which nobody changes afterwards. */
  readonly tunnelData: (bytes: Buffer) => void;
  /** The client half-closed an upgraded connection. */
  readonly tunnelEnd: () => void;
  /** Ends it without a word. The handler hears nothing more. */
  readonly destroy: () => void;
  /** The same after the response's head, but what is left of the response may be read off, so that the connection can be used again. */
  readonly discard: () => void;
}

const nothing = (): void => undefined;

/** Takes a response that nobody wants, so that its connection can be used again. Has no state: all discarded responses have it. */
export const DISCARDING: ResponseHandler = {
  onConnected: nothing,
  onInterim: nothing,
  onResponseHead: nothing,
  onResponseData: nothing,
  onResponseEnd: nothing,
  onUpstreamFailed: nothing,
  onUpstreamBlocked: nothing,
  onUpstreamDrain: nothing,
  onTunnelData: nothing,
  onTunnelEnd: nothing,
  onBug: nothing,
};
