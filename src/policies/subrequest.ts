/** Requests of a policy's own to a service that it names, beside the one that is being proxied. `proxy/subrequest/` sends them. */

/** Connections to the service that are kept; `connections` 0: none. Times in milliseconds. */
export interface KeptConnections {
  readonly connections: number;
  readonly requests: number;
  readonly timeout: number;
}

/** A request without a body. */
export interface Subrequest {
  readonly tls: boolean;
  /** A name or an IP address, without brackets; also the name that TLS sends. */
  readonly host: string;
  readonly port: number;
  readonly method: string;
  /** The whole head in Latin-1, from the request line to the empty line. */
  readonly head: string;
  /** Null: as for backends. */
  readonly keepAlive: KeptConnections | null;
}

/** The head of the final response. Its body is nobody's. */
export interface SubrequestResponse {
  readonly status: number;
  /** The values of a field in their order, by its name in lower case. */
  readonly field: (lowerName: string) => readonly string[];
}

/** Sends them, so many at once. */
export interface SubrequestSender {
  /**
   * Calls `done` once and later, never before it returns; null: there is no response that can be used, or none came in time. What is
   * returned stops it, and then `done` is not called.
   */
  readonly send: (request: Subrequest, done: (response: SubrequestResponse | null) => void) => () => void;
}
