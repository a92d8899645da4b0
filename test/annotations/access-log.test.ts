/**
 * `enable-access-log`, and what the ConfigMap says of the access log: requests through the whole proxy, and the lines that come of them.
 * Reference: ingress-nginx's docs/user-guide/nginx-configuration/log-format.md, rootfs/etc/nginx/template/nginx.tmpl.
 */
import { afterEach, describe, expect, it } from 'vitest';
import type { AccessLog } from '../../src/observe/access-log.ts';
import { sharedCounters } from '../../src/observe/series.ts';
import { Recorder } from '../../src/proxy/record/recorder.ts';
import { seriesWriter } from '../support/series.ts';
import { LogFile } from '../support/access-log.ts';
import { ingress, serve, service } from '../support/ingress.ts';
import { response } from '../support/proxy.ts';
import { Stage } from '../support/stage.ts';
import type { ObjectRef } from '../../src/model/diagnostic.ts';
import { applyConfigMap } from '../../src/settings/configmap.ts';
import { DEFAULT_SETTINGS } from '../../src/settings/defaults.ts';

const REF: ObjectRef = { apiVersion: 'v1', kind: 'ConfigMap', namespace: 'ingress', name: 'sluice' };

let stage = new Stage();
afterEach(async () => {
  await stage.close();
  stage = new Stage();
});

/** Serves `app.example` with the annotations, and sends the requests one after the other. */
async function linesOf(
  annotations: Readonly<Record<string, unknown>>,
  requests: readonly string[],
  config: Readonly<Record<string, string>> = {},
  backend: (head: string) => string | null = () => response('hello'),
): Promise<{ lines: string[]; codes: string[]; answers: number[] }> {
  const log = stage.opened(new LogFile());
  const { port } = await stage.backend(backend);
  const { settings } = applyConfigMap(DEFAULT_SETTINGS, { 'access-log-path': log.path, ...config }, REF);
  const proxy = await serve(
    [ingress(annotations), ingress({}, { name: 'marked', host: 'marked.example', service: 'app' }), ...service('app', [port])],
    { proxy: { ...settings.proxy, httpPort: 0, httpsPort: 0, bindAddress: '127.0.0.1' } },
  );
  const answers: number[] = [];
  for (const request of requests) {
    const client = await stage.client(proxy.port);
    client.send(request);
    answers.push((await client.response()).status);
    client.close();
  }
  // What is written is written then.
  await proxy.close();
  return {
    lines: log.lines(),
    codes: proxy.diagnostics.map(({ code, field }) => `${code} ${field}`),
    answers,
  };
}

const get = (path: string, fields = ''): string => `GET ${path} HTTP/1.1\r\nHost: app.example\r\n${fields}\r\n`;
const annotation = (name: string): string => `metadata.annotations[nginx.ingress.kubernetes.io/${name}]`;

describe('enable-access-log', () => {
  it.each([
    // value, lines of one request, diagnostics
    [undefined, 1, []],
    ['true', 1, []],
    ['false', 0, []],
    // Go's spellings.
    ['F', 0, []],
    ['0', 0, []],
    ['1', 1, []],
    ['off', 1, [`AnnotationInvalid ${annotation('enable-access-log')}`]],
    ['', 1, [`AnnotationInvalid ${annotation('enable-access-log')}`]],
    [false, 1, [`ObjectMalformed ${annotation('enable-access-log')}`]],
    ['x'.repeat(65_536), 1, [`AnnotationInvalid ${annotation('enable-access-log')}`]],
    ['"; access_log off;\r\n}', 1, [`AnnotationInvalid ${annotation('enable-access-log')}`]],
  ])('case %#: %.20s', async (value, count, codes) => {
    const got = await linesOf(value === undefined ? {} : { 'enable-access-log': value }, [get('/a')]);
    expect(got.answers).toEqual([200]);
    expect(got.lines).toHaveLength(count);
    expect(got.codes).toEqual(codes);
  });

  it('true does not bring back what disable-access-log takes away', async () => {
    const log = stage.opened(new LogFile());
    const { port } = await stage.backend(() => response('hello'));
    const proxy = await serve([ingress({ 'enable-access-log': 'true' }), ...service('app', [port])], {
      proxy: { accessLog: false, accessLogPath: log.path },
    });
    const client = await stage.client(proxy.port);
    client.send(get('/'));
    await client.response();
    client.close();
    await proxy.close();
    expect(log.lines()).toEqual([]);
  });
});

