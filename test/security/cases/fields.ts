/** R20, R21, R26, R27, R34, R36, R38, R40, R58: header fields. Sources: RFC 9110 §5, §7.6.1; the advisories named in the rows. */
import { accepted, get, ID, post, refused, type Case } from '../support/case.ts';

const MALFORMED: readonly (readonly [string, string])[] = [
  ['with a space before the colon', 'X : y'],
  ['with a tab before the colon', 'X\t: y'],
  ['with a space in the name', 'X Y: z'],
  ['with a space in front', ' X: y'],
  ['with a tab in front', '\tX: y'],
  ['that is folded', 'X: y\r\n z'],
  ['that is folded by a tab', 'X: y\r\n\tz'],
  ['that is folded and empty', 'X: y\r\n \r\nZ: z'],
  ['without a colon', 'X'],
  ['of only a colon', ':'],
  ['with an empty name (CVE-2023-25725)', ': y'],
  ['with a NUL in the name', 'X\x00: y'],
  ['with a control byte in the name', 'X\x01: y'],
  ['with a DEL in the name', 'X\x7f: y'],
  ['with a byte above ASCII in the name', 'X\xe4: y'],
  ['with a name in brackets', '(X): y'],
  ['with a name in quotes', '"X": y'],
  ['with a slash in the name', 'X/Y: z'],
  ['with a comma in the name', 'X,Y: z'],
  ['with a semicolon in the name', 'X;Y: z'],
  ['with an at sign in the name', 'X@Y: z'],
  ['with an equals sign in the name', 'X=Y: z'],
  ['with a NUL in the value', 'X: \x00'],
  ['with a NUL inside the value (CVE-2019-9900)', 'X: a\x00b'],
  ['with a control byte in the value', 'X: a\x01b'],
  ['with a vertical tab in the value', 'X: a\x0bb'],
  ['with an escape in the value', 'X: a\x1b[2Jb'],
  ['with a DEL in the value', 'X: a\x7fb'],
  ['with a bare CR in the value (CVE-2023-30589)', 'X: a\rb'],
  ['with a bare LF in the value', 'X: a\nb'],
  ['with CR CR LF at its end', 'X: a\r'],
  ['with LF CR at its end', 'X: a\n\r'],
];

/** R27, R38, R39: lines that are no fields. */
export const FIELD_ROWS: readonly Case[] = [
  ...MALFORMED.map(([name, field]) => refused(`R38 a field ${name}`, get(`${field}\r\n`))),
  refused(
    'R38 a field with a space in front, before the first (CVE-2026-28368)',
    `GET /${ID} HTTP/1.1\r\n X: y\r\nHost: app.example\r\n\r\n`,
  ),
  refused('R38 a head ended by LF LF', `GET /${ID} HTTP/1.1\r\nHost: app.example\n\n`),
  refused('R38 a head ended by CR LF CR X (CVE-2025-23167)', `GET /${ID} HTTP/1.1\r\nHost: app.example\r\n\rX`),
  refused('R38 a head ended by CR LF LF', `GET /${ID} HTTP/1.1\r\nHost: app.example\r\n\n`),
  refused('R38 a head ended by CR LF CR CR LF', `GET /${ID} HTTP/1.1\r\nHost: app.example\r\n\r\r\n`),
  accepted('R38 a field without a value', get('X-Empty:\r\n'), { has: ['X-Empty:'] }),
  accepted('R38 a field with a tab inside, and quotes', get('X-Tab: a\t"b"\r\n'), { has: ['X-Tab: a\t"b"'] }),
  accepted('R38 a field with bytes above ASCII', get('X-Name: J\xc3\xbcrgen \xff\r\n'), {
    has: ['X-Name: J\xc3\xbcrgen \xff'],
  }),
  accepted('R38 odd but permitted names are not passed on', get("X!#$%&'*+.^`|~: y\r\n"), { lacks: /^X!/ }),
];

