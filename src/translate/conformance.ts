/** Where ingress-nginx and the Kubernetes documentation of Ingress differ. The one list: the README and the tests use it. */

/** One point where `--conformance=nginx` and `--conformance=kubernetes` serve the same Ingress differently. */
export interface ConformanceDifference {
  /** Stable name; the golden pair `conformance-<name>` of the tests shows it. */
  readonly name: string;
  readonly situation: string;
  readonly nginx: string;
  readonly kubernetes: string;
}

/** Every difference there is. */
export const CONFORMANCE_DIFFERENCES: readonly ConformanceDifference[] = [
  {
    name: 'exact-trailing-slash',
    situation: 'An Exact path `/foo/`, a request for `/foo`.',
    nginx: 'Answered with 301 to `/foo/`, unless another path of the host is exactly `/foo`.',
    kubernetes: 'Not matched: Exact matches the path exactly.',
  },
  {
    name: 'prefix-trailing-slash',
    situation: 'A Prefix path `/foo/`, a request for `/foo`.',
    nginx: 'Answered with 301 to `/foo/`, unless another path of the host is exactly `/foo`.',
    kubernetes: 'Served: the trailing slash of a Prefix is ignored.',
  },
  {
    name: 'prefix-slash-twins',
    situation: 'Prefix paths `/foo` and `/foo/` on one host.',
    nginx: 'Two paths: `/foo` takes the request for `/foo` alone, `/foo/` takes that for `/foo/` and everything below.',
    kubernetes: 'The same path twice: the oldest Ingress has it, and the other is reported.',
  },
  {
    name: 'wildcard-fall-through',
    situation: 'A request for a host that has rules of its own, none for the path; a rule of the wildcard above it matches.',
    nginx: 'The default backend answers: a host with rules of its own never uses the wildcard.',
    kubernetes: 'The rule of the wildcard host answers: host and path both match it.',
  },
  {
    name: 'hostless-fall-through',
    situation: 'A request for a host that has rules of its own, none for the path; a rule without a host matches.',
    nginx: 'The default backend answers: rules without a host only get requests for hosts that no rule names.',
    kubernetes: 'The rule without a host answers: it applies to all inbound traffic.',
  },
  {
    name: 'catch-all-default-backend',
    situation: 'A request for a host that has rules, none for the path; an Ingress with only a `defaultBackend` exists.',
    nginx: '`--default-backend-service` or 404 answers: that Ingress only gets requests for hosts that no rule names.',
    kubernetes: 'Its `defaultBackend` answers: no rule matches the request.',
  },
  {
    name: 'default-backend-of-later-ingress',
    situation: 'Two Ingresses have rules for a host, only the younger one a `defaultBackend`; a request for another path.',
    nginx: '`--default-backend-service` or 404 answers: only the oldest Ingress of a host gives it a default backend.',
    kubernetes: 'The `defaultBackend` of the oldest Ingress of the host that has one answers.',
  },
  {
    name: 'default-backend-beside-rules',
    situation: 'A request for a host that no rule names; the only `defaultBackend` is that of an Ingress that also has rules.',
    nginx: '`--default-backend-service` or 404 answers: such a `defaultBackend` serves only the hosts of its Ingress.',
    kubernetes: 'That `defaultBackend` answers: no rule matches the request.',
  },
  {
    name: 'default-backend-and-hostless-root',
    situation: 'One Ingress has only a `defaultBackend`, another a rule without a host for the Prefix `/`.',
    nginx: 'The `defaultBackend` answers, and the rule is reported as a conflict.',
    kubernetes: 'The rule answers: a default backend is for what no rule matches.',
  },
];
