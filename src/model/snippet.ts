/**
 * What snippets of nginx's configuration became: a program of a closed set of directives with typed arguments. Plain data, read by
 * `policies/snippets/`, which also runs it. No text of a user is left in it that anything interprets but regular expressions (re2js).
 */

/** A text with variables; a digit is a capture of the last regular expression that matched. */
export type SnippetText = readonly (string | { readonly variable: string })[];

/** A regular expression, in the syntax of RE2. */
export interface SnippetPattern {
  readonly pattern: string;
  readonly ignoreCase: boolean;
}

/** What `if` asks. */
export type SnippetCondition =
  /** The variable is neither empty nor "0". */
  | { readonly kind: 'set'; readonly variable: string }
  | { readonly kind: 'equal'; readonly variable: string; readonly negated: boolean; readonly value: SnippetText }
  | ({ readonly kind: 'match'; readonly variable: string; readonly negated: boolean } & SnippetPattern);

/** One directive of the rewrite phase, in the order of the text (ngx_http_rewrite_module). */
export type RewriteStep =
  | { readonly op: 'set'; readonly variable: string; readonly value: SnippetText }
  /** `fields`: what the answer has inside a location when this was the last that held; null: a block of a server. */
  | {
      readonly op: 'if';
      readonly condition: SnippetCondition;
      readonly steps: readonly RewriteStep[];
      readonly fields: FieldSteps | null;
    }
  | { readonly op: 'break' }
  /** A text without a status of a redirect is the body; `text` null: the page of the status. */
  | { readonly op: 'return'; readonly status: number; readonly text: SnippetText | null }
  | ({
      readonly op: 'rewrite';
      readonly replacement: SnippetText;
      /** What follows "?" in the replacement; null: there is none. */
      readonly query: SnippetText | null;
      /** The query of the request is kept. */
      readonly keepsQuery: boolean;
      /** `next`: the next directive goes on with it. */
      readonly flag: 'next' | 'last' | 'break' | 301 | 302;
    } & SnippetPattern);

/** A change of the fields of an answer by `more_set_headers`, `more_clear_headers` (headers-more). */
export interface MoreHeaders {
  readonly name: string;
  /** Null: taken out. */
  readonly value: SnippetText | null;
  /** The name is the beginning of names. */
  readonly wildcard: boolean;
  /** Empty: of any status, any media type. */
  readonly statuses: readonly number[];
  readonly types: readonly string[];
}

/** A field of `add_header`. */
export interface AddHeader {
  readonly name: string;
  readonly value: SnippetText;
  /** With any status; else only with those of success and redirection. */
  readonly always: boolean;
}

/** What becomes of the fields of the answer, and of those of the request towards the backend inside a true `if`. */
export interface FieldSteps {
  readonly more: readonly MoreHeaders[];
  /** Null: as on the level above. */
  readonly add: readonly AddHeader[] | null;
  /** Seconds, or what stands for them; null: as on the level above. */
  readonly expires: number | 'epoch' | 'max' | 'off' | null;
  readonly input: readonly InputHeader[];
  /** Null: as on the level above. */
  readonly compressed: boolean | null;
}

/** A change of the client's fields by `more_set_input_headers`, `more_clear_input_headers`. */
export interface InputHeader {
  readonly name: string;
  /** Null: taken out. */
  readonly value: SnippetText | null;
  /** Only where the client sent such a field (`-r`). */
  readonly onlyPresent: boolean;
}

/** A field that the backend gets. */
export interface ProxyHeader {
  readonly name: string;
  readonly value: SnippetText;
}

/** `allow` and `deny`; range null: all. The first that holds decides. */
export interface AccessRule {
  readonly allows: boolean;
  /** An address or range in CIDR notation. */
  readonly range: string | null;
}

/** The directives of one level: a server, or a location. */
export interface SnippetLevel {
  readonly rewrite: readonly RewriteStep[];
  readonly fields: FieldSteps;
  readonly access: readonly AccessRule[];
  /** `proxy_set_header`, and `grpc_set_header` where the backend speaks gRPC; empty: as on the level above. */
  readonly proxyHeaders: readonly ProxyHeader[];
  /** In lower case. */
  readonly hidden: readonly string[];
  readonly method: string | null;
  /** The media type of what `return` sends where the path has no known ending; null: as on the level above. */
  readonly defaultType: string | null;
  /** Variables that are taken from the answer of the authentication service. */
  readonly authVariables: readonly AuthVariable[];
}

/** `auth_request_set`. */
export interface AuthVariable {
  readonly variable: string;
  readonly value: SnippetText;
}

/** A `location` of a server-snippet. */
export interface SnippetLocation {
  /** `stops`: a prefix after which no regular expression is looked at (`^~`). */
  readonly match:
    | { readonly kind: 'exact' | 'prefix' | 'stops'; readonly path: string }
    | ({ readonly kind: 'pattern' } & SnippetPattern);
  readonly level: SnippetLevel;
}

/** What a server-snippet became. */
export interface SnippetServer {
  readonly level: SnippetLevel;
  readonly locations: readonly SnippetLocation[];
}

/** The snippets of one route. */
export interface RouteSnippets {
  /** Null: none. */
  readonly location: SnippetLevel | null;
  /** Null: none. */
  readonly auth: AuthSnippet | null;
}

/** What an auth-snippet became: of the request to the authentication service. */
export interface AuthSnippet {
  readonly rewrite: readonly RewriteStep[];
  readonly proxyHeaders: readonly ProxyHeader[];
  /** Null: as `auth-method` says. */
  readonly method: string | null;
}