describe('enable-rewrite-log', () => {
  it.each([
    [undefined, []],
    ['false', []],
    ['true', [`AnnotationUnsupported ${annotation('enable-rewrite-log')}`]],
    ['perhaps', [`AnnotationInvalid ${annotation('enable-rewrite-log')}`]],
  ])('%j: requests are served and logged as ever', async (value, codes) => {
    const got = await linesOf(value === undefined ? {} : { 'enable-rewrite-log': value }, [get('/')]);
    expect(got).toMatchObject({ answers: [200], codes });
    expect(got.lines).toHaveLength(1);
  });
});

describe('log-format-upstream', () => {
  it("default: ingress-nginx's own", async () => {
    const { lines } = await linesOf({}, [
      get('/a?b=c', 'User-Agent: curl\r\nReferer: http://r/\r\nX-Request-ID: id-1\r\nAuthorization: Basic dXNlcjpwYXNz\r\n'),
    ]);
    expect(lines[0]).toMatch(
      /^127\.0\.0\.1 - user \[\d\d\/\w{3}\/\d{4}:\d\d:\d\d:\d\d \+0000\] "GET \/a\?b=c HTTP\/1\.1" 200 5 "http:\/\/r\/" "curl" \d+ \d\.\d{3} \[default-app-80\] \[\] 127\.0\.0\.1:\d+ 5 \d\.\d{3} 200 id-1$/,
    );
  });

  // format, request, line
  it.each([
    [
      '$remote_addr $request_method $uri $args $server_protocol $status',
      get('/a%20b?x=1'),
      '127.0.0.1 GET /a b x=1 HTTP/1.1 200',
    ],
    ['$request_uri|$query_string|$is_args|$document_uri', get('//a/./b?x=1'), '//a/./b?x=1|x=1|?|/a/b'],
    ['[$args][$is_args]', get('/'), '[-][]'],
    [
      '$host $http_host $scheme $server_name $server_port',
      get('/').replace('app.example', 'APP.example:80'),
      /^app\.example APP\.example:80 http app\.example \d+$/i,
    ],
    [
      '$http_x_a $http_x_none "$http_user_agent"',
      get('/', 'X-A: one\r\nx-a: two\r\nUser-Agent: "q"\r\n'),
      'one, two - "\\x22q\\x22"',
    ],
    ['$cookie_a $cookie_b $arg_x $arg_y', get('/?X=1', 'Cookie: a=5; c=6\r\n'), '5 - 1 -'],
    ['$namespace $ingress_name $service_name $service_port $location_path', get('/'), 'default web app 80 /'],
    [
      '$proxy_upstream_name [$proxy_alternative_upstream_name] $proxy_host:$proxy_port',
      get('/'),
      'default-app-80 [] upstream_balancer:80',
    ],
    ['$content_type $content_length', get('/', 'Content-Type: a/b\r\n'), 'a/b -'],
    ['$remote_user', get('/', 'Authorization: Bearer x\r\n'), '-'],
    ['$remote_user', get('/', 'Authorization: Basic !!!\r\n'), '-'],
    ['$body_bytes_sent $request_length $upstream_response_length $upstream_bytes_received', get('/'), /^5 37 5 5$/],
    ['$bytes_sent', get('/'), /^\d{2,3}$/],
    ['$request_time $upstream_response_time $upstream_connect_time $upstream_header_time', get('/'), /^(\d\.\d{3} ?){4}$/],
    ['$upstream_addr $upstream_status', get('/'), /^127\.0\.0\.1:\d+ 200$/],
    ['$time_iso8601', get('/'), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00$/],
    ['$msec', get('/'), /^\d{10}\.\d{3}$/],
    ['$time_local', get('/'), /^\d\d\/\w{3}\/\d{4}:\d\d:\d\d:\d\d \+0000$/],
    ['$req_id $request_id', get('/', 'X-Request-ID: mine\r\n'), 'mine mine'],
    ['$req_id', get('/'), /^[\da-f]{32}$/],
    ['$https$ssl_protocol$ssl_cipher', get('/'), '---'],
    ['$proxy_add_x_forwarded_for', get('/', 'X-Forwarded-For: 192.0.2.1\r\n'), '192.0.2.1, 127.0.0.1'],
    ['$proxy_protocol_addr', get('/'), '-'],
    ['$upstream_http_x_b $sent_http_x_b $upstream_http_none', get('/'), 'from-app from-app -'],
    ['$sent_http_content_length $sent_http_content_type', get('/'), '5 text/plain'],
    ['$geoip2_city_name/$connection', get('/'), '-/-'],
    [String.raw`\"$status\"	\\`, get('/'), '"200"	\\'],
    ['${status}x', get('/'), '200x'],
    ['$request_completion $pipe', get('/'), 'OK .'],
  ])('%s', async (format, request, expected) => {
    const { lines } = await linesOf({}, [request], { 'log-format-upstream': format }, () =>
      response('hello', 'X-B: from-app\r\nContent-Type: text/plain\r\n'),
    );
    if (typeof expected === 'string') expect(lines).toEqual([expected]);
    else expect(lines[0]).toMatch(expected);
  });

  it('invalid: an unknown variable leaves the default', async () => {
    const { lines } = await linesOf({}, [get('/a')], { 'log-format-upstream': '$nonsense' });
    expect(lines[0]).toContain('[default-app-80] []');
  });

  it('of an answer of our own, and of a request that was refused', async () => {
    const config = {
      'log-format-upstream': '{"s":$status,"b":$bytes_sent,"t":$request_time,"u":"$upstream_status","l":"$sent_http_location"}',
      'log-format-escape-json': 'true',
    };
    const { lines } = await linesOf(
      { 'force-ssl-redirect': 'true' },
      [get('/a"b'), 'GET / HTTP/1.1\r\nHost: a b\r\n\r\n'],
      config,
    );
    const [redirected, refused] = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(redirected).toMatchObject({ s: 308, u: '', l: 'https://app.example/a"b' });
    expect(refused).toEqual({ s: 400, b: 0, t: 0, u: '', l: '' });
  });
});

