/**
 * Threat: a tenant's text breaks out of its field and becomes configuration: of other hosts, of the proxy, of the log.
 * Source: R2, R3, R6, R9, R10 and A17: CVE-2021-25742, -25745, -25746, -25748, CVE-2022-4886, CVE-2023-5043, -5044,
 * CVE-2024-7646, CVE-2025-24514, -1097, -1098, -24513, -15566, CVE-2026-1580, -24512, -3288, -4342, and Traefik's CVE-2026-54761.
 */
import { describe, expect, it } from 'vitest';
import { Chain, storeUnchecked } from '../../support/chain.ts';
import { eventually } from '../../support/eventually.ts';
import { Load } from '../../support/load.ts';
import { backend, ingress } from '../../support/manifests.ts';
import {
  ANNOTATION_NAMES,
  annotated,
  objectsOf,
  placesIn,
  PREFIX,
  translateBeside,
  valueAt,
  victimsPart,
  withValue,
  type Json,
} from './tenant.ts';

const HUGE = 'x'.repeat(70_000);
const CORPUS: readonly string[] = [
  '\n',
  '\r',
  '\r\n',
  '\0',
  '\t',
  '"',
  "'",
  '`',
  ';',
  '{',
  '}',
  '#',
  '\\',
  '$',
  '%',
  '&',
  '|',
  '<',
  '>',
  '*',
  '..',
  '//',
  '\u2028',
  '\u202e',
  '\ud800',
  '\u00a0',
  'ß',
  '__proto__',
  'constructor',
  '(a+)+$',
  '.*',
  '${env:PATH}',
  '%00',
  '%2e%2e%2f',
  '../../victim/tls',
  'victim/tls',
  'victim/web',
  'victim.test',
  '\nserver { listen 80; }',
  "';}} location / { return 200; }",
  '#\nHost: victim.test',
  '\r\nSet-Cookie: a=b',
  'on;\n}',
  '/* */',
  '["victim","web","80"]',
  '","web","80"]',
  HUGE,
];
/** Enough to be told what is wrong, and too little to fill a disk. */
const MOST_BYTES = 1024;

const TENANT = objectsOf('tenant');
const BASELINE = victimsPart(translateBeside(TENANT));

function check(objects: readonly Json[], what: string): ReturnType<typeof translateBeside> {
  const translation = translateBeside(objects);
  expect([what, victimsPart(translation)]).toEqual([what, BASELINE]);
  for (const { object, field, message, served } of translation.diagnostics) {
    const texts = [object.name, object.namespace, message, served, field];
    const long = [field, message, served].filter((text) => Buffer.byteLength(text) > MOST_BYTES);
    expect([what, long.map((text) => text.slice(0, 80))]).toEqual([what, []]);
    // oxlint-disable-next-line no-control-regex
    const loud = texts.slice(2).filter((text) => /[\u0000-\u001f\u007f\u2028\u202e]/u.test(text));
    expect([what, loud]).toEqual([what, []]);
  }
  return translation;
}

describe('R2+R3+R6: text in every field of every object changes only what is its own', () => {
  const places = TENANT.flatMap((object, index) =>
    placesIn(object)
      .filter((path) => typeof valueAt(object, path) === 'string')
      // Who an object is, the API server decides.
      .filter((path) => !['kind', 'apiVersion'].includes(String(path[0])) && path.join('.') !== 'metadata.namespace')
      .map((path) => ({ name: `${String(object['kind'])} ${path.join('.')}`, index, path })),
  );

  it.each(places)('R3: $name', ({ name, index, path }) => {
    const original = valueAt(TENANT[index], path) as string;
    for (const text of CORPUS) {
      for (const value of text === HUGE ? [text] : [text, original + text]) {
        const changed = TENANT.map((object, at) => (at === index ? withValue(object, path, value) : object));
        const { table } = check(changed, `${name} = ${JSON.stringify(value.slice(0, 60))}`);
        // R10: whatever a tenant names, it is looked for in the tenant's namespace.
        for (const [host, { routes, certificate }] of table.hosts) {
          if (host === 'victim.test') continue;
          const owners = routes.flatMap(({ target }) => (target.kind === 'group' ? [target.group as string] : []));
          if (certificate !== null) owners.push(certificate);
          for (const id of owners) expect([name, (JSON.parse(id) as string[])[0]]).toEqual([name, 'tenant']);
        }
      }
    }
  });

  it('R2: in every annotation, and as the name of one', () => {
    const [its = {}, ...others] = TENANT;
    for (const text of CORPUS) {
      check([annotated(its, { [PREFIX + text]: 'on' }), ...others], `the name ${JSON.stringify(text.slice(0, 60))}`);
      // CVE-2026-4342: comments in several of them that only work together. A canary's others are not read.
      const all = ANNOTATION_NAMES.filter((name) => name !== 'canary').map((name) => [PREFIX + name, text]);
      check([annotated(its, Object.fromEntries(all)), ...others], `all = ${JSON.stringify(text.slice(0, 60))}`);
    }
    for (const name of ANNOTATION_NAMES) {
      for (const text of ['\n', '"', '#', "';}} location / { return 200; }", '../../victim/tls', 'victim.test', '__proto__'])
        check([annotated(its, { [PREFIX + name]: text }), ...others], `${name} = ${JSON.stringify(text)}`);
    }
  });
});

