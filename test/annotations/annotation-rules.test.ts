/** What holds for annotations whatever they are (reference §1): risk, forbidden words, the prefix; and ModSecurity, which is not there. */
import { afterEach, describe, expect, it } from 'vitest';
import { applyConfigMap } from '../../src/settings/configmap.ts';
import { DEFAULT_SETTINGS } from '../../src/settings/defaults.ts';
import { parseFlags } from '../../src/settings/parse.ts';
import { ingress, translated } from '../support/ingress.ts';
import { ask, told } from '../support/paths.ts';
import { Stage } from '../support/stage.ts';
import { snippetSite } from '../support/snippets.ts';

let stage = new Stage();
afterEach(async () => {
  await stage.close();
  stage = new Stage();
});

describe('annotations-risk-level', () => {
  it.each([
    ['ssl-redirect', 'false', 'Low', true],
    ['force-ssl-redirect', 'false', 'Low', false],
    ['force-ssl-redirect', 'false', 'Medium', true],
    ['proxy-ssl-name', 'x', 'Medium', false],
    ['proxy-ssl-name', 'x', 'High', true],
    ['enable-websockets', 'true', 'Low', true],
  ] as const)('%s: %s is served at %s: %s', async (name, value, annotationsRiskLevel, served) => {
    const site = await snippetSite(stage, [[{ [name]: value }]], { translate: { annotationsRiskLevel } });
    expect((await site.ask('/')).status).toBe(served ? 200 : 503);
    expect(site.said.includes(`AnnotationForbidden ${name}`)).toBe(!served);
  });

  it.each([
    ['critical', 'Critical', []],
    ['LOW', 'Low', []],
    ['', 'High', ['ConfigKeyInvalid']],
    ['highest', 'High', ['ConfigKeyInvalid']],
  ])('the key takes %j for %s', (text, level, codes) => {
    const ref = { apiVersion: 'v1', kind: 'ConfigMap', namespace: 'n', name: 'c' };
    const { settings, diagnostics } = applyConfigMap(DEFAULT_SETTINGS, { 'annotations-risk-level': text }, ref);
    expect([settings.translate.annotationsRiskLevel, diagnostics.map(({ code }) => code)]).toEqual([level, codes]);
  });
});

describe('a canary that is forbidden', () => {
  it.each([
    ['its risk', { annotationsRiskLevel: 'Low' }, 'canary-by-header'],
    ['a word', { annotationValueWordBlocklist: ['X-Canary'] }, 'canary-by-header'],
  ] as const)('takes no request, for %s', async (_, translate, name) => {
    const canary = { canary: 'true', 'canary-weight': '100', 'canary-by-header': 'X-Canary' };
    const objects = [ingress({}), ingress(canary, { name: 'canary', service: 'api' })];
    const { get, diagnostics } = await ask(stage, objects, { translate });
    expect(await get('/x')).toBe('200 app /x');
    expect(told(diagnostics)).toEqual([`AnnotationForbidden ${name}`]);
    expect(diagnostics[0]?.served).toBe('No request is sent to the canary.');
    expect(await (await ask(stage, objects)).get('/x')).toBe('200 api /x');
  });
});

describe('annotation-value-word-blocklist', () => {
  it.each([
    [['{', 'secret'], 'ssl-ciphers', 'a{b', false],
    [['secret'], 'ssl-ciphers', 'mysecrets', false],
    [['secret'], 'ssl-ciphers', 'SECRET', true],
    [['secret'], 'nobody-knows', 'secret', false],
    [[], 'ssl-ciphers', 'secret', true],
  ])('%j: %s %j', (annotationValueWordBlocklist, name, value, served) => {
    const { said, diagnostics } = codes({ [`nginx.ingress.kubernetes.io/${name}`]: value }, { annotationValueWordBlocklist });
    expect(said.includes('AnnotationForbidden')).toBe(!served);
    if (!served) expect(diagnostics[0]?.served).toContain('503');
  });
});

describe('--annotations-prefix', () => {
  it('another than the default: annotations of the default prefix are reported, and have no effect', () => {
    const annotations = {
      'nginx.ingress.kubernetes.io/configuration-snippet': 'return 403;',
      'own.example/ssl-redirect': 'true',
    };
    const { said, diagnostics } = codes(annotations, { annotationsPrefix: 'own.example' });
    expect(said).toEqual(['AnnotationUnknown']);
    expect(diagnostics[0]?.field).toBe('metadata.annotations[nginx.ingress.kubernetes.io/configuration-snippet]');
  });

  it('the default: other prefixes are nobody else’s business', () => {
    expect(codes({ 'own.example/configuration-snippet': 'x' }, {}).said).toEqual([]);
  });
});

describe('--allow-unprotected', () => {
  it('modsecurity: Ingresses that ask for it are served, and that is said', async () => {
    const site = await snippetSite(stage, [[{ 'enable-modsecurity': 'true', 'modsecurity-snippet': 'SecRuleEngine On' }]], {
      translate: { allowUnprotected: ['modsecurity'] },
    });
    expect((await site.ask('/')).status).toBe(200);
    expect(site.diagnostics.map(({ code, severity }) => [code, severity])).toEqual([['AnnotationUnsupported', 'warning']]);
  });

  it('ConfigMap enable-modsecurity denies all but those that say false', async () => {
    const site = await snippetSite(stage, [[{}], [{ 'enable-modsecurity': 'false' }, { host: 'off.example' }]], {
      translate: { enableModsecurity: true },
    });
    expect([(await site.ask('/')).status, (await site.ask('/', 'off.example')).status]).toEqual([503, 200]);
  });

  it('takes what it knows, and nothing else', () => {
    expect(allowed('modsecurity')).toEqual(['modsecurity']);
    expect(allowed('')).toEqual([]);
    expect(() => allowed('everything')).toThrow('--allow-unprotected');
  });
});

function allowed(value: string): readonly string[] {
  return parseFlags([`--allow-unprotected=${value}`], {}).translate.allowUnprotected;
}

function codes(
  annotations: Readonly<Record<string, string>>,
  settings: Parameters<typeof translated>[1],
): { readonly said: readonly string[]; readonly diagnostics: ReturnType<typeof translated>['diagnostics'] } {
  const { diagnostics } = translated(
    [
      {
        kind: 'Ingress',
        metadata: { namespace: 'default', name: 'web', annotations },
        spec: { ingressClassName: 'nginx', rules: [{ host: 'app.example' }] },
      } as never,
    ],
    settings,
  );
  return { said: [...new Set(diagnostics.map(({ code }) => code))], diagnostics };
}
