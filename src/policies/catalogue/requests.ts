/** What becomes of the address of a request: TLS, redirects, rewriting, names of the host. */
import { type CatalogueFamily, entry, FORM } from './entry.ts';

/** HTTP to HTTPS, and TLS of the host. */
export const TLS: CatalogueFamily = {
  title: 'TLS',
  about: '',
  entries: [
    entry('ssl-redirect', FORM.bool, 'ConfigMap `ssl-redirect`', 'Redirect HTTP to HTTPS where the host has a certificate.'),
    entry('force-ssl-redirect', FORM.bool, 'ConfigMap `force-ssl-redirect`', 'Redirect HTTP to HTTPS in any case.'),
    entry(
      'preserve-trailing-slash',
      FORM.bool,
      'ConfigMap `preserve-trailing-slash`',
      'Keep the trailing "/" in these redirects.',
    ),
    entry(
      'ssl-passthrough',
      FORM.bool,
      'false',
      'TLS passes through to the backend of path "/", unread. Needs `--enable-ssl-passthrough`.',
      { instead: 'Start the controller with --enable-ssl-passthrough.' },
    ),
    entry('ssl-ciphers', "ciphers in OpenSSL's words", 'ConfigMap `ssl-ciphers`', 'The cipher suites of TLS 1.2 of the host.'),
    entry('ssl-prefer-server-ciphers', FORM.bool, 'true', "The server's order of ciphers counts."),
    entry(
      'ssl-protocols',
      '`TLSv1.2`, `TLSv1.3`, space-separated',
      'ConfigMap `ssl-protocols`',
      "The versions of TLS of the host. Sluice's own: ingress-nginx ignores it.",
      {
        differs: 'ingress-nginx ignores this annotation; here it counts.',
        instead: 'Take it away if the versions of the ConfigMap are to hold.',
      },
    ),
  ],
};

/** Redirects. */
export const REDIRECTS: CatalogueFamily = {
  title: 'Redirects',
  about: 'They come before authentication, address lists and limits, as in ingress-nginx.',
  entries: [
    entry('permanent-redirect', 'URL, nginx variables allowed', '', 'Every path redirects there.'),
    entry('permanent-redirect-code', '300 to 308', '301', 'With this status.'),
    entry(
      'temporal-redirect',
      'URL, nginx variables allowed',
      '',
      'Every path redirects there; wins over `permanent-redirect`.',
    ),
    entry('temporal-redirect-code', '300 to 307', '302', 'With this status.'),
    entry('app-root', 'path', '', 'A request for "/" of the host is redirected there.'),
    entry('from-to-www-redirect', FORM.bool, 'false', 'www.HOST redirects to HOST, or the other way round.'),
    entry('use-port-in-redirects', FORM.bool, 'ConfigMap `use-port-in-redirects`', 'Redirects name the port.'),
    entry('relative-redirects', FORM.bool, 'ConfigMap `relative-redirects`', 'Redirects name no scheme and host.'),
    entry(
      'proxy-redirect-from',
      '`off`, `default` or text',
      'ConfigMap `proxy-redirect-from`',
      'This text in Location and Refresh of backends…',
    ),
    entry('proxy-redirect-to', 'text', 'ConfigMap `proxy-redirect-to`', '…becomes this.'),
  ],
};

/** Matching and rewriting of paths, names of the host. */
export const PATHS: CatalogueFamily = {
  title: 'Paths and hosts',
  about:
    'Where one Ingress of a host asks for `use-regex` or `rewrite-target`, all paths of the host are regular expressions, as in ingress-nginx. Patterns are matched in linear time; what needs backtracking (look-around, back-references) is refused.',
  entries: [
    entry('rewrite-target', 'path, with `$1`…', '', 'What backends get instead of the path.'),
    entry('use-regex', FORM.bool, 'false', 'Paths are regular expressions.'),
    entry('x-forwarded-prefix', 'path', '', 'What backends get as X-Forwarded-Prefix; only with `rewrite-target`.'),
    entry(
      'server-alias',
      'hosts or regular expressions, comma-separated',
      '',
      'Other names of the host; the oldest Ingress of the host that has some decides.',
    ),
  ],
};
