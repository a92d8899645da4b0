import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ObjectRef } from '../../src/model/diagnostic.ts';
import { applyConfigMap } from '../../src/settings/configmap.ts';
import { DEFAULT_SETTINGS } from '../../src/settings/defaults.ts';
import { DEFAULT_LOG_FORMAT, DEFAULT_STREAM_FORMAT, readLogFormat } from '../../src/settings/values/log-format.ts';

const REF: ObjectRef = { apiVersion: 'v1', kind: 'ConfigMap', namespace: 'ingress', name: 'sluice' };
const apply = (data: Record<string, string>) => applyConfigMap(DEFAULT_SETTINGS, data, REF);

const v = (variable: string) => ({ variable });

describe('readLogFormat', () => {
  it.each([
    ['plain', ['plain']],
    ['$status', [v('status')]],
    ['${status}00', [v('status'), '00']],
    ['a $status-$host b', ['a ', v('status'), '-', v('host'), ' b']],
    ['{"a": "$http_x_my_header"}', ['{"a": "', v('http_x_my_header'), '"}']],
    // As in a string of nginx's configuration.
    [String.raw`\"$arg_a\" \\ \t\n\x`, ['"', v('arg_a'), '" \\ \t\n\\x']],
    ['$cookie_a$sent_http_b$upstream_http_c', [v('cookie_a'), v('sent_http_b'), v('upstream_http_c')]],
    ['', []],
  ])('reads %j', (text, parts) => {
    expect(readLogFormat(text, 'http')).toEqual({ parts, empty: [] });
  });

  it.each([
    ['$nope', '$nope is not a variable'],
    ['a $', '"$" is no variable'],
    ['$-', '"$" is no variable'],
    ['${status', '"${status" is no variable'],
    ['${}', '"${}" is no variable'],
    ['$http_', '$http_ is not a variable'],
    ['$__proto__', '$__proto__ is not a variable'],
    ['$constructor', '$constructor is not a variable'],
    ['$session_time', '$session_time is not a variable'],
    ['x'.repeat(16_385), 'it is longer than 16384 characters'],
  ])('refuses %.40j', (text, why) => {
    expect(readLogFormat(text, 'http')).toBe(why);
  });

  it('takes what nginx has and we have not, and says so', () => {
    expect(readLogFormat('$status $geoip2_city $connection', 'http')).toMatchObject({ empty: ['geoip2_city', 'connection'] });
  });

  it("knows a stream's own variables", () => {
    expect(readLogFormat('$session_time $upstream_addr', 'stream')).toMatchObject({ empty: ['upstream_addr'] });
    expect(readLogFormat('$request_uri', 'stream')).toBe('$request_uri is not a variable');
    expect(readLogFormat('$http_a', 'stream')).toBe('$http_a is not a variable');
  });

  it('knows every variable of the default formats, and of the example in the documentation of log-format-upstream', () => {
    const example = `{"time": "$time_iso8601", "remote_addr": "$proxy_protocol_addr", "x_forwarded_for": "$proxy_add_x_forwarded_for",
      "request_id": "$req_id", "remote_user": "$remote_user", "bytes_sent": $bytes_sent, "request_time": $request_time,
      "status": $status, "vhost": "$host", "request_proto": "$server_protocol", "path": "$uri", "request_query": "$args",
      "request_length": $request_length, "duration": $request_time,"method": "$request_method", "http_referrer": "$http_referer",
      "http_user_agent": "$http_user_agent", "ns": "$namespace $ingress_name $service_name $service_port" }`;
    for (const text of [DEFAULT_LOG_FORMAT, example]) expect(readLogFormat(text, 'http')).toMatchObject({ empty: [] });
    expect(readLogFormat(DEFAULT_STREAM_FORMAT, 'stream')).toMatchObject({ empty: [] });
  });

  it('never throws, and keeps all text that is neither a variable nor an escape', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('$', '{', '}', '\\', '"', 'a', '_', '\n', 'é', 'status') }), (text) => {
        const read = readLogFormat(text, 'http');
        if (typeof read === 'string') return;
        const back = read.parts.map((part) => (typeof part === 'string' ? part : `$${part.variable}`)).join('');
        expect(back.length).toBeLessThanOrEqual(text.length);
        if (!/[\\{]/.test(text)) expect(back).toBe(text);
      }),
    );
  });
});

describe('log-format-upstream', () => {
  it('default: its own text, written by code of its own', () => {
    expect(apply({}).settings.proxy.logFormat).toBeNull();
    expect(apply({ 'log-format-upstream': DEFAULT_LOG_FORMAT })).toMatchObject({
      settings: { proxy: { logFormat: null } },
      diagnostics: [],
    });
    expect(apply({ 'log-format-upstream': '' }).settings.proxy.logFormat).toBeNull();
  });

  it('typical: its parts', () => {
    const { settings, diagnostics } = apply({
      'log-format-upstream': '$remote_addr $status',
      'log-format-escape-json': 'true',
    });
    expect(settings.proxy.logFormat).toEqual([v('remote_addr'), ' ', v('status')]);
    expect(settings.proxy.logEscapeJson).toBe(true);
    expect(diagnostics).toEqual([]);
  });

  it('edge: a variable whose value is not known is said, and the format is used', () => {
    const { settings, diagnostics } = apply({ 'log-format-upstream': '$status $connection' });
    expect(settings.proxy.logFormat).toEqual([v('status'), ' ', v('connection')]);
    expect(diagnostics).toMatchObject([{ code: 'ConfigKeyIdle', severity: 'warning', field: 'data["log-format-upstream"]' }]);
    expect(diagnostics[0]?.message).toContain('$connection');
  });

  it('invalid: the default stays, and the variable is named', () => {
    const { settings, diagnostics } = apply({ 'log-format-upstream': '$status $statsu' });
    expect(settings.proxy.logFormat).toBeNull();
    expect(diagnostics).toMatchObject([{ code: 'ConfigKeyInvalid', severity: 'error' }]);
    expect(diagnostics[0]?.message).toContain('$statsu is not a variable');
    expect(diagnostics[0]!.message.length).toBeLessThan(1024);
  });
});

describe('access-log-path', () => {
  it.each(['/dev/stdout', '/dev/stderr', '/var/log/nginx/access.log', '/data/access log.txt'])('takes %s', (path) => {
    expect(apply({ 'access-log-path': path })).toMatchObject({ settings: { proxy: { accessLogPath: path } }, diagnostics: [] });
  });

  it.each(['log.txt', '/dir/', 'syslog:server=a', '/a\nb', '/a\0b', `/${'x'.repeat(5000)}`])('refuses %.20j', (path) => {
    expect(apply({ 'access-log-path': path }).diagnostics).toMatchObject([{ code: 'ConfigKeyInvalid' }]);
  });
});
