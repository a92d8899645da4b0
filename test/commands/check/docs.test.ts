/** docs/check.md and docs/migrating-from-ingress-nginx.md say what is so: every name in them exists. UPDATE_GOLDEN=1 writes the codes. */
import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { CHECK_CODES } from '../../../src/commands/check/finding.ts';
import { REPORT_VERSION } from '../../../src/commands/check/report-json.ts';
import { ANNOTATIONS } from '../../../src/policies/annotations.ts';
import { CONFIG_KEYS } from '../../../src/settings/config-keys.ts';
import { FLAGS } from '../../../src/settings/flags/flags.ts';
import { UNSUPPORTED_KEYS } from '../../../src/settings/unsupported-keys.ts';
import { check, checkObjects } from '../../support/check.ts';
import * as objects from '../../support/manifests.ts';

const CHECK = new URL('../../../docs/check.md', import.meta.url);
const GUIDE = new URL('../../../docs/migrating-from-ingress-nginx.md', import.meta.url);
const VALUES = new URL('../../../charts/sluice/values.yaml', import.meta.url);

/** What stands in backticks outside of code blocks. */
function words(text: string): readonly string[] {
  const prose = text.replaceAll(/```[^]*?```/gu, '').replaceAll(/^ {4}.*$/gmu, '');
  return [...prose.matchAll(/`([^`]+)`/gu)].map(([, word = '']) => word);
}

const FLAG_NAMES = new Set(FLAGS.map(({ name }) => name));

describe('docs/check.md', () => {
  const codes = Object.entries(CHECK_CODES).map(([code, meaning]) => `| \`${code}\` | ${meaning} |\n`);
  if (process.env['UPDATE_GOLDEN'] === '1') {
    const text = readFileSync(CHECK, 'utf8');
    const head = '| code | meaning |\n| --- | --- |\n';
    writeFileSync(CHECK, text.slice(0, text.indexOf(head) + head.length) + codes.join(''));
  }
  const text = readFileSync(CHECK, 'utf8');

  it('has the codes that only the check has', () => {
    expect(text.endsWith(codes.join(''))).toBe(true);
  });

  it('has the flags of the check, and names no flag that does not exist', async () => {
    const help = (await check(['--help'])).out;
    const own = [...help.matchAll(/^ {2}--([a-z-]+)/gmu)].map(([, name = '']) => name);
    for (const name of own) expect(text).toContain(`\`--${name}`);
    for (const [, name = ''] of text.matchAll(/--([a-z][a-z-]+)/gu)) expect([...own, ...FLAG_NAMES]).toContain(name);
  });

  it('has every member of the JSON', async () => {
    const { report } = await checkObjects([
      objects.ingress('a', 'a.example Prefix / app', { annotations: { 'nginx.ingress.kubernetes.io/no-such': '1' } }),
      { apiVersion: 'extensions/v1beta1', kind: 'Ingress', metadata: { name: 'old' } },
    ]);
    expect(report.version).toBe(REPORT_VERSION);
    expect(text).toContain(`\`version\` is ${REPORT_VERSION}.`);
    const [ingress] = report.ingresses;
    const [other] = report.others;
    const [annotation] = report.annotations;
    const members = [report, report.summary, ingress, ingress?.findings[0], other, other?.object, annotation];
    expect(members).not.toContain(undefined);
    for (const name of members.flatMap((member) => Object.keys(member ?? {}))) expect(text).toContain(`\`${name}\``);
  });
});

describe('docs/migrating-from-ingress-nginx.md', () => {
  const text = readFileSync(GUIDE, 'utf8');
  const keys = new Set([...CONFIG_KEYS.map(({ name }) => name), ...UNSUPPORTED_KEYS]);

  it('names only annotations, keys, flags and values of the chart that exist', () => {
    const values = parse(readFileSync(VALUES, 'utf8')) as object;
    const inChart = (path: string): boolean => {
      let value: unknown = values;
      for (const part of path.split('.'))
        value = typeof value === 'object' && value !== null ? Reflect.get(value, part) : undefined;
      return value !== undefined;
    };
    // Of Kubernetes, or how something is called.
    const others = new Set([
      'sluice check',
      'sluice controller --help',
      'ingressClassName',
      'ingressClassName: sluice',
      'ingress-nginx-admission',
      'k8s.io/ingress-nginx',
      'nginx',
      'metallb.io/loadBalancerIPs',
      'curl --resolve HOST:443:ADDRESS https://HOST/…',
      'update-status: "false"',
    ]);
    const known = (word: string): boolean => {
      const [name = ''] = word.split(/[:=]/u);
      if (others.has(word)) return true;
      if (name.startsWith('--')) return FLAG_NAMES.has(name.slice(2));
      return (
        ANNOTATIONS.has(name) ||
        keys.has(name) ||
        FLAG_NAMES.has(name) ||
        inChart(name) ||
        inChart(`controller.ingressClassResource.${name}`)
      );
    };
    expect(words(text).filter((word) => !known(word))).toEqual([]);
    for (const [, path = ''] of text.matchAll(/--set ([\w.]+)=/gu)) expect(inChart(path), path).toBe(true);
  });

  it('names only pages that exist', () => {
    for (const [, page = ''] of text.matchAll(/\]\(([^)#]+)/gu)) expect(() => readFileSync(new URL(page, GUIDE))).not.toThrow();
  });

  it('says of the smallest proxy-buffer-size what the key says', () => {
    expect(CONFIG_KEYS.find(({ name }) => name === 'proxy-buffer-size')?.meaning).toContain('Anything below 16k means 16k');
    expect(text).toContain('`proxy-buffer-size` below 16k means 16k');
  });

  it('has the defaults that taking over needs', () => {
    const defaults = new Map(FLAGS.map(({ name, defaultText }) => [name, defaultText]));
    expect(defaults.get('ingress-class')).toBe('nginx');
    expect(defaults.get('controller-class')).toBe('k8s.io/ingress-nginx');
    expect(defaults.get('conformance')).toBe('nginx');
  });

  it.each([
    ['enable-modsecurity', 'true'],
    ['enable-owasp-core-rules', 'true'],
    ['modsecurity-snippet', 'SecRuleEngine On'],
    ['stream-snippet', 'server {}'],
    ['backend-protocol', 'FCGI'],
  ])('denies %s, as it says', async (name, value) => {
    const one = objects.ingress('a', 'a.example Prefix / app', {
      annotations: { [`nginx.ingress.kubernetes.io/${name}`]: value },
    });
    const { report, code } = await checkObjects([one]);
    expect(code).toBe(2);
    expect(report.ingresses[0]?.findings[0]).toMatchObject({
      severity: 'error',
      alike: false,
      served: expect.stringContaining('503'),
    });
  });
});
