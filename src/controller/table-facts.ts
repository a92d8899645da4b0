/** What the metrics say of a routing table: certificates and backends that are missing. */
import { X509Certificate } from 'node:crypto';
import type { Certificate, Route, RoutingTable } from '../model/table.ts';

/** A host and its certificate. */
interface HostCertificate {
  readonly labels: { readonly host: string; readonly secret_name: string };
  readonly certificate: Certificate;
}

/** The hosts that have a certificate of their own. */
export function* hostCertificates(table: RoutingTable | null): Generator<HostCertificate> {
  if (table === null) return;
  for (const { host, certificate: id } of table.hosts.values()) {
    const certificate = id === null ? undefined : table.certificates.get(id);
    if (certificate === undefined) continue;
    yield { labels: { host, secret_name: secretName(certificate) }, certificate };
  }
}

/** ingress-nginx's label is the name alone; the id is JSON of namespace and name. */
function secretName(certificate: Certificate): string {
  const parts = JSON.parse(certificate.id) as readonly [string, string];
  return parts[1];
}

type CertificateInfo = Readonly<
  Record<'identifier' | 'issuer_organization' | 'issuer_common_name' | 'serial_number' | 'public_key_algorithm', string>
>;

const infos = new WeakMap<Certificate, CertificateInfo>();

/** The labels of `ssl_certificate_info` that come from the certificate itself. */
export function certificateInfo(certificate: Certificate): CertificateInfo {
  let info = infos.get(certificate);
  if (info === undefined) {
    const leaf = new X509Certificate(certificate.chain);
    const serial = leaf.serialNumber;
    info = {
      identifier: `${secretName(certificate)}-${serial}`,
      issuer_organization: attribute(leaf.issuer, 'O'),
      issuer_common_name: attribute(leaf.issuer, 'CN'),
      serial_number: serial,
      public_key_algorithm: leaf.publicKey.asymmetricKeyType ?? '',
    };
    infos.set(certificate, info);
  }
  return info;
}

/** One attribute of a name as `X509Certificate` prints it: `key=value` lines. */
function attribute(name: string | undefined, key: string): string {
  const line = (name ?? '').split('\n').find((each) => each.startsWith(`${key}=`));
  return line?.slice(key.length + 1) ?? '';
}

/** An Ingress with a backend that has no Service (`no-service`) or no endpoint (`no-endpoint`). */
interface Orphan {
  readonly namespace: string;
  readonly ingress: string;
  readonly type: string;
}

/** The Ingresses with a backend that cannot be reached, each once per reason. */
export function orphans(table: RoutingTable | null): Orphan[] {
  const found = new Map<string, Orphan>();
  for (const { routes } of table?.hosts.values() ?? []) {
    for (const route of routes) {
      const type = table === null ? null : orphanType(table, route);
      if (type === null || route.ingress === null) continue;
      const orphan = { namespace: route.ingress.namespace, ingress: route.ingress.name, type };
      found.set(JSON.stringify(orphan), orphan);
    }
  }
  return [...found.values()];
}

function orphanType(table: RoutingTable, { target, service }: Route): string | null {
  if (service === null) return null;
  if (target.kind === 'answer') return 'no-service';
  return (table.groups.get(target.group)?.endpoints.length ?? 0) === 0 ? 'no-endpoint' : null;
}
