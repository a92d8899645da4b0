/** Which requests go where, and how many: canaries, limits, mirrors. */
import { type CatalogueFamily, entry, FORM } from './entry.ts';

/** An Ingress that is an alternative to another. */
export const CANARY: CatalogueFamily = {
  title: 'Canary',
  about:
    'The canary is a second Ingress with the same host, path and pathType and another Service. Header before cookie before weight. [balancing.md](balancing.md) has the rules.',
  entries: [
    entry(
      'canary',
      FORM.bool,
      'false',
      'This Ingress is the alternative; its other annotations, but those on balancing, have no effect.',
    ),
    entry('canary-by-header', 'field name', '', 'Its value `always` chooses the canary, `never` the other.'),
    entry('canary-by-header-value', 'text', '', 'The value that chooses the canary instead of `always`.'),
    entry(
      'canary-by-header-pattern',
      'regular expression',
      '',
      'Chooses the canary where it matches; without effect beside `canary-by-header-value`.',
      { differs: 'RE2 matches it: a pattern with look-around or back-references matches nothing, and is reported.' },
    ),
    entry('canary-by-cookie', 'cookie name', '', 'Its value `always` chooses the canary, `never` the other.'),
    entry('canary-weight', FORM.count, '0', 'The part of the other requests that goes to the canary.'),
    entry('canary-weight-total', FORM.count, '100', 'Of how many; below 100 counts as 100.'),
  ],
};

/** Limits of requests, connections and bandwidth. */
export const LIMITS: CatalogueFamily = {
  title: 'Limits',
  about: 'Per client address, Ingress and replica; exact across the workers of a replica.',
  entries: [
    entry('limit-rps', FORM.count, '0', 'Requests per second; above it ConfigMap `limit-req-status-code`.'),
    entry('limit-rpm', FORM.count, '0', 'Requests per minute.'),
    entry('limit-burst-multiplier', FORM.count, '5', 'How many times the limit may come at once.'),
    entry('limit-connections', FORM.count, '0', 'Requests at the same time; above it ConfigMap `limit-conn-status-code`.'),
    entry('limit-allowlist', FORM.ranges, '', 'Clients without these limits.'),
    entry('limit-whitelist', FORM.ranges, '', 'The older name of `limit-allowlist`.'),
    entry('limit-rate', 'integer, kB per second', 'ConfigMap `limit-rate`', 'The bandwidth of one response. 0: no limit.'),
    entry('limit-rate-after', 'integer, kB', 'ConfigMap `limit-rate-after`', 'So much of it is not limited.'),
  ],
};

/** Copies of requests. */
export const MIRROR: CatalogueFamily = {
  title: 'Mirror',
  about: 'What the mirror answers is ignored.',
  entries: [
    entry('mirror-target', 'URL, nginx variables allowed behind the host', '', 'A copy of each request is sent here.', {
      differs:
        'A slow mirror never holds requests: copies are sent by themselves, within bounds (see responses.md). Without a path, the copy has that of the request. The host cannot be a variable, nor the loopback.',
    }),
    entry('mirror-request-body', FORM.onOff, 'on', 'With its body.'),
    entry('mirror-host', 'host', 'that of the target', 'The Host of the copy.'),
  ],
};
