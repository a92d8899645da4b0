/** R24, R25, R38: the request line and the Host. Sources: RFC 9112 §3, RFC 9110 §7.2, Http11Probe's COMP and MAL rows. */
import assert from 'node:assert/strict';
import { accepted, either, get, ID, refused, scenario, SMUGGLED, type Case } from '../support/case.ts';

const HOST = 'Host: app.example\r\n';
const line = (text: string): string => `${text}\r\n${HOST}\r\n`;

const LINES: readonly (readonly [string, string, number?])[] = [
  ['without a target', 'GET HTTP/1.1'],
  ['without a target, with two spaces', 'GET  HTTP/1.1'],
  ['with two spaces', `GET  /${ID} HTTP/1.1`],
  ['with two spaces before the version', `GET /${ID}  HTTP/1.1`],
  ['with a tab', `GET\t/${ID} HTTP/1.1`],
  ['with a tab before the version', `GET /${ID}\tHTTP/1.1`],
  ['with a space in front', ` GET /${ID} HTTP/1.1`],
  ['with a space behind', `GET /${ID} HTTP/1.1 `],
  ['with a space in the target', `GET /${ID} /b HTTP/1.1`],
  ['with two versions', `GET /${ID} HTTP/1.1 HTTP/1.1`],
  ['of HTTP/0.9', `GET /${ID}`],
  ['of HTTP/0.9 with a version', `GET /${ID} HTTP/0.9`, 505],
  ['of HTTP/1.2', `GET /${ID} HTTP/1.2`, 505],
  ['of HTTP/1.10', `GET /${ID} HTTP/1.10`],
  ['of HTTP/2.0', `GET /${ID} HTTP/2.0`, 505],
  ['of HTTP/9.9', `GET /${ID} HTTP/9.9`, 505],
  ['of HTTP/1', `GET /${ID} HTTP/1`],
  ['of HTTP/1,1', `GET /${ID} HTTP/1,1`],
  ['of HTTP/01.1', `GET /${ID} HTTP/01.1`],
  ['of HTTP/-1.1', `GET /${ID} HTTP/-1.1`],
  ['of http/1.1', `GET /${ID} http/1.1`],
  ['of HTTPS/1.1', `GET /${ID} HTTPS/1.1`],
  ['of HTP/1.1', `GET /${ID} HTP/1.1`],
  ['of RTSP/1.0', `GET /${ID} RTSP/1.0`],
  ['of ICE/1.0', `SOURCE /${ID} ICE/1.0`],
  ['with a lower-case method', `get /${ID} HTTP/1.1`],
  ['with a colon in the method', `GET: /${ID} HTTP/1.1`],
  ['with a NUL in the method', `G\x00T /${ID} HTTP/1.1`],
  ['with a byte above ASCII in the method', `G\xcbT /${ID} HTTP/1.1`],
  ['with a target that does not begin with a slash', `GET ${ID} HTTP/1.1`],
  ['with a target of a query only', `GET ?${ID} HTTP/1.1`],
  ['with a fragment', `GET /${ID}#a HTTP/1.1`],
  ['with a backslash', `GET /${ID}\\a HTTP/1.1`],
  ['with a NUL in the target', `GET /${ID}\x00 HTTP/1.1`],
  ['with a control byte in the target', `GET /${ID}\x01 HTTP/1.1`],
  ['with a DEL in the target', `GET /${ID}\x7f HTTP/1.1`],
  ['with a raw byte above ASCII in the target', `GET /${ID}\xe4 HTTP/1.1`],
  ['with a bare CR in the target', `GET /${ID}\rX HTTP/1.1`],
  ['with a bare LF in the target', `GET /${ID}\nX HTTP/1.1`],
  ['with a vertical tab for a space', `GET\x0b/${ID} HTTP/1.1`],
  ['with an asterisk target in a GET', 'GET * HTTP/1.1'],
  ['with an authority target in a GET', 'GET app.example:80 HTTP/1.1'],
  ['with the preface of HTTP/2', 'PRI * HTTP/2.0', 505],
];