const FORWARDED =
  'X-Forwarded-For, X-Forwarded-Host, X-Forwarded-Proto, X-Forwarded-Port, X-Forwarded-Scheme, X-Scheme, X-Real-IP, X-Request-ID';
/** What a backend behind us must always find. */
const OURS = [
  'X-Forwarded-For: 127.0.0.1',
  'X-Real-IP: 127.0.0.1',
  'X-Forwarded-Host: app.example',
  'X-Forwarded-Proto: http',
  'X-Forwarded-Scheme: http',
  'X-Scheme: http',
];

/** R20: Connection removes fields of this hop, and nothing that routes, frames, authenticates or was set by us. */
export const CONNECTION_ROWS: readonly Case[] = [
  accepted('R20 Connection that names what a proxy sets (CVE-2024-45410)', get(`Connection: close, ${FORWARDED}\r\n`), {
    has: OURS,
    last: true,
  }),
  accepted(
    'R20 Connection that names it in capitals, and sends it too',
    get(`Connection: ${FORWARDED.toUpperCase()}\r\nX-Real-IP: 6.6.6.6\r\n`),
    {
      has: OURS,
      lacks: /6\.6\.6\.6/,
    },
  ),
  accepted('R20 Connection that names Host', get('Connection: Host\r\n'), { has: ['Host: app.example'] }),
  accepted(
    'R20 Connection that names credentials',
    get('Connection: Authorization, Cookie\r\nAuthorization: Basic YTpi\r\nCookie: a=b\r\n'),
    {
      has: ['Authorization: Basic YTpi', 'Cookie: a=b'],
    },
  ),
  accepted(
    'R20 Connection that names the encoding (GHSA-ggv3-7p47-pfv8)',
    post('Connection: transfer-encoding\r\nTransfer-Encoding: chunked\r\n', '5\r\nabcde\r\n0\r\n\r\n'),
    {
      body: 'abcde',
      has: ['Transfer-Encoding: chunked'],
    },
  ),
  accepted(
    'R20 Connection on several lines',
    get(`Connection: X-Hop\r\nConnection: ${FORWARDED}\r\nX-Hop: 1\r\nX-Stay: 2\r\n`),
    {
      has: [...OURS, 'X-Stay: 2'],
      lacks: /^X-Hop/,
    },
  ),
  accepted(
    'R20 fields of one hop go',
    get('Connection: X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\nProxy-Connection: keep-alive\r\nTE: gzip\r\n'),
    {
      lacks: /^(?:X-Hop|Keep-Alive|Proxy-Connection|TE|Connection: X-Hop)/i,
    },
  ),
];

const FAMILY = [
  'X-Forwarded-Prefix: /evil',
  'X-Forwarded-User: admin',
  'X-Forwarded-Email: admin@evil.example',
  'X-Forwarded-Groups: admins',
  'X-Forwarded-Client-Cert: Hash=1',
  'X-Forwarded-Ssl: on',
  'X-Forwarded-Server: evil.example',
  'X-Forwarded-Anything-Else: evil',
  'X-Original-Forwarded-Host: evil.example',
];

