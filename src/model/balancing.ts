/**
 * How the requests of an upstream group are spread over its endpoints, and when they go to another group instead. It is the group's, so it
 * holds for every route that sends requests there, of whatever host (reference §4.4).
 */
import type { GroupId } from './table.ts';

/** `upstream-hash-by`: the same key goes to the same endpoint. */
export interface HashBy {
  /** Literal text, and variables of nginx. */
  readonly key: readonly (string | { readonly variable: string })[];
  /** `upstream-hash-by-subset`: the key chooses so many endpoints, and chance one of them. Null: it chooses the endpoint. */
  readonly subsetSize: number | null;
}

/** The attributes of the cookie that names an endpoint. */
export interface SessionCookie {
  readonly name: string;
  /** Null: the path of the Ingress. */
  readonly path: string | null;
  readonly domain: string | null;
  /** Seconds from now; null: not said. */
  readonly expires: number | null;
  readonly maxAge: number | null;
  readonly sameSite: 'None' | 'Lax' | 'Strict' | null;
  /** `SameSite=None` is left out for browsers that refuse such cookies. */
  readonly conditionalSameSiteNone: boolean;
  /** False: only for clients that speak TLS. */
  readonly secure: boolean;
  /** After a try that failed the client moves to another endpoint for good. */
  readonly changeOnFailure: boolean;
}

/** `affinity: cookie`. */
export interface Affinity {
  /** `balanced`: the cookie's key is hashed over the endpoints there are; `persistent`: it names one. */
  readonly mode: 'balanced' | 'persistent';
  readonly cookie: SessionCookie;
}

/** When a canary takes a request: by header, else by cookie, else by chance. */
export interface CanaryRules {
  /** In lower case; empty: none. */
  readonly header: string;
  /** Empty: `always` and `never` decide. */
  readonly headerValue: string;
  /** A regular expression; empty: none. Not looked at where there is a value. */
  readonly headerPattern: string;
  /** Empty: none. */
  readonly cookie: string;
  /** Requests of `weightTotal`. */
  readonly weight: number;
  readonly weightTotal: number;
}

/** The canary of a group. */
export interface Alternative {
  readonly group: GroupId;
  /** It takes over the affinity of the group, and clients stay with what served them first (`affinity-canary-behavior`). */
  readonly sticky: boolean;
}

/** What is absent, nobody asked for. */
export interface Balancing {
  /** Absent: endpoints take turns. */
  readonly algorithm?: 'ewma';
  /** Stronger than `algorithm`. */
  readonly hashBy?: HashBy;
  /** Stronger than both. */
  readonly affinity?: Affinity;
  readonly alternative?: Alternative;
  /** The group is a canary: when requests for another come here. */
  readonly canary?: CanaryRules;
}