describe('log-format-upstream over TLS', () => {
  it('says what was agreed', async () => {
    const log = stage.opened(new LogFile());
    const { port } = await stage.backend(() => response('hello'));
    const format = '$scheme $https $ssl_protocol $ssl_cipher $ssl_server_name $ssl_session_reused [$http2] $server_protocol';
    const { settings } = applyConfigMap(DEFAULT_SETTINGS, { 'log-format-upstream': format, 'access-log-path': log.path }, REF);
    const proxy = await serve([ingress({}), ...service('app', [port])], {
      proxy: { ...settings.proxy, httpPort: 0, httpsPort: 0, bindAddress: '127.0.0.1' },
    });
    const client = await stage.tlsClient(proxy.httpsPort);
    client.send(get('/'));
    await client.response();
    client.close();
    await proxy.close();
    expect(log.lines()[0]).toMatch(/^https on TLSv1\.3 TLS_\w+ app\.example \. \[\] HTTP\/1\.1$/);
  });
});

describe('log-format-stream', () => {
  it.each([
    ["default: ingress-nginx's own", {}, /^\[192\.0\.2\.1\] \[.* \+0000\] TCP 200 5 7 0\.250$/],
    ['typical', { 'log-format-stream': '$protocol $remote_addr $session_time' }, /^TCP 192\.0\.2\.1 0\.250$/],
    ['edge: unknown here', { 'log-format-stream': '$status $upstream_addr' }, /^200 -$/],
    [
      'invalid: the default stays',
      { 'log-format-stream': '$request_uri' },
      /^\[192\.0\.2\.1\] \[.* \+0000\] TCP 200 5 7 0\.250$/,
    ],
    [
      'json',
      { 'log-format-stream': '{"t":"$time_iso8601","b":$bytes_sent}', 'log-format-escape-json': 'true' },
      /^\{"t":"[^"]*","b":5\}$/,
    ],
  ])('%s', (_, config, line) => {
    const lines: string[] = [];
    const log = { add: (text: string) => lines.push(text) } as unknown as AccessLog;
    const recorder = new Recorder(seriesWriter(sharedCounters()), { get: () => log, keep: () => undefined });
    recorder.configure(applyConfigMap(DEFAULT_SETTINGS, config, REF).settings.proxy);
    recorder.recordStream({ remoteAddress: '192.0.2.1', protocol: 'TCP', status: 200, bytesSent: 5, bytesReceived: 7 }, 250);
    expect(lines[0]).toMatch(line);
  });
});

describe('log-format-escape-json', () => {
  const NASTY = get('/%0a%22', 'User-Agent: "\\\xe9\t\r\n');
  it.each([
    ['default', {}, '/\\x0A\\x22 \\x22\\x5C\\xE9 [-]'],
    ['json', { 'log-format-escape-json': 'true' }, '/\\n\\" \\"\\\\\xe9 []'],
    // One request is one line even so.
    ['none', { 'log-format-escape-none': 'true' }, '/\\x0A" "\\\xe9 []'],
    ['none wins', { 'log-format-escape-none': 'true', 'log-format-escape-json': 'true' }, '/\\x0A" "\\\xe9 []'],
    ['invalid: default', { 'log-format-escape-json': 'yes' }, '/\\x0A\\x22 \\x22\\x5C\\xE9 [-]'],
  ])('%s', async (_, config, line) => {
    const { lines } = await linesOf({}, [NASTY], { 'log-format-upstream': '$uri $http_user_agent [$args]', ...config });
    expect(lines).toEqual([line]);
  });

  it("holds for ingress-nginx's own format as well", async () => {
    const { lines } = await linesOf({}, [get('/', 'User-Agent: "a"\r\n')], { 'log-format-escape-json': 'true' });
    expect(lines[0]).toMatch(
      /^127\.0\.0\.1 -  \[.*\] "GET \/ HTTP\/1\.1" 200 5 "" "\\"a\\"" \d+ \d\.\d{3} \[default-app-80\] \[\] .* 200 [\da-f]{32}$/,
    );
  });
});

