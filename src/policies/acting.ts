/**
 * What the acting half of a policy sees of a request, and what it decides. The data plane compiles the policies of a route into steps
 * once per change of the route (`steps.ts`), and takes each request of it through them.
 */
import type { Route } from '../model/table.ts';
import type { TraceContext } from '../observe/tracing/trace-context.ts';
import type { Tracer } from '../observe/tracing/tracer.ts';
import type { ProxySettings } from '../settings/settings.ts';
import type { Answer } from './answer.ts';
import type { AuthCache } from './external-auth/auth-cache.ts';
import type { Nonces } from './access/nonces.ts';
import type { RequestChanges, ResponseChanges } from './changes.ts';
import type { Rewriting } from './rewriting.ts';
import type { ClientCounts } from './limits/client-counts.ts';
import type { PasswordChecker } from './passwords/checker.ts';
import type { SubrequestSender } from './subrequest.ts';

/** A request head. */
export interface RequestView {
  readonly method: string;
  /** In origin form, as the client wrote it. */
  readonly target: string;
  /** The target up to "?", as the client wrote it. */
  readonly rawPath: string;
  /** As the client wrote it, port included. */
  readonly host: string;
  /** HTTP/1.x; of HTTP/2: 1. */
  readonly minor: number;
  /** -1: not said. */
  readonly contentLength: number;
  /** The value of a field; several of one name are joined by ", ", and those of Cookie by "; ". Empty: there is none. In lower case. */
  readonly field: (lowerName: string) => string;
  /** What the backend gets in place of the target, where that was cleaned; empty: the target itself. */
  readonly forwardedTarget: string;
  /** The lines that backends get, with CRLF, each with its name in lower case. */
  readonly lines: () => Iterable<readonly [name: string, line: string]>;
}

/** What is believed of the client: of its connection, or of a trusted proxy in front. */
export interface ClientView {
  readonly scheme: string;
  readonly address: string;
  /** The host it asked that proxy for, or us, port included. */
  readonly host: string;
}

/** One request on its way through the policies of its route. It ends with its exchange. */
export interface Passage {
  readonly request: RequestView;
  readonly client: ClientView;
  readonly settings: ProxySettings;
  readonly route: Route;
  /** The virtual host of the route. */
  readonly serverName: string;
  /** nginx's `$uri`: the path that was matched, decoded, without dot segments and double slashes; or what it was rewritten to. */
  readonly path: string;
  /** The URI and the variables as the rewrite phase has them by now. */
  readonly rewriting: Rewriting;
  readonly requestId: string;
  /** X-Forwarded-For as backends get it. */
  readonly forwardedFor: string;
  /** Lines with CRLF on the client's certificate, as backends get them; empty where none is asked for. */
  readonly certificateFields: string;
  /** Milliseconds of a clock that only goes forward. */
  readonly now: number;
  /** Null: nothing is traced. */
  readonly tracer: Tracer | null;
  /** Where in which trace the request is; null: it is not traced. For the policy that traces to set. */
  trace: TraceContext | null;
  /** The final status; 0 while there is none. */
  readonly status: number;
  /** The client speaks HTTP/2. */
  readonly http2: boolean;
  /** What clients asked for lately, of all workers. */
  readonly counts: ClientCounts;
  /** What the backend is to get. */
  readonly upstream: RequestChanges;
  /** What the client is to get. */
  readonly response: ResponseChanges;
  /** There is a response of a backend, the route's or an error backend. */
  readonly answering: boolean;
  /** The values of the fields of this name, in lower case, that the backend's response has; none while there is no response of a backend. */
  readonly backendFields: (lowerName: string) => readonly string[];
  /** As `request.field`, but as `more_set_input_headers` and its like have it by now. */
  readonly field: (lowerName: string) => string;
  /** The value of a variable of nginx, without "$"; empty if it has none now. */
  readonly variable: (name: string) => string;
  /** Goes on after a step that returned PENDING. Without effect when the exchange has ended meanwhile. */
  readonly resume: (answer: Answer | null) => void;
  /** Calls `callback` when the exchange ends, whatever became of it. */
  readonly onDone: (callback: () => void) => void;
}

/** What a step returns that will call `passage.resume`: until then the client's body waits, and no deadline but the step's own runs. */
export const PENDING = Symbol('pending');

/** What the last step of the rewrite phase returns when the path was changed: the location is looked for again. */
export const RELOCATE = Symbol('relocate');

/** A policy on the way in: an answer of its own ends the request's way, null lets it go on. */
export type RequestStep = (passage: Passage) => Answer | typeof PENDING | typeof RELOCATE | null;

/**
 * A policy on the way out, of the final response. `own`: the answer is not the route's backend's, but Sluice's or an error backend's.
 * Changes `passage.response`.
 */
export type ResponseStep = (passage: Passage, status: number, own: boolean) => void;

/** What steps use of their worker. */
export interface StepServices {
  readonly subrequests: SubrequestSender;
  readonly passwords: PasswordChecker;
  readonly nonces: Nonces;
  readonly authCache: AuthCache;
}

/** What the policies of one route do. */
export interface RouteSteps {
  /** Before the route's own location: nginx's server rewrite phase. */
  readonly host: readonly RequestStep[];
  /** Locations of the host beside its routes, each time a location is looked for. */
  readonly locations: readonly RequestStep[];
  readonly request: readonly RequestStep[];
  readonly response: readonly ResponseStep[];
}
