/** What a table of cases is made of. */

/**
 * One case. An answer is the Service whose Pod answers, or a status such as `404`; a redirect has its Location behind it. The
 * answer with `--conformance=nginx` is only there where it is another.
 */
export interface Case {
  /** Method, if it is not GET, and URL. With `follow ` before it, redirects are followed. */
  readonly request: string;
  readonly answer: string;
  readonly nginx?: NginxAnswer;
  /** Why, in the words of the Kubernetes documentation. */
  readonly because?: string;
}

/** The answer where ingress-nginx differs, and the name of the difference in CONFORMANCE_DIFFERENCES. */
export interface NginxAnswer {
  readonly difference: string;
  readonly answer: string;
}

/** Objects that exist together, and requests made while they do. */
export interface Scenario {
  readonly name: string;
  /** Later ones are younger. The Services they name exist, with a Pod behind each. */
  readonly objects: readonly object[];
  readonly cases: readonly Case[];
  /** Names of Ingresses whose status shows the address of the controller, and of those whose status stays empty. */
  readonly published?: readonly string[];
  readonly unpublished?: readonly string[];
  /** What TLS connections for a host are answered with, and those for hosts that no rule names are not. */
  readonly certificates?: readonly { readonly host: string; readonly pem: string }[];
}