describe('A17: through the whole chain', () => {
  it('A17: every other host is served as before, every report is short, and nothing is matched but the text itself', async () => {
    const chain = await (await Chain.start()).listening();
    let control: Load | undefined;
    try {
      chain.apply(ingress('control', 'control.test Prefix / control'), ...backend('web'));
      await chain.settled();
      const hostOf = async (name: string): Promise<unknown> =>
        ((await chain.configuration())['hosts'] as readonly { host: string }[]).find(({ host }) => host === name);
      const before = await hostOf('control.test');
      control = new Load({ port: chain.httpPort, host: 'control.test', connections: 1, interval: 1 });
      for (const [index, text] of CORPUS.entries()) {
        const host = `tenant-${index}.test`;
        const paths = `${host} ImplementationSpecific /good web`;
        const its = ingress(`tenant-${index}`, paths, { tls: [{ hosts: [host, text], secretName: text }] }) as {
          metadata: Json;
          spec: { rules: { host: string; http: { paths: Json[] } }[] };
        };
        its.metadata['annotations'] = Object.fromEntries(
          ['x-forwarded-prefix', 'default-backend', 'ssl-redirect', 'server-alias', 'app-root'].map((name) => [
            PREFIX + name,
            text,
          ]),
        );
        const [rule] = its.spec.rules;
        const [path = {}] = rule?.http.paths ?? [];
        rule?.http.paths.push(
          { ...path, path: `/${text}` },
          { ...path, backend: { service: { name: text, port: { number: 1 } } } },
        );
        its.spec.rules.push({ host: `${text}.tenant.test`, http: { paths: [path] } });
        storeUnchecked(chain.cluster, its);
      }
      await eventually(async () => (await chain.get(`https://tenant-${CORPUS.length - 1}.test/good`)).echo?.pod === 'web');
      for (const index of CORPUS.keys()) {
        const { status, echo } = await chain.get(`https://tenant-${index}.test/good`);
        expect([CORPUS[index]?.slice(0, 60), status, echo?.pod]).toEqual([CORPUS[index]?.slice(0, 60), 200, 'web']);
      }
      // R9: a path is text. What a pattern would match, it does not.
      for (const index of [CORPUS.indexOf('.*'), CORPUS.indexOf('(a+)+$'), CORPUS.indexOf('*')]) {
        expect((await chain.get(`https://tenant-${index}.test/aaaa`)).status).toBe(404);
      }
      // Events are written one after the other; the last Ingress has its own.
      await eventually(() => chain.events('Ingress', `tenant-${CORPUS.length - 1}`).some(({ type }) => type === 'Warning'));
      const events = chain.cluster.storage.resource('v1', 'events').list();
      expect(events.length).toBeGreaterThan(CORPUS.length);
      for (const { message } of events) expect(Buffer.byteLength(String(message))).toBeLessThanOrEqual(MOST_BYTES);
      expect(await hostOf('control.test')).toEqual(before);
      await control.stop();
      expect(control.failures).toEqual([]);
      expect(chain.alive).toBe(true);
      expect(chain.sluice.log().filter(({ message }) => /bug|worker|pass of/u.test(String(message)))).toEqual([]);
    } finally {
      await control?.stop();
      await chain.close();
    }
  });
});
