/**
 * R21, R26, R15. A backend believes what it takes for the proxy's word: a client that can write it is whoever it likes.
 * Source: CVE-2026-39858 (Traefik, underscores), GHSA-6384-m2mw-rf54 (X-Forwarded-Prefix), Traefik #13260 (stale ssl-client-*),
 * CVE-2016-5385 and its kin (httpoxy).
 */
import { describe } from 'vitest';
import { accepted, get } from '../support/case.ts';
import { TRUST_ROWS } from '../cases/fields.ts';
import { testCases } from '../support/sluice.ts';

const ALIASES = [
  'X_Forwarded_For',
  'X_Forwarded_User',
  'X_Real_IP',
  'Content_Length',
  'Transfer_Encoding',
  'Host_',
  '_Host',
  'ssl_client_verify',
  'Proxy_Connection',
];

describe('D8 R21: who the client is', () => {
  testCases(TRUST_ROWS);
});

describe('D8 R21: with enable-underscores-in-headers', () => {
  testCases(
    [
      accepted('a field with an underscore is passed on', get('X_Tenant: a\r\n'), { has: ['X_Tenant: a'] }),
      ...ALIASES.filter((name) => !/^_|_$/.test(name)).map((name) =>
        accepted(`but not ${name}, which may be read as ours`, get(`${name}: 6\r\n`), { lacks: new RegExp(`^${name}`) }),
      ),
    ],
    { underscoresInHeaders: true },
  );
});

describe('D8 R21: with use-forwarded-headers', () => {
  testCases(
    [
      accepted(
        'the rest of the family is the trusted proxy’s word',
        get('X-Forwarded-User: admin\r\nX-Forwarded-For: 6.6.6.6\r\n'),
        {
          has: ['X-Forwarded-User: admin', 'X-Real-IP: 6.6.6.6'],
        },
      ),
      accepted('ssl-client-* is still nobody’s but ours', get('ssl-client-verify: SUCCESS\r\n'), { lacks: /^ssl-client/ }),
      accepted(
        'an address that is none is not believed',
        get('X-Forwarded-For: evil\r\nX-Forwarded-Host: a b\r\nX-Forwarded-Port: 0x50\r\n'),
        {
          has: ['X-Real-IP: 127.0.0.1', 'X-Forwarded-Host: app.example'],
          lacks: /^x-forwarded-port: 0x50/i,
        },
      ),
    ],
    { useForwardedHeaders: true },
  );
});
