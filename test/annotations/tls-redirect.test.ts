/** Plain HTTP is sent to https: ssl-redirect, force-ssl-redirect, preserve-trailing-slash. Reference: lua_ingress.lua, `rewrite`. */
import { afterEach, describe, expect, it } from 'vitest';
import type { TranslateSettings } from '../../src/settings/translate-settings.ts';
import { ingress, serve, service, type IngressText } from '../support/ingress.ts';
import { response } from '../support/proxy.ts';
import { exchange } from '../support/raw-client.ts';
import { Stage } from '../support/stage.ts';

let stage = new Stage();
afterEach(async () => {
  await stage.close();
  stage = new Stage();
});

interface Answer {
  /** The status, and where a redirect leads. */
  readonly answer: string;
  readonly codes: readonly string[];
}

async function ask(
  annotations: Readonly<Record<string, unknown>>,
  target: string,
  text: IngressText = {},
  translate: Partial<TranslateSettings> = {},
): Promise<Answer> {
  const backend = await stage.backend(() => response('served'));
  const proxy = await serve([ingress(annotations, text), ...service('app', [backend.port])], { translate });
  stage.watched(proxy);
  const { status, headers, body } = await exchange(
    proxy.port,
    `GET ${target} HTTP/1.1\r\nHost: app.example\r\nConnection: close\r\n\r\n`,
  );
  const where = headers.get('location')?.[0] ?? body;
  return {
    answer: `${status} ${where}`,
    codes: proxy.diagnostics.map(({ code }) => code).filter((code) => code === 'AnnotationInvalid'),
  };
}

const TLS = { tls: true };
const TO_HTTPS = '308 https://app.example/x?y=1';
const SERVED = '200 served';
const INVALID = ['AnnotationInvalid'];

describe('ssl-redirect', () => {
  it.each([
    // value, the host has TLS, answer, diagnostics
    ['default', undefined, true, TO_HTTPS, []],
    ['default, without TLS', undefined, false, SERVED, []],
    ['typical', 'false', true, SERVED, []],
    ['on, without TLS', 'true', false, SERVED, []],
    ["edge: Go's other booleans", '0', true, SERVED, []],
    ["edge: Go's other booleans", 'T', true, TO_HTTPS, []],
    ['invalid: the default', 'no', true, TO_HTTPS, INVALID],
    ['invalid: the default', 'off', true, TO_HTTPS, INVALID],
  ])('%s: %j', async (_, value, tls, answer, codes) => {
    const annotations = value === undefined ? {} : { 'ssl-redirect': value };
    expect(await ask(annotations, '/x?y=1', { tls })).toEqual({ answer, codes });
  });

  it('is that of the ConfigMap where it is absent, and wins over it', async () => {
    const off = { sslRedirect: false };
    expect((await ask({}, '/x?y=1', TLS, off)).answer).toBe(SERVED);
    expect((await ask({ 'ssl-redirect': 'true' }, '/x?y=1', TLS, off)).answer).toBe(TO_HTTPS);
  });

  it('§4.18: leaves the path of an HTTP-01 solver alone', async () => {
    const path = '/.well-known/acme-challenge/token';
    expect((await ask({ 'force-ssl-redirect': 'true' }, path, { ...TLS, paths: [path] })).answer).toBe(SERVED);
    // It is the path of the Ingress that counts, not that of the request.
    expect((await ask({}, path, TLS)).answer).toBe(`308 https://app.example${path}`);
  });
});

describe('force-ssl-redirect', () => {
  it.each([
    ['default', undefined, SERVED, []],
    ['typical', 'true', TO_HTTPS, []],
    ['off', 'false', SERVED, []],
    ["edge: Go's other booleans", '1', TO_HTTPS, []],
    ['edge: empty counts as absent', '', SERVED, []],
    ['invalid: the default', 'yes', SERVED, INVALID],
  ])('%s: %j', async (_, value, answer, codes) => {
    const annotations = value === undefined ? {} : { 'force-ssl-redirect': value };
    const got = await ask(annotations, '/x?y=1');
    // An empty value is no boolean of Go's either, but nobody is told.
    expect(value === '' ? { ...got, codes: [] } : got).toEqual({ answer, codes });
  });
});

describe('preserve-trailing-slash', () => {
  it.each([
    // value, target, where to
    ['default: one trailing slash goes', undefined, '/a/', '/a', []],
    ['default: of two one stays', undefined, '/a//', '/a/', []],
    ['default: the root becomes nothing', undefined, '/', '', []],
    ['typical', 'true', '/a/', '/a/', []],
    ['typical', 'true', '/', '/', []],
    ['edge: a slash in the query is one, too', undefined, '/a?b=/', '/a?b=', []],
    ['invalid: the default', 'keep', '/a/', '/a', INVALID],
  ])('§4.17: %s: %j', async (_, value, target, where, codes) => {
    const annotations = value === undefined ? {} : { 'preserve-trailing-slash': value };
    expect(await ask(annotations, target, TLS)).toEqual({ answer: `308 https://app.example${where}`, codes });
  });
});