/** R21, D8: who the client is, and what it asked for, the backend hears from us alone. */
export const TRUST_ROWS: readonly Case[] = [
  accepted(
    'R21 X-Forwarded-* of the client is not believed',
    get(
      'X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Port: 666\r\nX-Forwarded-Host: evil.example\r\nX-Real-IP: 6.6.6.6\r\nX-Scheme: https\r\nX-Forwarded-Scheme: https\r\n',
    ),
    {
      has: OURS,
      lacks: /^(?:x-(?:forwarded-.*|real-ip|scheme)): .*(?:6\.6\.6\.6|https|666|evil)/i,
    },
  ),
  accepted(
    'R21 nor on several lines, in any case',
    get('x-forwarded-for: 6.6.6.6\r\nX-FORWARDED-FOR: 6.6.6.7\r\nx-real-ip: 6.6.6.6\r\n'),
    {
      has: OURS,
      lacks: /^x-(?:forwarded-for|real-ip): .*6\.6\.6/i,
    },
  ),
  ...FAMILY.map((field) =>
    accepted(`R21 ${field.split(':', 1)[0]} of the client goes no further (GHSA-6384-m2mw-rf54)`, get(`${field}\r\n`), {
      lacks: new RegExp(`^${field.split(':', 1)[0]}: .*(?:evil|admin|Hash|on$)`, 'i'),
    }),
  ),
  ...[
    'X_Forwarded_For: 6.6.6.6',
    'X_Forwarded_Proto: https',
    'X-Forwarded_Host: evil.example',
    'X_Real_IP: 6.6.6.6',
    'Ssl_Client_Verify: SUCCESS',
    'Content_Length: 1',
    'Transfer_Encoding: chunked',
    'Proxy_: http://evil.example',
  ].map((field) =>
    accepted(`R21 the alias ${field.split(':', 1)[0]} goes no further (CVE-2026-39858)`, get(`${field}\r\n`), {
      lacks: /^[^:]*_/,
    }),
  ),
  ...['verify: SUCCESS', 'cert: -----BEGIN', 'subject-dn: CN=admin', 'issuer-dn: CN=ca'].map((field) =>
    accepted(
      `R15 ssl-client-${field.split(':', 1)[0]} of the client goes no further`,
      get(`ssl-client-${field}\r\nSSL-Client-${field}\r\n`),
      {
        lacks: /^ssl-client/i,
      },
    ),
  ),
  accepted(
    'R21 50 hops of X-Forwarded-For are kept apart from what is true',
    get(`X-Forwarded-For: ${Array.from({ length: 50 }, (_, i) => `6.6.6.${i}`).join(', ')}\r\n`),
    {
      has: OURS,
      lacks: /^x-forwarded-for: .*6\.6\.6/i,
    },
  ),
  accepted(
    'R21 an address that would leave its field is no field',
    get('X-Forwarded-For: 6.6.6.6\t;\x80\r\nX-Request-ID: a\tb\r\n'),
    { has: OURS },
  ),
  accepted('R26 Proxy (httpoxy)', get('Proxy: http://evil.example\r\nPROXY: http://evil.example\r\n'), { lacks: /^proxy:/i }),
];

const UPGRADE = 'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n';

/** R34: an upgrade to HTTP/2 would be a tunnel past every rule. */
export const UPGRADE_ROWS: readonly Case[] = [
  accepted('R34 Upgrade: h2c (BishopFox/h2csmuggler)', get(UPGRADE), {
    lacks: /^(?:upgrade|http2-settings|connection)/i,
    patient: true,
  }),
  accepted('R34 h2c in capitals', get(UPGRADE.replace('h2c', 'H2C')), { lacks: /^(?:upgrade|http2-settings)/i, patient: true }),
  accepted('R34 h2c in a list', get('Connection: upgrade\r\nUpgrade: websocket, h2c\r\n'), {
    lacks: /^upgrade/i,
    patient: true,
  }),
  accepted('R34 h2c on a line of its own', get('Connection: upgrade\r\nUpgrade: websocket\r\nUpgrade: h2c\r\n'), {
    lacks: /^upgrade/i,
    patient: true,
  }),
  accepted('R34 h2', get('Connection: upgrade\r\nUpgrade: h2\r\n'), { lacks: /^upgrade/i, patient: true }),
  accepted('R34 HTTP/2.0', get('Connection: upgrade\r\nUpgrade: HTTP/2.0\r\n'), { lacks: /^upgrade/i, patient: true }),
  accepted('R34 HTTP2-Settings that Connection does not name', get('HTTP2-Settings: AAMAAABk\r\n'), {
    lacks: /^http2-settings/i,
  }),
  accepted('R34 Upgrade that Connection does not name', get('Upgrade: websocket\r\n'), { lacks: /^upgrade/i, patient: true }),
  accepted('R33 Upgrade with a body', post('Connection: upgrade\r\nUpgrade: websocket\r\nContent-Length: 5\r\n', 'abcde'), {
    body: 'abcde',
    lacks: /^upgrade/i,
    patient: true,
  }),
  accepted(
    'R33 Upgrade in HTTP/1.0',
    `GET /${ID} HTTP/1.0\r\nHost: app.example\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n`,
    {
      lacks: /^upgrade/i,
      patient: true,
      last: true,
    },
  ),
];

