/** ConfigMap `block-cidrs`, `block-user-agents`, `block-referers`: 403 on every host. */
import { afterEach, describe, expect, it } from 'vitest';
import { DEFAULT_SETTINGS } from '../../src/settings/defaults.ts';
import { applyConfigMap } from '../../src/settings/configmap.ts';
import { scene, type SceneOptions } from '../support/auth.ts';
import { exchange } from '../support/raw-client.ts';
import { Stage } from '../support/stage.ts';

const stage = new Stage();
afterEach(() => stage.close());

const BEHIND_PROXY = { useForwardedHeaders: true, trustedProxies: ['127.0.0.1/32'] };

async function statusFor(translate: NonNullable<SceneOptions['translate']>, fields: string, annotations = {}): Promise<number> {
  const { ask } = await scene(stage, annotations, { translate, proxy: BEHIND_PROXY });
  return (await ask('/', fields)).status;
}

/** The settings of a ConfigMap, and what is wrong with it. */
function config(data: Readonly<Record<string, string>>) {
  const { settings, diagnostics } = applyConfigMap(DEFAULT_SETTINGS, data, {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    namespace: 'a',
    name: 'b',
  });
  return { translate: settings.translate, wrong: diagnostics.map(({ code, field, served }) => [code, field, served]) };
}

describe('block-cidrs', () => {
  const blocked = { blockedCidrs: ['192.0.2.0/24', '2001:db8::1'] };

  it.each([
    ['in it', '192.0.2.9', 403],
    ['in it, by IPv6', '2001:db8::1', 403],
    ['not in it', '198.51.100.1', 200],
  ])('%s', async (_, address, status) => {
    expect(await statusFor(blocked, `X-Forwarded-For: ${address}\r\n`)).toBe(status);
  });

  it('goes before what an Ingress allows, and before redirects', async () => {
    const fields = 'X-Forwarded-For: 192.0.2.9\r\n';
    expect(await statusFor(blocked, fields, { 'allowlist-source-range': '192.0.2.0/24' })).toBe(403);
    expect(await statusFor(blocked, fields, { 'force-ssl-redirect': 'true' })).toBe(403);
    expect(await statusFor(blocked, fields, { 'app-root': '/app' })).toBe(403);
    expect(await statusFor(blocked, fields, { 'auth-type': 'nonsense' })).toBe(403);
  });

  it('holds where no Ingress does', async () => {
    const { proxy } = await scene(stage, {}, { translate: { blockedCidrs: ['127.0.0.1'] } });
    expect((await exchange(proxy.port, 'GET / HTTP/1.1\r\nHost: unknown.example\r\n\r\n')).status).toBe(403);
  });

  it('of a list with nonsense in it, the rest holds, and it is said', () => {
    const { translate, wrong } = config({ 'block-cidrs': '192.0.2.0/24, all,10.0.0.1' });
    expect(translate.blockedCidrs).toEqual(['192.0.2.0/24', '10.0.0.1']);
    expect(wrong).toEqual([['ConfigKeyInvalid', 'data["block-cidrs"]', 'What of it can be understood.']]);
  });
});

describe.each([
  ['block-user-agents', 'User-Agent', 'blockedUserAgents'],
  ['block-referers', 'Referer', 'blockedReferers'],
] as const)('%s', (key, field, setting) => {
  it.each([
    ['a text', 'Evil/1.0', 'Evil/1.0', 403],
    ['a text in any case', 'Evil/1.0', 'eVIL/1.0', 403],
    ['no part of a text', 'Evil', 'Evil/1.0', 200],
    ['an expression', '~^Evil', 'Evil/1.0', 403],
    ['an expression in its case', '~^Evil', 'evil/1.0', 200],
    ['an expression in any case', '~*^Evil', 'evil/1.0', 403],
    ['an expression that backtracking would never end with', '~^(a+)+$', `${'a'.repeat(5000)}b`, 200],
  ])('%s', async (_, pattern, value, status) => {
    expect(await statusFor({ [setting]: [pattern] }, `${field}: ${value}\r\n`)).toBe(status);
  });

  it('a request without the field is not blocked', async () => {
    expect(await statusFor({ [setting]: ['~*bot'] }, '')).toBe(200);
  });

  it('of a list with an expression that is none, the rest holds, and it is said', () => {
    const { translate, wrong } = config({ [key]: '~(, Evil ,~(?=x)' });
    expect([translate[setting], wrong.length]).toEqual([['Evil'], 1]);
  });
});
