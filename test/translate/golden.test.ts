/**
 * Golden pairs: `golden/NAME.in.yaml` are objects, `golden/NAME.out.yaml` what they are translated to. `UPDATE_GOLDEN=1` writes
 * the latter anew, to be read in review. The first document of an input has no kind and is the header:
 *
 * - `settings`: differences from ingress-nginx's defaults; with `conformance: both` the output has a result for each.
 * - `services`: `namespace/name` of Services with port 80 ("http", target port 8080) and one ready endpoint, 10.0.0.1.
 * - `certificates`: Secrets with a certificate for `names`, valid from 2025 to 2027 unless `notBefore` or `notAfter` say otherwise.
 *   With `keyType: rsa` the key is no EC key.
 * - `authorities`: Secrets with a `ca.crt`; with `crl: true` a `ca.crl` too.
 *
 * The IngressClass `nginx` exists. Null members are left out of the output. It is 2026-01-01.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';

import { describe, expect, it } from 'vitest';
import { parseAllDocuments, stringify } from 'yaml';

import type { EndpointSlice, KubeObject, Secret, Service } from '../../src/model/objects.ts';
import type { TranslateSettings } from '../../src/settings/translate-settings.ts';
import { CONFORMANCE_DIFFERENCES } from '../../src/translate/conformance.ts';
import { translateTable } from '../../src/translate/translate.ts';
import { FALLBACK_CERTIFICATE, ObjectStore, TRANSLATE_DEFAULTS } from '../support/cluster-view.ts';
import { makeCa, makeCertificate, type KeyType } from '../support/pki.ts';
import { makeCrl } from '../support/revocation.ts';
import { tableData } from '../support/table-text.ts';

interface Header {
  readonly settings?: Partial<Omit<TranslateSettings, 'conformance'>> & { readonly conformance?: 'kubernetes' | 'both' };
  readonly services?: readonly string[];
  readonly certificates?: readonly {
    readonly secret: string;
    readonly names: readonly string[];
    readonly notBefore?: string;
    readonly notAfter?: string;
    readonly keyType?: KeyType;
  }[];
  readonly authorities?: readonly { readonly secret: string; readonly crl?: boolean }[];
}

const NOW = Date.parse('2026-01-01T00:00:00Z');
const folder = new URL('golden/', import.meta.url);
const names = readdirSync(folder)
  .filter((file) => file.endsWith('.in.yaml'))
  .map((file) => file.slice(0, -'.in.yaml'.length));

function split(text: string): { namespace: string; name: string } {
  const [namespace = '', name = ''] = text.split('/');
  return { namespace, name };
}

function implied(header: Header): KubeObject[] {
  const services = (header.services ?? []).flatMap((text): KubeObject[] => {
    const { namespace, name } = split(text);
    const spec = { clusterIP: '10.96.0.1', ports: [{ name: 'http', port: 80, targetPort: 8080 }] };
    const service: Service = { kind: 'Service', metadata: { namespace, name }, spec };
    const slice: EndpointSlice = {
      kind: 'EndpointSlice',
      metadata: { namespace, name: `${name}-1`, labels: { 'kubernetes.io/service-name': name } },
      ports: [{ name: 'http', port: 8080 }],
      endpoints: [{ addresses: ['10.0.0.1'] }],
    };
    return [service, slice];
  });
  const secrets = (header.certificates ?? []).map((certificate): KubeObject => {
    const notBefore = new Date(certificate.notBefore ?? '2025-01-01T00:00:00Z');
    const notAfter = new Date(certificate.notAfter ?? '2027-01-01T00:00:00Z');
    const { keyType = 'ec', names: covered } = certificate;
    const { chain, key } = makeCertificate({ names: covered, notBefore, notAfter, keyType });
    const data = { 'tls.crt': Buffer.from(chain).toString('base64'), 'tls.key': Buffer.from(key).toString('base64') };
    const secret: Secret = { kind: 'Secret', metadata: split(certificate.secret), data };
    return secret;
  });
  const authorities = (header.authorities ?? []).map(({ secret, crl = false }): KubeObject => {
    const ca = makeCa({ name: secret });
    const lists = crl ? { 'ca.crl': Buffer.from(makeCrl(ca, [])).toString('base64') } : {};
    const one: Secret = {
      kind: 'Secret',
      metadata: split(secret),
      data: { 'ca.crt': Buffer.from(ca.cert).toString('base64'), ...lists },
    };
    return one;
  });
  return [...services, ...secrets, ...authorities];
}

/** Without the members that are null or have nothing in them. */
function compact(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(compact);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(([, member]) => member !== null);
  return Object.fromEntries(
    entries
      .map(([key, member]) => [key, compact(member)] as const)
      .filter(
        ([, member]) =>
          typeof member !== 'object' || member === null || Object.keys(member).length > 0 || Array.isArray(member),
      ),
  );
}

function translate(name: string): unknown {
  const documents = parseAllDocuments(readFileSync(new URL(`${name}.in.yaml`, folder), 'utf8'));
  const [header, ...objects] = documents.map((document) => document.toJS() as unknown) as [Header, ...KubeObject[]];
  const ingressClass = { kind: 'IngressClass', metadata: { name: 'nginx' }, spec: { controller: 'k8s.io/ingress-nginx' } };
  const view = new ObjectStore([ingressClass, ...implied(header), ...objects]).view();
  const run = (conformance: TranslateSettings['conformance']): unknown => {
    const settings = { ...TRANSLATE_DEFAULTS, ...header.settings, conformance };
    const { table, diagnostics } = translateTable(view, settings, FALLBACK_CERTIFICATE, NOW);
    return compact({ ...tableData(table), diagnostics });
  };
  const conformance = header.settings?.conformance ?? 'nginx';
  return conformance === 'both' ? { nginx: run('nginx'), kubernetes: run('kubernetes') } : run(conformance);
}

describe('golden pairs', () => {
  it.each(names)('%s', (name) => {
    const result = translate(name);
    const file = new URL(`${name}.out.yaml`, folder);
    if (process.env['UPDATE_GOLDEN'] === '1') {
      writeFileSync(file, stringify(result, { lineWidth: 0, aliasDuplicateObjects: false }));
    }
    const text = readFileSync(file, 'utf8');
    expect(text).not.toContain('PRIVATE KEY');
    expect(stringify(result, { lineWidth: 0, aliasDuplicateObjects: false })).toBe(text);
  });

  it.each(CONFORMANCE_DIFFERENCES.map(({ name }) => name))('shows the conformance difference %s', (name) => {
    expect(existsSync(new URL(`conformance-${name}.out.yaml`, folder))).toBe(true);
    const { nginx, kubernetes } = translate(`conformance-${name}`) as { nginx: object; kubernetes: object };
    expect(nginx).not.toEqual(kubernetes);
  });
});