export const LINE_ROWS: readonly Case[] = [
  ...LINES.map(([name, text, status]) => refused(`R38 a request line ${name}`, line(text), status)),
  refused('R38 a request line ended by a bare LF', `GET /${ID} HTTP/1.1\n${HOST}\r\n`),
  refused('R38 a request line ended by a bare CR', `GET /${ID} HTTP/1.1\r${HOST}\r\n`),
  refused('R38 a request line behind a bare LF', `\n${get()}`),
  refused('R38 a TLS handshake', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n'),
  refused('R38 a request line that does not end', `GET /${'a'.repeat(70_000)}`, 414),
  scenario('R33 TRACE', async (subject, id) => {
    const client = await subject.connect();
    const { status } = await client.request(`TRACE /${id} HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`);
    client.close();
    assert.equal(status, 405);
    assert.equal(subject.backend.bytesWith(id), '');
  }),
  accepted('R38 empty lines before the request line', `\r\n\r\n${get()}`),
  accepted('R38 a target with a query', line(`GET /${ID}?a=/../b&c=http://d/ HTTP/1.1`)),
  accepted('R38 a target with what browsers send', line(`GET /${ID}/"<>[]^\`{|} HTTP/1.1`)),
  accepted('R38 HTTP/1.0, which ends the connection', `GET /${ID} HTTP/1.0\r\n${HOST}\r\n`, { last: true }),
  accepted('R38 HTTP/1.0 that asks for keep-alive', `GET /${ID} HTTP/1.0\r\n${HOST}Connection: keep-alive\r\n\r\n`),
  accepted('R38 OPTIONS', line(`OPTIONS /${ID} HTTP/1.1`)),
  accepted('R38 a method of WebDAV', line(`PROPFIND /${ID} HTTP/1.1`)),
  accepted('R38 M-SEARCH, with a dash', line(`M-SEARCH /${ID} HTTP/1.1`)),
];

const host = (value: string): string => `GET /${ID} HTTP/1.1\r\nHost:${value}\r\n\r\n`;

const HOSTS: readonly (readonly [string, string])[] = [
  ['empty', ''],
  ['only white space', ' \t '],
  ['a list', ' app.example, evil.example'],
  ['a list without a space', ' app.example,evil.example'],
  ['with a user', ' user@app.example'],
  ['with a user and a password', ' app.example:pw@evil.example'],
  ['with a path', ' app.example/path'],
  ['with a query', ' app.example?q'],
  ['with a fragment', ' app.example#f'],
  ['with a scheme', ' http://app.example'],
  ['with a space in it', ' app.example evil.example'],
  ['with a tab in it', ' app.example\tevil.example'],
  ['with two ports', ' app.example:80:81'],
  ['with a port of letters', ' app.example:http'],
  ['with a port of six digits', ' app.example:808080'],
  ['with a signed port', ' app.example:-80'],
  ['that is only a port', ' :80'],
  ['with a NUL', ' app.example\x00'],
  ['with a NUL before another name', ' app.example\x00.evil.example'],
  ['with a backslash', ' app.example\\evil.example'],
  ['with a percent sign', ' app%2eexample'],
  ['with a byte above ASCII', ' \xe4pp.example'],
  ['with quotes', ' "app.example"'],
  ['with an open bracket', ' [::1'],
  ['with a name in brackets', ' [app.example]'],
  ['with a wildcard', ' *.example'],
  ['longer than a name can be', ` ${'a'.repeat(300)}`],
];

export const HOST_ROWS: readonly Case[] = [
  ...HOSTS.map(([name, value]) => refused(`R25 a Host ${name}`, host(value))),
  refused('R25 no Host', `GET /${ID} HTTP/1.1\r\n\r\n`),
  refused('R25 no Host but X-Forwarded-Host', `GET /${ID} HTTP/1.1\r\nX-Forwarded-Host: app.example\r\n\r\n`),
  refused('R25 two Hosts', get('Host: evil.example\r\n')),
  refused('R25 the same Host twice', get('Host: app.example\r\n')),
  refused('R25 two Hosts, one in capitals', get('HOST: evil.example\r\n')),
  refused('R25 a Host with a space before the colon', `GET /${ID} HTTP/1.1\r\nHost : app.example\r\n\r\n`),
  refused('R25 a folded Host', `GET /${ID} HTTP/1.1\r\nHost:\r\n app.example\r\n\r\n`),
  refused('R25 a second Host in a folded line', `GET /${ID} HTTP/1.1\r\nHost: app.example\r\n Host: evil.example\r\n\r\n`),
  accepted('R25 a Host in capitals with a port', host(' APP.example:8080'), { has: ['Host: APP.example:8080'] }),
  accepted('R25 a Host with a final dot', host(' app.example.'), { has: ['Host: app.example.'] }),
  accepted('R25 a Host without a space, with white space behind', host('app.example \t'), { has: ['Host: app.example'] }),
];

/** R24: the target never chooses where a request goes; it only names a host of the table. */
export const ABSOLUTE_ROWS: readonly Case[] = [
  accepted('R24 a target in absolute form', line(`GET http://app.example/${ID} HTTP/1.1`), {
    target: `/${ID}`,
    has: ['Host: app.example'],
  }),
  accepted('R24 a target in absolute form, https', line(`GET HTTPS://APP.example/${ID} HTTP/1.1`), { target: `/${ID}` }),
  accepted('R24 a target in absolute form without a path', line(`GET http://app.example?${ID} HTTP/1.1`), {
    target: `/?${ID}`,
  }),
  refused('R24 an authority that is not the Host', line(`GET http://evil.example/${ID} HTTP/1.1`)),
  refused('R24 an authority of another port than the Host', line(`GET http://app.example:81/${ID} HTTP/1.1`)),
  refused('R24 an authority with a user', line(`GET http://app.example@169.254.169.254/${ID} HTTP/1.1`)),
  refused('R24 an authority that is empty', line(`GET http:///${ID} HTTP/1.1`)),
  refused('R24 an authority that is an address', line(`GET http://169.254.169.254/${ID} HTTP/1.1`)),
  refused('R24 another scheme', line(`GET ftp://app.example/${ID} HTTP/1.1`)),
  refused('R24 a scheme without slashes', line(`GET http:app.example/${ID} HTTP/1.1`)),
  refused('R24 a scheme that runs code', line(`GET javascript:${ID} HTTP/1.1`)),
  refused('R24 absolute form without a Host', `GET http://app.example/${ID} HTTP/1.1\r\n\r\n`),
  refused(
    'R24 an upgrade to an address in the target (CVE-2026-44578)',
    `GET http://169.254.169.254/${ID} HTTP/1.1\r\n${HOST}Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n`,
  ),
  either('R24 an upgrade to a path that looks like an address', get('Connection: close\r\n', `//169.254.169.254/${ID}`)),
  refused('R33 CONNECT in authority form', `CONNECT app.example:80 HTTP/1.1\r\n${HOST}\r\n${SMUGGLED}`),
  refused('R33 CONNECT with a path', `CONNECT /${ID} HTTP/1.1\r\n${HOST}\r\n${SMUGGLED}`, 405),
  refused('R33 CONNECT with a body', `CONNECT /${ID} HTTP/1.1\r\n${HOST}Content-Length: 5\r\n\r\nabcde`, 405),
];
