import { describe, expect, it } from 'vitest';
import type { ObjectRef } from '../../src/model/diagnostic.ts';
import { CONFIG_KEYS, HSTS_KEYS } from '../../src/settings/config-keys.ts';
import { applyConfigMap } from '../../src/settings/configmap.ts';
import { DEFAULT_SETTINGS } from '../../src/settings/defaults.ts';
import { parseFlags } from '../../src/settings/parse.ts';
import { UNSUPPORTED_KEYS } from '../../src/settings/unsupported-keys.ts';

const REF: ObjectRef = { apiVersion: 'v1', kind: 'ConfigMap', namespace: 'ingress', name: 'sluice' };

function apply(data: Record<string, string>) {
  return applyConfigMap(DEFAULT_SETTINGS, data, REF);
}

function settings(data: Record<string, string>) {
  const { settings, diagnostics } = apply(data);
  expect(diagnostics).toEqual([]);
  return settings;
}

describe('applyConfigMap', () => {
  it("has ingress-nginx's defaults", () => {
    expect(settings({})).toEqual(DEFAULT_SETTINGS);
    expect(DEFAULT_SETTINGS.proxy).toMatchObject({
      clientHeaderTimeout: 60_000,
      clientBodyTimeout: 60_000,
      keepAliveTimeout: 75_000,
      keepAliveRequests: 1000,
      maxRequestBodySize: 1_048_576,
      maxRequestHeadSize: 32_768,
      maxRequestLineSize: 8192,
      upstreamConnectTimeout: 5000,
      upstreamReadTimeout: 60_000,
      upstreamSendTimeout: 60_000,
      upstreamTries: 3,
      upstreamTriesTimeout: 0,
      upstreamKeepAliveConnections: 320,
      upstreamKeepAliveRequests: 10_000,
      upstreamKeepAliveTime: 3_600_000,
      upstreamKeepAliveTimeout: 60_000,
      generateRequestId: true,
      useForwardedHeaders: false,
      strictTransportSecurity: 'max-age=31536000; includeSubDomains',
      tlsMinVersion: 'TLSv1.2',
      tlsMaxVersion: 'TLSv1.3',
    });
    expect(DEFAULT_SETTINGS.translate).toMatchObject({
      sslRedirect: true,
      forceSslRedirect: false,
      httpRedirectCode: 308,
      noTlsRedirectLocations: ['/.well-known/acme-challenge'],
      strictValidatePathType: true,
    });
    expect(DEFAULT_SETTINGS.controller.workerShutdownTimeout).toBe(240_000);
  });

  it('compresses nothing unless told to, and then as ingress-nginx does', () => {
    expect(DEFAULT_SETTINGS.proxy).toMatchObject({
      useGzip: false,
      gzipLevel: 1,
      gzipMinLength: 256,
      gzipDisable: '',
      useBrotli: false,
      brotliLevel: 4,
      brotliMinLength: 20,
      useZstd: false,
      zstdLevel: 1,
      zstdMinLength: 20,
      maxCompressions: 128,
    });
    const { gzipTypes, brotliTypes, zstdTypes } = DEFAULT_SETTINGS.proxy;
    expect(gzipTypes).toHaveLength(17);
    expect(brotliTypes).toEqual(['application/xml+rss', ...gzipTypes]);
    expect(zstdTypes).toEqual(brotliTypes);
    const { proxy } = settings({
      'use-gzip': 'true',
      'gzip-level': '9',
      'gzip-types': ' text/CSS\n\tapplication/vnd.api+json ',
      'gzip-disable': String.raw`MSIE [4-6]\.|^Old/[\d.]`,
      'enable-brotli': 'true',
      'brotli-level': '0',
      'brotli-types': '*',
      'enable-zstd': 'true',
      'zstd-min-length': '0',
    });
    expect(proxy).toMatchObject({
      useGzip: true,
      gzipLevel: 9,
      gzipTypes: ['text/css', 'application/vnd.api+json'],
      gzipDisable: String.raw`MSIE [4-6]\.|^Old/[\d.]`,
      useBrotli: true,
      brotliLevel: 0,
      brotliTypes: ['*'],
      useZstd: true,
      zstdMinLength: 0,
    });
  });

  it.each([
    ['gzip-level', '0'],
    ['gzip-level', '10'],
    ['brotli-level', '12'],
    ['zstd-level', '20'],
    ['gzip-min-length', '-1'],
    ['gzip-types', 'text'],
    ['gzip-types', 'text/css;q=1'],
    ['gzip-types', 'text/css, text/html'],
    ['gzip-types', 'text/css; } server {'],
    ['max-worker-compressions', '-1'],
    // What repeats may take for ever; what is no expression at all would throw.
    ['gzip-disable', '(?=a)'],
    ['gzip-disable', String.raw`(a)\1`],
    ['gzip-disable', '[z-a]'],
    ['gzip-disable', '['],
    ['gzip-disable', '\\'],
    ['gzip-disable', 'a'.repeat(5000)],
  ])('refuses %s: %s', (name, value) => {
    const { settings: kept, diagnostics } = apply({ [name]: value });
    expect(kept).toEqual(DEFAULT_SETTINGS);
    expect(diagnostics).toMatchObject([{ code: 'ConfigKeyInvalid', field: `data["${name}"]` }]);
  });

  it('reads values in the grammar of each key', () => {
    const { proxy, translate, controller } = settings({
      'proxy-body-size': '8m',
      'proxy-read-timeout': '3600',
      'large-client-header-buffers': '8 16k',
      'use-forwarded-headers': 'T',
      'upstream-keepalive-time': '1h30m',
      'ssl-protocols': 'TLSv1.3',
      'no-tls-redirect-locations': '/a, /b',
      'http-redirect-code': '301',
      'worker-shutdown-timeout': '10s',
      'keep-alive': '0',
    });
    expect(proxy).toMatchObject({
      maxRequestBodySize: 8 * 1024 ** 2,
      upstreamReadTimeout: 3_600_000,
      maxRequestHeadSize: 131_072,
      maxRequestLineSize: 16_384,
      useForwardedHeaders: true,
      upstreamKeepAliveTime: 5_400_000,
      tlsMinVersion: 'TLSv1.3',
      tlsMaxVersion: 'TLSv1.3',
      keepAliveTimeout: 0,
    });
    expect(translate).toMatchObject({ noTlsRedirectLocations: ['/a', '/b'], httpRedirectCode: 301 });
    expect(controller.workerShutdownTimeout).toBe(10_000);
  });

  it('leaves what the flags said', () => {
    const flags = parseFlags(['--http-port=8080', '--access-log=false'], {});
    const applied = applyConfigMap(flags, { 'disable-access-log': 'false', 'ssl-redirect': 'false' }, REF).settings;
    expect(applied.proxy).toMatchObject({ httpPort: 8080, accessLog: false });
    expect(applied.translate.sslRedirect).toBe(false);
    expect(settings({ 'disable-access-log': 'true' }).proxy.accessLog).toBe(false);
  });

  it('reports a bad value, and serves the default of that key alone', () => {
    const { settings, diagnostics } = apply({ 'proxy-read-timeout': '60s', 'proxy-send-timeout': '30' });
    expect(settings.proxy).toMatchObject({ upstreamReadTimeout: 60_000, upstreamSendTimeout: 30_000 });
    expect(diagnostics).toEqual([
      {
        code: 'ConfigKeyInvalid',
        severity: 'error',
        object: REF,
        field: 'data["proxy-read-timeout"]',
        message: 'proxy-read-timeout: "60s" is not valid; expected a whole number of seconds from 1 to 2147483.',
        served: 'The default, 60.',
      },
    ]);
  });

  it.each([
    ['ssl-protocols', 'TLSv1 TLSv1.2'],
    ['ssl-protocols', ''],
    ['ssl-ciphers', 'NO-SUCH-CIPHER'],
    ['ssl-ecdh-curve', 'NO-SUCH-CURVE'],
    ['ssl-session-timeout', '0'],
    ['large-client-header-buffers', '8k'],
    ['large-client-header-buffers', '4 9m'],
    ['http-redirect-code', '200'],
    ['use-forwarded-headers', 'yes'],
    ['keep-alive', '-1'],
    ['proxy-body-size', '1 MB'],
    ['no-tls-redirect-locations', 'well-known'],
    ['hsts-max-age', '1y'],
    ['upstream-keepalive-requests', '0'],
    // No request would ever get through.
    ['client-header-timeout', '0'],
    ['client-body-timeout', '0'],
    ['proxy-connect-timeout', '0'],
    ['proxy-read-timeout', '0'],
    ['proxy-send-timeout', '0'],
  ])('refuses %s: %s', (key, value) => {
    const { settings, diagnostics } = apply({ [key]: value });
    expect(diagnostics.map(({ code, field }) => [code, field])).toEqual([['ConfigKeyInvalid', `data["${key}"]`]]);
    expect(settings).toEqual(DEFAULT_SETTINGS);
  });

  it('names the nearest key for an unknown one, and keys that are not supported', () => {
    const { diagnostics } = apply({ 'proxy-body-sise': '1m', 'use-geoip2': 'true', 'stream-snippet': '', __proto__x: '1' });
    expect(diagnostics.map(({ code, severity }) => [code, severity])).toEqual([
      ['ConfigKeyUnknown', 'warning'],
      ['ConfigKeyUnknown', 'warning'],
      ['ConfigKeyUnknown', 'error'],
      ['ConfigKeyIdle', 'warning'],
    ]);
    expect(diagnostics[1]?.message).toContain('did you mean proxy-body-size?');
    expect(diagnostics[2]?.message).toContain('stream-snippet is a key of ingress-nginx that is not supported');
    expect(diagnostics[3]?.message).toBe('use-geoip2 has no effect: Countries and networks of clients are not looked up.');
  });

  it('keeps messages short and reports in a fixed order', () => {
    const { diagnostics } = apply({ z: 'x', 'keep-alive': 'x'.repeat(100_000), ['k'.repeat(5000)]: '' });
    for (const { message, field } of diagnostics) expect(message.length + field.length).toBeLessThan(1024);
    const reversed = apply({ ['k'.repeat(5000)]: '', 'keep-alive': 'x'.repeat(100_000), z: 'x' });
    expect(reversed.diagnostics).toEqual(diagnostics);
  });

  it('builds Strict-Transport-Security from its four keys', () => {
    expect(settings({ hsts: 'false', 'hsts-preload': 'true' }).proxy.strictTransportSecurity).toBeNull();
    expect(settings({ 'hsts-max-age': '60', 'hsts-include-subdomains': 'false' }).proxy.strictTransportSecurity).toBe(
      'max-age=60',
    );
    expect(settings({ 'hsts-preload': '1' }).proxy.strictTransportSecurity).toBe(
      'max-age=31536000; includeSubDomains; preload',
    );
  });

  it('never takes less than 16k for a response head', () => {
    expect(settings({ 'proxy-buffer-size': '4k' }).proxy.maxResponseHeadSize).toBe(16_384);
    expect(settings({ 'proxy-buffer-size': '64k' }).proxy.maxResponseHeadSize).toBe(65_536);
  });

  it('takes a ConfigMap without data', () => {
    expect(applyConfigMap(DEFAULT_SETTINGS, undefined, REF)).toEqual({ settings: DEFAULT_SETTINGS, diagnostics: [] });
  });
});

describe('the table of keys', () => {
  it('names each key once, and reads back every default that is shown', () => {
    const names = [...CONFIG_KEYS, ...HSTS_KEYS].map((key) => key.name);
    expect(new Set(names).size).toBe(names.length);
    for (const name of names) expect(UNSUPPORTED_KEYS.has(name), name).toBe(false);
    for (const key of CONFIG_KEYS) {
      expect(key.read(key.defaultText), key.name).toEqual(key.defaults);
      expect(key.fills.length > 0, key.name).toBe(!key.meaning.startsWith('Without effect'));
    }
    for (const key of HSTS_KEYS) expect(key.read(key.defaultText), key.name).toBeDefined();
  });
});
