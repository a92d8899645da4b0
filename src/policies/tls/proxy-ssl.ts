/**
 * `proxy-ssl-*`: TLS to the backends of an Ingress, where `backend-protocol` or `appProtocol` asks for TLS. As in ingress-nginx all of it
 * hangs on `proxy-ssl-secret`; unlike there, it is about the Ingress that carries it, not about its whole host (docs/decisions/upstream-tls.md).
 */
import { isIP } from 'node:net';
import type { UpstreamTls } from '../../model/policies.ts';
import { CIPHERS } from '../../settings/values/tls-values.ts';
import type { AnnotationSource, PolicyReader } from '../policy.ts';
import { parseInteger } from '../values.ts';

/** What the annotations of one Ingress ask for. */
export interface ProxySslWish {
  /** A Secret, as the annotation names it. */
  readonly secret: { readonly namespace: string; readonly name: string } | null;
  readonly tls: Omit<UpstreamTls, 'secret'>;
  /** The Secret must hold a CA. */
  readonly needsCa: boolean;
}

/** Whom ingress-nginx takes the certificate to be for when nobody says: nginx's `$proxy_host`. */
const NGINX_NAME = 'upstream_balancer';
const DEFAULTS: ProxySslWish['tls'] = {
  verify: false,
  verifyDepth: 1,
  name: NGINX_NAME,
  sendsName: false,
  ciphers: 'DEFAULT',
  minVersion: 'TLSv1.2',
  maxVersion: 'TLSv1.2',
};
const NOTHING: ProxySslWish = { secret: null, tls: DEFAULTS, needsCa: false };

/** ingress-nginx, internal/ingress/annotations/proxyssl. A bad value of what protects denies, where ingress-nginx falls back to less. */
export const proxySsl: PolicyReader<ProxySslWish> = {
  annotations: [
    'proxy-ssl-secret',
    'proxy-ssl-verify',
    'proxy-ssl-verify-depth',
    'proxy-ssl-name',
    'proxy-ssl-server-name',
    'proxy-ssl-ciphers',
    'proxy-ssl-protocols',
  ],
  read: readWish,
};

function readWish(source: AnnotationSource): ProxySslWish {
  const secret = readSecret(source);
  const verify = source.text('proxy-ssl-verify');
  if (secret === undefined) {
    if (verify === undefined || verify === 'off') return NOTHING;
    const message =
      'proxy-ssl-verify asks for a check of certificates, and without proxy-ssl-secret there is nothing to check them by';
    source.report(
      'AnnotationInvalid',
      'error',
      'proxy-ssl-verify',
      message,
      'Requests to a backend that speaks TLS are answered with 502.',
    );
    return { ...NOTHING, tls: { ...DEFAULTS, verify: true } };
  }
  const { deny } = source;
  if (verify !== undefined && verify !== 'on' && verify !== 'off') deny('proxy-ssl-verify', '"on" or "off"');
  const depthText = source.text('proxy-ssl-verify-depth');
  const depth = depthText === undefined ? 0 : parseInteger(depthText);
  if (depth === undefined || depth < 0) deny('proxy-ssl-verify-depth', 'a number');
  const name = source.text('proxy-ssl-name');
  if (name !== undefined && !isServerName(name)) deny('proxy-ssl-name', 'a host name');
  const sends = source.text('proxy-ssl-server-name');
  if (sends !== undefined && sends !== 'on' && sends !== 'off')
    source.invalid('proxy-ssl-server-name', '"on" or "off"', 'The default, "off", is used.');
  const ciphers = source.text('proxy-ssl-ciphers');
  if (ciphers !== undefined && (!/^[A-Za-z0-9+:_\-!]*$/.test(ciphers) || CIPHERS.parse(ciphers) === undefined))
    deny('proxy-ssl-ciphers', 'an OpenSSL cipher list');
  const protocols =
    source
      .text('proxy-ssl-protocols')
      ?.split(/ +/)
      .filter((word) => word !== '') ?? [];
  if (!protocols.every((word) => word === 'TLSv1.2' || word === 'TLSv1.3'))
    deny('proxy-ssl-protocols', '"TLSv1.2", "TLSv1.3" or both; older versions are not offered (RFC 8996)');
  const verifies = verify === 'on';
  if (verifies && name === undefined) {
    const message = `proxy-ssl-verify without proxy-ssl-name: the certificate must be for the name "${NGINX_NAME}", as in ingress-nginx`;
    const served = 'Backends whose certificate is for another name are not used: their requests are answered with 502.';
    source.report('AnnotationInvalid', 'warning', 'proxy-ssl-verify', message, served);
  }
  return {
    secret: secret ?? null,
    tls: {
      verify: verifies,
      // ingress-nginx takes 0 for absent.
      verifyDepth: depth === undefined || depth <= 0 ? DEFAULTS.verifyDepth : depth,
      name: name ?? NGINX_NAME,
      // Without a name of its own ingress-nginx does not write the directive.
      sendsName: sends === 'on' && name !== undefined && isIP(name) === 0,
      ciphers: ciphers ?? DEFAULTS.ciphers,
      minVersion: protocols.length > 0 && !protocols.includes('TLSv1.2') ? 'TLSv1.3' : 'TLSv1.2',
      maxVersion: protocols.includes('TLSv1.3') ? 'TLSv1.3' : 'TLSv1.2',
    },
    needsCa: verifies,
  };
}

/** The Secret; undefined: the annotation is absent; null: it names none. */
function readSecret(source: AnnotationSource): ProxySslWish['secret'] | undefined {
  const text = source.text('proxy-ssl-secret');
  const value = source.value('proxy-ssl-secret');
  if (text === undefined) return value === undefined || value === null || typeof value === 'string' ? undefined : null;
  const match = /^([^/\s]+)\/([^/\s]+)$/.exec(text);
  if (match !== null) return { namespace: match[1]!, name: match[2]! };
  source.deny('proxy-ssl-secret', '"namespace/name" of a Secret');
  return null;
}

/** ingress-nginx's ValidateServerName, without its variables of nginx: what a certificate can be for. */
function isServerName(text: string): boolean {
  return (
    text.length <= 253 &&
    (/^[A-Za-z0-9_]([\w-]*[A-Za-z0-9_])?(\.[A-Za-z0-9_]([\w-]*[A-Za-z0-9_])?)*$/.test(text) || isIP(text) !== 0)
  );
}
