/** Location and Refresh of backends: `proxy-redirect-from`, `proxy-redirect-to` (nginx's proxy_redirect). */
import { afterEach, describe, expect, it } from 'vitest';
import { site } from '../support/site.ts';
import { Stage } from '../support/stage.ts';

let stage = new Stage();
afterEach(async () => {
  await stage.close();
  stage = new Stage();
});

interface Redirected {
  readonly location: readonly string[] | undefined;
  readonly reports: number;
}

/** What becomes of a Location. */
async function redirected(from: unknown, to: unknown, location: string, field = 'Location'): Promise<Redirected> {
  const annotations = {
    ...(from !== undefined && { 'proxy-redirect-from': from }),
    ...(to !== undefined && { 'proxy-redirect-to': to }),
  };
  const answer = (): string => `HTTP/1.1 302 Found\r\n${field}: ${location}\r\nContent-Length: 0\r\n\r\n`;
  const { ask, ask2, diagnostics } = await site(stage, annotations, { answer, proxy: { maxResponseHeadSize: 131_072 } });
  const got = (await ask()).headers.get(field.toLowerCase());
  if (location.length < 8192)
    expect((await ask2()).headers[field.toLowerCase()]).toBe(got?.[0]?.replace('http://app.example', 'https://app.example'));
  return { location: got, reports: diagnostics.length };
}

describe('proxy-redirect-from', () => {
  it.each([
    ['default', undefined, 'https://new', 'http://old/x', 'http://old/x'],
    ['"off"', 'off', 'https://new', 'http://old/x', 'http://old/x'],
    ['"default" is about an address that no backend knows', 'default', 'https://new', 'http://old/x', 'http://old/x'],
    ['typical: its beginning', 'http://old/', 'https://new/', 'http://old/x?y=1', 'https://new/x?y=1'],
    ['case matters', 'http://OLD/', 'https://new/', 'http://old/x', 'http://old/x'],
    ['only its beginning', '/x', '/y', 'http://old/x', 'http://old/x'],
    [
      'an expression, whose captures the other may name',
      '~^http://([^/]+)/(.*)$',
      'https://x.test/$1/$2',
      'http://old/a/b',
      'https://x.test/old/a/b',
    ],
    ['an expression in any case', '~*^HTTP://OLD', 'https://new', 'http://old/x', 'https://new'],
    ['edge: variables', 'http://$service_name/', 'https://$host/', 'http://app/x', 'https://app.example/x'],
    ['edge: a path becomes whole again', 'http://old/', '/', 'http://old/x', 'http://app.example/x'],
    ['edge: a path alone', '/', '/sub/', '/x', 'http://app.example/sub/x'],
  ])('%s', async (_, from, to, said, got) => {
    expect(await redirected(from, to, said)).toEqual({ location: [got], reports: 0 });
  });

  it.each([
    ['two words', 'http://old http://other'],
    ['quotes', '"http://old"'],
    ['a semicolon', 'http://old;'],
    ['control characters', 'http://old\u0001'],
    ['two lines', 'http://old\n/'],
    ['an unknown variable', 'http://$nosuch/'],
    ['an expression that is none', '~('],
    ['an expression with a look-ahead', '~(?=http)'],
    ['no text', 7],
  ])('invalid, %s: as if it were absent, and reported', async (_, from) => {
    expect(await redirected(from, 'https://new', 'http://old/x')).toEqual({ location: ['http://old/x'], reports: 1 });
  });

  it('Refresh, behind its "url="', async () => {
    expect((await redirected('http://old/', 'https://new/', '5; URL=http://old/x', 'Refresh')).location).toEqual([
      '5; URL=https://new/x',
    ]);
    expect((await redirected('http://old/', 'https://new/', 'http://old/x', 'Refresh')).location).toEqual(['http://old/x']);
  });

  it('a Location of 64 KiB', async () => {
    const long = `http://old/${'a/'.repeat(32_768)}`;
    expect((await redirected('~(a/)+$', 'https://new', long)).location).toEqual(['https://new']);
    expect((await redirected('http://old', 'https://new', long)).location).toEqual([long.replace('http://old', 'https://new')]);
  });

  it('our own redirects stay as they are', async () => {
    const { ask } = await site(stage, {
      'proxy-redirect-from': 'https://',
      'proxy-redirect-to': 'ftp://',
      'force-ssl-redirect': 'true',
    });
    expect((await ask()).headers.get('location')).toEqual(['https://app.example']);
  });
});

describe('proxy-redirect-to', () => {
  it.each([
    ['default: it is off', 'http://old/', undefined, 'http://old/x', 'http://old/x'],
    ['"off"', 'http://old/', 'off', 'http://old/x', 'http://old/x'],
    ['typical', 'http://old/', 'https://new/', 'http://old/x', 'https://new/x'],
    [
      'edge: what a client says cannot begin a line',
      'http://old/',
      'https://new/$http_x_to/',
      'http://old/x',
      'https://new//x',
    ],
  ])('%s', async (_, from, to, said, got) => {
    expect(await redirected(from, to, said)).toEqual({ location: [got], reports: 0 });
  });

  it.each([
    ['spaces', 'https://new /'],
    ['control characters', 'https://new\r\nX-Evil: 1'],
    ['an unknown variable', 'https://$nosuch'],
    ['a capture without an expression', 'https://$1'],
  ])('invalid, %s: nothing is rewritten, and it is reported', async (_, to) => {
    expect(await redirected('http://old/', to, 'http://old/x')).toEqual({ location: ['http://old/x'], reports: 1 });
  });
});