const EXPECTATIONS: readonly (readonly [string, string])[] = [
  ['something else', 'Expect: 200-ok'],
  ['100-continue and more', 'Expect: 100-continue, foo'],
  ['more and 100-continue', 'Expect: foo, 100-continue'],
  ['on two lines, the first unknown', 'Expect: foo\r\nExpect: 100-continue'],
  ['on two lines, the second unknown', 'Expect: 100-continue\r\nExpect: foo'],
  ['with a letter in front (CL-expect-obfs)', 'Expect: y 100-continue'],
  ['with a parameter', 'Expect: 100-continue;q=1'],
  ['in quotes', 'Expect: "100-continue"'],
  ['100', 'Expect: 100'],
];

/** R36: an obfuscated expectation makes two servers disagree about who waits for a body. */
export const EXPECT_ROWS: readonly Case[] = [
  ...EXPECTATIONS.map(([name, field]) => refused(`R36 Expect ${name}`, get(`${field}\r\n`), 417)),
  refused('R36 Expect with a space before the colon', get('Expect : 100-continue\r\n')),
  refused('R36 Expect with a vertical tab', get('Expect: \x0b100-continue\r\n')),
  accepted('R36 Expect: 100-continue is answered by us', post('Expect: 100-continue\r\nContent-Length: 5\r\n', 'abcde'), {
    body: 'abcde',
    lacks: /^expect/i,
  }),
  accepted('R36 Expect: 100-Continue in a GET without a body', get('Expect: 100-Continue\r\n'), { lacks: /^expect/i }),
];

const NAMES = ['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', 'valueOf', '__defineGetter__'];

/** R58, D15: names that mean something to JavaScript, wherever a client can put one. */
export const NAME_ROWS: readonly Case[] = [
  ...NAMES.flatMap((name) => [
    accepted(`R58 ${name} as a field (CVE-2026-21710)`, get(`${name}: a\r\n${name}: b\r\n`)),
    accepted(
      `R58 ${name} as a value, cookie and query`,
      get(`Cookie: ${name}=a; ${name}=b\r\nX-A: ${name}\r\n`, `/${ID}/${name}?${name}=1&${name}[a]=2`),
    ),
    accepted(`R58 ${name} in Connection`, get(`Connection: ${name}\r\n${name}: a\r\n`), { lacks: new RegExp(`^${name}:`) }),
  ]),
  accepted(
    'R58 99 fields with integers for names (CVE-2026-21717)',
    get(Array.from({ length: 98 }, (_, i) => `${i * 65_536}: a\r\n`).join('')),
  ),
];

/** R40, nginx's rule: what may be there once must not be there twice, or two servers believe different ones. */
export const SINGLE_ROWS: readonly Case[] = [
  refused('R40 Authorization twice', get('Authorization: Basic YTpi\r\nAuthorization: Basic Yzpk\r\n')),
  refused('R40 Authorization twice, differing in case', get('Authorization: Basic YTpi\r\nAUTHORIZATION: Basic YTpi\r\n')),
  accepted('R40 X-Request-ID twice is one', get('X-Request-ID: a\r\nx-request-id: b\r\n'), {
    has: ['X-Request-ID: b'],
    lacks: /: a$/,
  }),
];
