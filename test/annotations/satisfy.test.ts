/** `satisfy`: addresses, passwords and a service, all of them or one of them. Client certificates are always needed. */
import { afterEach, describe, expect, it } from 'vitest';
import { answer, basic, fieldIn, scene, type SceneOptions } from '../support/auth.ts';
import { secret } from '../support/ingress.ts';
import { response } from '../support/proxy.ts';
import { Stage } from '../support/stage.ts';

const stage = new Stage();
afterEach(() => stage.close());

const PASSWORD = { 'auth-type': 'basic', 'auth-secret': 'users' };
const HERE = { 'allowlist-source-range': '127.0.0.1' };
const ELSEWHERE = { 'allowlist-source-range': '192.0.2.1' };
const SERVICE = { 'auth-url': 'http://AUTH/' };
const USERS: SceneOptions = {
  objects: [secret('users', { auth: 'joe:{PLAIN}secret\nslow:$apr1$saltsalt$LrttParrLPdxvgutaSXWJ0' })],
};
const RIGHT = basic('joe', 'secret');
const SLOW = basic('slow', 'secret');
const WRONG = basic('joe', 'wrong');

describe('satisfy', () => {
  it.each([
    ['absent: both', undefined, { ...HERE, ...PASSWORD }, '', 401],
    ['absent: both, and both are there', undefined, { ...HERE, ...PASSWORD }, RIGHT, 200],
    ['absent: the address alone refuses', undefined, { ...ELSEWHERE, ...PASSWORD }, RIGHT, 403],
    ['all', 'all', { ...HERE, ...PASSWORD }, '', 401],
    ['any: the address is enough', 'any', { ...HERE, ...PASSWORD }, '', 200],
    ['any: the password is enough', 'any', { ...ELSEWHERE, ...PASSWORD }, RIGHT, 200],
    ['any: the password is enough, when it takes a while', 'any', { ...ELSEWHERE, ...PASSWORD }, SLOW, 200],
    ['any: neither', 'any', { ...ELSEWHERE, ...PASSWORD }, WRONG, 401],
    ['any: a denied address with a password', 'any', { 'denylist-source-range': '127.0.0.1', ...PASSWORD }, RIGHT, 200],
    ['any: who is not denied has no other right', 'any', { 'denylist-source-range': '192.0.2.1', ...PASSWORD }, '', 401],
    ['any: an address alone', 'any', ELSEWHERE, '', 403],
    ['another word: all', 'none', { ...HERE, ...PASSWORD }, '', 401],
    ['in another case: all', 'ANY', { ...HERE, ...PASSWORD }, '', 401],
    ['no text: all', true, { ...HERE, ...PASSWORD }, '', 401],
    ['a line of its own: all', 'any;\nallow all', { ...HERE, ...PASSWORD }, '', 401],
  ])('%s', async (_, value, annotations, fields, status) => {
    const { ask } = await scene(stage, { ...annotations, ...(value !== undefined && { satisfy: value }) }, USERS);
    expect((await ask('/', fields)).status).toBe(status);
  });

  it.each([
    ['the service lets in', WRONG, 200, 200],
    ['the service lets in who says nothing', '', 200, 200],
    ['a password is enough, and the service is not asked', RIGHT, 403, 200],
    ['nobody does: the client is asked for a password', WRONG, 403, 401],
    ['nobody does: the client is asked for a password again', WRONG, 401, 401],
    ['a service that fails refuses, whatever came before', WRONG, 500, 500],
  ])('any, with a service: %s', async (_, fields, said, status) => {
    const { ask } = await scene(
      stage,
      { ...ELSEWHERE, ...PASSWORD, ...SERVICE, satisfy: 'any' },
      { ...USERS, auth: () => answer(said) },
    );
    expect((await ask('/', fields)).status).toBe(status);
  });

  it('all, with a service: each is asked in turn, and the first that refuses answers', async () => {
    const { ask, asked } = await scene(stage, { ...HERE, ...PASSWORD, ...SERVICE }, { ...USERS, auth: () => answer(403) });
    expect([(await ask('/', WRONG)).status, asked().length]).toEqual([401, 0]);
    expect([(await ask('/', SLOW)).status, asked().length]).toEqual([403, 1]);
  });

  it('any: who comes in by address is nobody that the service would name', async () => {
    const { ask, asked, proxied } = await scene(
      stage,
      { ...HERE, ...SERVICE, 'auth-response-headers': 'X-User', satisfy: 'any' },
      { auth: () => response('', 'X-User: joe\r\n') },
    );
    expect((await ask('/', 'X-User: root\r\n')).status).toBe(200);
    expect([asked(), fieldIn(proxied()[0], 'x-user')]).toEqual([[], undefined]);
  });
});