describe('log-format-escape-none', () => {
  // Characters whose low bytes are CR, LF and a quote: who writes an Ingress must not write the log of all.
  const PATH = '/a\u010d\u010a\u0122';
  const UTF8 = '/a\xc4\x8d\xc4\x8a\xc4\xa2';
  it.each([
    ['default', {}, '/a\\xC4\\x8D\\xC4\\x8A\\xC4\\xA2'],
    ['json', { 'log-format-escape-json': 'true' }, UTF8],
    ['none', { 'log-format-escape-none': 'true' }, UTF8],
  ])('%s: the path of an Ingress and the text of a format are written in UTF-8', async (_, config, path) => {
    const log = stage.opened(new LogFile());
    const { port } = await stage.backend(() => response('hello'));
    const format = { 'access-log-path': log.path, 'log-format-upstream': '$location_path \u010a \xe9', ...config };
    const { settings } = applyConfigMap(DEFAULT_SETTINGS, format, REF);
    const text = { paths: [{ path: PATH, pathType: 'ImplementationSpecific' }] };
    const proxy = await serve([ingress({}, text), ...service('app', [port])], {
      proxy: { ...settings.proxy, httpPort: 0, httpsPort: 0, bindAddress: '127.0.0.1' },
    });
    const client = await stage.client(proxy.port);
    client.send(get('/a%C4%8D%C4%8A%C4%A2'));
    expect((await client.response()).status).toBe(200);
    client.close();
    await proxy.close();
    expect(log.lines()).toEqual([`${path} \xc4\x8a \xc3\xa9`]);
  });
});

describe('skip-access-log-urls', () => {
  it.each([
    ['/HEALTH?FULL,/nothing', ['/a', '/health']],
    ['', ['/a', '/health', '/health?full']],
    ['/health', ['/a', '/health?full']],
    ['/HEALTH,/a', ['/health?full']],
    ['/heal', ['/a', '/health', '/health?full']],
    ['~^/heal', ['/a']],
    ['~^/HEAL', ['/a', '/health', '/health?full']],
    ['~*^/HEAL.*full$', ['/a', '/health']],
    ['~(', ['/a', '/health', '/health?full']],
    // Not a request target: the default, which is none.
    ['health', ['/a', '/health', '/health?full']],
  ])('%j', async (value, logged) => {
    const { lines } = await linesOf({}, [get('/a'), get('/health'), get('/health?full'), get('/NoThing')], {
      'log-format-upstream': '$request_uri',
      'skip-access-log-urls': value,
    });
    // In either case of letters, of the key and of the request.
    expect(lines).toEqual(value.includes('nothing') ? logged : [...logged, '/NoThing']);
  });
});

describe('enable-access-log-for-default-backend', () => {
  const stranger = 'GET /x HTTP/1.1\r\nHost: nobody.example\r\n\r\n';
  const health = 'GET /healthz HTTP/1.1\r\nHost: nobody.example\r\n\r\n';
  it.each([
    // A request that no route takes and no Ingress names the host of; a path that the host has not; the health check.
    [undefined, ['/missing']],
    ['false', ['/missing']],
    ['true', ['/x', '/missing']],
    ['maybe', ['/missing']],
  ])('%j', async (value, logged) => {
    const log = stage.opened(new LogFile());
    const { port } = await stage.backend(() => response('hello'));
    const config = { 'log-format-upstream': '$request_uri', 'access-log-path': log.path };
    const { settings } = applyConfigMap(
      DEFAULT_SETTINGS,
      value === undefined ? config : { ...config, 'enable-access-log-for-default-backend': value },
      REF,
    );
    const proxy = await serve([ingress({}, { paths: ['/only'] }), ...service('app', [port])], {
      proxy: { ...settings.proxy, httpPort: 0, httpsPort: 0, bindAddress: '127.0.0.1' },
    });
    for (const request of [stranger, get('/missing'), health, get('/only')]) {
      const client = await stage.client(proxy.port);
      client.send(request);
      await client.response();
      client.close();
    }
    await proxy.close();
    expect(log.lines()).toEqual([...logged, '/only']);
  });
});
