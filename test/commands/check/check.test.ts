/** `sluice check` as a user calls it: what is read, what is said, and the exit code. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { check, checkObjects, type JsonReport } from '../../support/check.ts';
import * as objects from '../../support/manifests.ts';

const P = 'nginx.ingress.kubernetes.io';
const folder = mkdtempSync(join(tmpdir(), 'sluice-check-'));
afterAll(() => rmSync(folder, { recursive: true }));

function ingress(
  name: string,
  annotations: Record<string, string> = {},
  options: { className?: string | null; lines?: string } = {},
): object {
  const { className = 'nginx', lines = `${name}.example Prefix / app` } = options;
  const full = Object.fromEntries(
    Object.entries(annotations).map(([key, value]) => [key.includes('/') ? key : `${P}/${key}`, value]),
  );
  return objects.ingress(name, lines, { className, annotations: full });
}

const plain = ingress('plain', { 'force-ssl-redirect': 'true' });
const noted = ingress('noted', { 'rate-limit': '5' });
// A value that no version will understand.
const denied = ingress('denied', { 'backend-protocol': 'GOPHER' });

function file(name: string, text: string): string {
  const path = join(folder, name);
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, text);
  return path;
}

const yaml = (...list: readonly object[]): string => list.map((one) => stringify(one)).join('---\n');

describe('the exit code', () => {
  it.each([
    ['0: all identical', [plain], 0, '1 Ingress: 1 identical, 0 with notes, 0 denied'],
    ['1: something to note', [plain, noted], 1, '2 Ingresses: 1 identical, 1 with notes, 0 denied'],
    ['2: something is denied', [plain, noted, denied], 2, '3 Ingresses: 1 identical, 1 with notes, 1 denied'],
    ['0: nothing to check', [], 0, '0 Ingresses: 0 identical, 0 with notes, 0 denied'],
  ])('%s', async (_, given, code, summary) => {
    const output = await check(['-'], { stdin: yaml(...given) });
    expect(output).toMatchObject({ code, error: '' });
    expect(output.out.trimEnd().split('\n').at(-1)).toBe(summary);
  });

  it.each([
    [['--nonsense'], 'unknown flag --nonsense; did you mean'],
    [[], 'nothing to check: name files or directories'],
    [['-', '--kubeconfig=/x'], '--kubeconfig reads a cluster, and there are files as well'],
    [['-', '--output=xml'], '--output: "xml" is neither table nor json'],
    [['-', '--http-port=x'], '--http-port: "x" is not valid'],
    [['--kubeconfig=/does/not/exist'], 'kubeconfig /does/not/exist: ENOENT'],
  ])('3: a command line that makes no sense: %j', async (argv, message) => {
    const { code, out, error } = await check(argv);
    expect({ code, out }).toEqual({ code: 3, out: '' });
    expect(error).toContain(`sluice: ${message}`);
  });

  it('3: something cannot be read, and the rest is checked all the same', async () => {
    const broken = file('broken/a.yaml', 'kind: [');
    const good = file('broken/b.yaml', yaml(plain));
    const { code, out } = await check([broken, good, join(folder, 'nowhere')]);
    expect(code).toBe(3);
    expect(out).toContain('NOT READ\n');
    expect(out).toContain(`${broken}:1, document 1: `);
    expect(out).toContain('nowhere: ENOENT');
    expect(out).toContain('1 Ingress: 1 identical');
  });

  it('helps and tells its version', async () => {
    const help = await check(['--help']);
    expect(help.code).toBe(0);
    for (const flag of ['output', 'all', 'class', 'namespace', 'cluster', 'secrets']) expect(help.out).toContain(`--${flag}`);
    expect(Math.max(...help.out.split('\n').map((line) => line.length))).toBeLessThanOrEqual(120);
    expect((await check(['--version'])).out).toMatch(/^\d+\.\d+\.\d+\n$/u);
  });
});

describe('what is read', () => {
  it('files, directories with all below them, and several documents in one file', async () => {
    const path = file('tree/one.yaml', yaml(plain, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'x' } }, noted));
    file('tree/deep/er/two.json', JSON.stringify(ingress('json')));
    file('tree/deep/three.yml', yaml(ingress('yml')));
    file('tree/.hidden/four.yaml', yaml(ingress('hidden')));
    file('tree/notes.txt', 'kind: [');
    expect((await check([join(folder, 'tree')])).out).toContain('4 Ingresses:');
    expect((await check([path])).out).toContain('2 Ingresses:');
  });

  it('Lists of both kinds, whose items may lack their kind', async () => {
    const { apiVersion: _a, kind: _k, ...bare } = plain as { apiVersion: string; kind: string };
    const list = { apiVersion: 'networking.k8s.io/v1', kind: 'IngressList', items: [bare] };
    expect((await check(['-'], { stdin: JSON.stringify(list) })).out).toContain('1 Ingress:');
    expect((await checkObjects([plain, denied])).report.summary.ingresses).toBe(2);
  });

  it('what is no object, or none of ours, is passed over', async () => {
    const other =
      '---\nreplicas: 3\n---\n- 1\n---\nnull\n---\napiVersion: v1\nkind: Pod\nmetadata: {name: p}\n---\nkind: Ingress\n';
    expect(await check(['-'], { stdin: yaml(plain) + other })).toMatchObject({ code: 0 });
  });

  it('versions that Kubernetes removed are named, not guessed at', async () => {
    const old = { ...plain, apiVersion: 'extensions/v1beta1' };
    const { report, code } = await checkObjects([old]);
    expect(code).toBe(1);
    expect(report.summary.ingresses).toBe(0);
    expect(report.others).toMatchObject([
      { code: 'ApiVersionRemoved', object: { kind: 'Ingress', name: 'plain' }, field: 'apiVersion' },
    ]);
  });

  it('what is given twice is checked once, and said', async () => {
    const { report } = await checkObjects([plain, { ...denied, metadata: { name: 'plain' } }]);
    expect(report.ingresses).toHaveLength(1);
    expect(report.ingresses[0]).toMatchObject({ verdict: 'notes', findings: [{ code: 'DuplicateObject' }] });
  });

  it('the namespace of what names none', async () => {
    const { report } = await checkObjects([plain], ['--namespace=shop']);
    expect(report.ingresses).toMatchObject([{ namespace: 'shop', name: 'plain' }]);
  });
});

describe('which Ingresses are checked', () => {
  const classOf = (name: string, controller: string, annotations = {}): object =>
    objects.ingressClass(name, controller, annotations);
  const names = (report: JsonReport): readonly string[] => report.ingresses.map(({ name }) => name).sort();

  it('those of the class nginx, by field and by annotation, and those that name none', async () => {
    const { report } = await checkObjects([
      ingress('field'),
      ingress('annotation', { 'kubernetes.io/ingress.class': 'nginx' }, { className: null }),
      ingress('none', {}, { className: null }),
      ingress('traefik', {}, { className: 'traefik' }),
      ingress('other-annotation', { 'kubernetes.io/ingress.class': 'alb' }, { className: null }),
    ]);
    expect(names(report)).toEqual(['annotation', 'field', 'none']);
    expect(report.remarks).toContain('1 Ingress names no class and was checked as if the class were ours.');
    expect(report.remarks.join()).toContain(
      'Of other classes or namespaces, not checked: 2 Ingresses ("alb" 1, "traefik" 1). --class=NAME adds a class.',
    );
  });

  it('those of any class of the controller of ingress-nginx, and not those of a class that only has its name', async () => {
    const { report } = await checkObjects([
      classOf('internal', 'k8s.io/ingress-nginx'),
      classOf('nginx', 'nginx.org/ingress-controller'),
      ingress('ours', {}, { className: 'internal' }),
      ingress('not-ours'),
    ]);
    expect(names(report)).toEqual(['ours']);
  });

  it('those of further classes', async () => {
    const given = [
      ingress('public', {}, { className: 'nginx-public' }),
      ingress('private', {}, { className: 'nginx-private' }),
    ];
    expect(names((await checkObjects(given)).report)).toEqual([]);
    expect(names((await checkObjects(given, ['--class=nginx-public, x'])).report)).toEqual(['public']);
  });

  it('those that the flags say: class, controller, namespace', async () => {
    const given = [ingress('a', {}, { className: 'edge' }), classOf('edge', 'example.com/edge')];
    expect(names((await checkObjects(given)).report)).toEqual([]);
    expect(names((await checkObjects(given, ['--controller-class=example.com/edge'])).report)).toEqual(['a']);
    expect(names((await checkObjects([plain], ['--watch-namespace=other'])).report)).toEqual([]);
  });

  it('without a class, those of which the default class is ours', async () => {
    const mark = { 'ingressclass.kubernetes.io/is-default-class': 'true' };
    const none = ingress('none', {}, { className: null });
    expect(names((await checkObjects([none, classOf('t', 'traefik.io/ingress-controller', mark)])).report)).toEqual([]);
    expect(names((await checkObjects([none, classOf('n', 'k8s.io/ingress-nginx', mark)])).report)).toEqual(['none']);
  });
});

describe('what was not given', () => {
  it('is said once, and denies nothing', async () => {
    const { report, code } = await checkObjects([
      ingress('tls', { 'auth-tls-secret': 'default/ca', 'default-backend': 'errors' }),
      objects.ingress('plain', 'plain.example Prefix / app\nplain.example Prefix /b b', {
        tls: [{ hosts: ['plain.example'], secretName: 'tls' }],
      }),
    ]);
    expect(code).toBe(0);
    expect(report.summary).toEqual({ ingresses: 2, identical: 2, notes: 0, denied: 0 });
    expect(report.remarks).toEqual([
      expect.stringMatching(/^Secrets were not looked at, or not all: .* \(2\)\.$/u),
      expect.stringMatching(/^No Services were given: .* \(\d\)\.$/u),
    ]);
  });

  it('is a finding where the others of its kind were', async () => {
    const { report } = await checkObjects([
      objects.service('app'),
      ingress('a'),
      ingress('b', {}, { lines: 'b.example Prefix / gone' }),
    ]);
    const [a, b] = report.ingresses;
    expect(a).toMatchObject({ name: 'a', verdict: 'identical' });
    expect(b).toMatchObject({
      name: 'b',
      verdict: 'notes',
      findings: [{ code: 'ServiceNotFound', alike: true, severity: 'error' }],
    });
  });

  it('counts Secrets with stringData', async () => {
    const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'ca' }, stringData: { 'ca.crt': 'nonsense' } };
    const { report } = await checkObjects([secret, ingress('tls', { 'auth-tls-secret': 'default/ca' })]);
    expect(report.ingresses[0]?.findings[0]?.message).toContain('holds no PEM certificate');
  });
});

describe('what is said of an Ingress', () => {
  it('of a canary, only what counts on one: in ingress-nginx the rest has no effect either', async () => {
    const canary = {
      canary: 'true',
      'canary-weight': '10',
      affinity: 'cookie',
      'auth-type': 'basic',
      'rewrite-target': '/',
      'mirror-target': 'http://mirror.example',
    };
    const { report } = await checkObjects([
      ingress('plain'),
      ingress('other', canary, { lines: 'plain.example Prefix / other' }),
    ]);
    const found = report.ingresses.find(({ name }) => name === 'other');
    expect(found?.honoured).toEqual(['affinity', 'canary', 'canary-weight']);
    expect(found?.findings).toEqual([]);
  });

  it('what is honoured, what is not and what to do', async () => {
    const { report } = await checkObjects([
      ingress('web', {
        'force-ssl-redirect': 'true',
        'backend-protocol': 'FCGI',
        'fastcgi-index': 'index.php',
        'proxy-buffer-syze': '8k',
        'ssl-protocols': 'TLSv1.3',
      }),
    ]);
    const [web] = report.ingresses;
    expect(web).toMatchObject({
      namespace: 'default',
      name: 'web',
      class: 'nginx',
      hosts: ['web.example'],
      verdict: 'denied',
      honoured: ['force-ssl-redirect'],
    });
    const [fcgi, unknown, differs] = web?.findings ?? [];
    expect(fcgi).toMatchObject({
      code: 'AnnotationUnsupported',
      severity: 'error',
      alike: false,
      field: `metadata.annotations[${P}/backend-protocol]`,
      served: 'Every path of this Ingress is answered with 503.',
      advice: 'FCGI is refused: put a web server in front of the FastCGI process.',
    });
    expect(unknown).toMatchObject({ code: 'AnnotationUnknown', severity: 'warning', alike: true });
    expect(unknown?.message).toContain('did you mean proxy-buffer-size?');
    expect(differs).toMatchObject({
      code: 'AnnotationDiffers',
      alike: false,
      field: `metadata.annotations[${P}/ssl-protocols]`,
    });
    expect(report.annotations).toContainEqual({
      name: 'force-ssl-redirect',
      ingresses: 1,
      withFindings: 0,
      treatment: 'honoured',
    });
    expect(report.annotations).toContainEqual({
      name: 'proxy-buffer-syze',
      ingresses: 1,
      withFindings: 1,
      treatment: 'unknown',
    });
  });

  it('that another Ingress denies its host', async () => {
    const lines = 'shared.example Prefix';
    const { report } = await checkObjects([
      ingress('denier', { 'ssl-protocols': 'SSLv9' }, { lines: `${lines} /a app` }),
      ingress('victim', {}, { lines: `${lines} /b app` }),
      ingress('bystander'),
    ]);
    const verdicts = report.ingresses.map(({ name, verdict }) => [name, verdict]);
    expect(verdicts).toEqual([
      ['bystander', 'identical'],
      ['denier', 'denied'],
      ['victim', 'denied'],
    ]);
    expect(report.ingresses[2]?.findings).toMatchObject([
      { code: 'HostDenied', message: 'the Ingress default/denier denies the whole host shared.example' },
    ]);
  });

  it('only of what has a default that it is so with ingress-nginx too', async () => {
    const { report } = await checkObjects([
      ingress('denied', { 'backend-protocol': 'GOPHER' }),
      ingress('noted', { 'force-ssl-redirect': 'yes' }),
    ]);
    const found = report.ingresses.flatMap(({ findings }) =>
      findings.map(({ code, severity, alike }) => ({ code, severity, alike })),
    );
    expect(found).toEqual([
      { code: 'AnnotationInvalid', severity: 'error', alike: false },
      { code: 'AnnotationInvalid', severity: 'warning', alike: true },
    ]);
  });

  it('what is malformed', async () => {
    const broken = { ...plain, spec: { ingressClassName: 'nginx', rules: [{ host: 7 }] } };
    const { report } = await checkObjects([broken]);
    expect(report.ingresses[0]?.findings).toMatchObject([{ code: 'ObjectMalformed', field: 'spec.rules[0].host' }]);
  });

  it('under the prefix of the flags', async () => {
    const own = objects.ingress('own', 'own.example Prefix / app', {
      annotations: { 'example.com/backend-protocol': 'GOPHER', [`${P}/backend-protocol`]: 'GOPHER' },
    });
    const { report } = await checkObjects([own], ['--annotations-prefix=example.com']);
    expect(report.ingresses[0]?.findings.map(({ field }) => field)).toEqual([
      'metadata.annotations[example.com/backend-protocol]',
      // Of the other prefix, which has no effect.
      'metadata.annotations[nginx.ingress.kubernetes.io/backend-protocol]',
    ]);
  });
});

describe('the table', () => {
  const stdin = yaml(
    plain,
    noted,
    denied,
    ...Array.from({ length: 20 }, (_, i) => ingress(`many-${i}`, { 'rate-limit': '1' })),
  );

  it('fits 100 columns and names a finding of many Ingresses once', async () => {
    const { out } = await check(['-'], { stdin });
    expect(Math.max(...out.split('\n').map((line) => line.length))).toBeLessThanOrEqual(100);
    expect(out.match(/"rate-limit" is no annotation/gu)).toHaveLength(1);
    expect(out).toContain('Ingress (21): default/many-0');
    expect(out).toContain('and 15 more');
    expect(out).not.toContain('default/plain');
    expect(out.indexOf('denied ')).toBeLessThan(out.indexOf('notes '));
  });

  it('lists every Ingress when asked', async () => {
    const { out } = await check(['-', '--all'], { stdin });
    expect(out).toMatch(/^ {2}identical default\/plain .*\n {12}honoured: force-ssl-redirect$/mu);
    expect(Math.max(...out.split('\n').map((line) => line.length))).toBeLessThanOrEqual(100);
  });

  it('has colours on a terminal only, and none with NO_COLOR', async () => {
    expect((await check(['-'], { stdin })).out).not.toContain('\u001b');
    expect((await check(['-'], { stdin, terminal: true })).out).toContain('\u001b[31mdenied');
    expect((await check(['-'], { stdin, terminal: true, env: { NO_COLOR: '1' } })).out).not.toContain('\u001b');
    expect((await check(['-', '--output=json'], { stdin, terminal: true })).out).not.toContain('\u001b');
  });

  it('passes nothing on to the terminal that a manifest holds', async () => {
    const evil = '\u001b]0;owned\u0007\r\n\u202e';
    const made = [
      objects.ingress(`a${evil}`, 'a.example Prefix / app', {
        annotations: { [`${P}/rate${evil}`]: evil, [`${P}/backend-protocol`]: evil },
      }),
      objects.ingress('b', `b.example Prefix / app`, { className: `c${evil}` }),
    ];
    const { out } = await check(['-', '--all'], {
      stdin: JSON.stringify({ apiVersion: 'v1', kind: 'List', items: made }),
      terminal: true,
    });
    // oxlint-disable-next-line no-control-regex
    expect(out.replaceAll(/\u001b\[(?:3[123]|0)?m/gu, '')).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f\u202e]/u);
    expect(out).toContain('1 Ingress:');
  });
});
