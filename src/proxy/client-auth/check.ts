/**
 * Who gets in at a host that asks for client certificates, and what its upstream is told. nginx's ngx_http_process_request and
 * ngx_http_set_virtual_server, with ingress-nginx's template over them.
 */
import type { ClientAuth } from '../../model/table.ts';
import { page, redirect, type Answer } from '../../policies/answer.ts';
import { compileRegex } from '../../settings/values/regex.ts';
import { ERRORS, type ProxyError } from '../errors.ts';
import type { ClientInfo } from '../http1/forward-request.ts';

/** Why a request is not let in, and what it is answered. */
export interface Refusal {
  readonly error: ProxyError;
  readonly answer: Answer;
}

/** The acting half of `policies/tls/client-certificate.ts`, for one route. */
export interface ClientGate {
  /** Null: the request may go on. */
  readonly refuses: (client: ClientInfo) => Refusal | null;
  /** Header lines for the upstream. */
  readonly fields: (client: ClientInfo) => string;
}

const MISDIRECTED: Refusal = { error: ERRORS.misdirected, answer: page(421) };
const NOT_MATCHED: Refusal = {
  error: ERRORS.certificateForbidden,
  answer: { ...page(403), contentType: 'text/plain', body: 'client certificate unauthorized' },
};

/** nginx's pages for 495 and 496, which it sends with 400. */
function certificatePage(title: string): Answer {
  const head = `<html>\r\n<head><title>400 ${title}</title></head>\r\n<body>\r\n`;
  const body = `${head}<center><h1>400 Bad Request</h1></center>\r\n<center>${title}</center>\r\n</body>\r\n</html>\r\n`;
  return { ...page(400), body };
}

const INVALID = certificatePage('The SSL certificate error');
const MISSING = certificatePage('No required SSL certificate was sent');

/**
 * A connection whose handshake was for another host, of which other certificates were demanded (R13, RFC 9110 §7.4): whatever the
 * client showed there says nothing here, and what it showed there is not for this host.
 */
export function misdirected(auth: ClientAuth | null, { scheme, certificate }: ClientInfo): Refusal | null {
  const demanded = auth === null || auth.verify === 'off' || scheme === 'http' ? null : auth.id;
  return demanded === (certificate?.setting ?? null) ? null : MISDIRECTED;
}

/** `path`: of the route, as its Ingress has it. */
export function clientGate(auth: ClientAuth, path: string): ClientGate {
  const { verify, passCertificate, matchCn, errorPage, plainHttpPaths } = auth;
  const pattern = matchCn === null ? null : compileRegex(matchCn, false);
  // Translation takes none that cannot be compiled; a host that cannot be compiled answers 503.
  if (typeof pattern === 'string') throw new Error(`auth-tls-match-cn: ${pattern}`);
  const refusal = (error: ProxyError, answer: Answer): Refusal => ({
    error,
    answer: errorPage === null ? answer : redirect(302, errorPage),
  });
  const missing = refusal(ERRORS.certificateRequired, MISSING);
  const invalid = refusal(ERRORS.certificateInvalid, INVALID);
  // ingress-nginx lets plain HTTP in, which would be a way around the certificate wherever it is not redirected.
  const openToHttp =
    (verify !== 'on' && matchCn === null) || plainHttpPaths.some((prefix) => prefix !== '' && path.startsWith(prefix));
  return {
    refuses: ({ scheme, certificate }) => {
      if (scheme === 'http') return openToHttp ? null : missing;
      if (certificate !== null && !certificate.accepted) return certificate.result === 'NONE' ? missing : invalid;
      return pattern === null || pattern.test(certificate?.subject ?? '') ? null : NOT_MATCHED;
    },
    fields: ({ scheme, certificate }) => {
      if (scheme === 'http') return '';
      if (certificate === null || certificate.result === 'NONE') return 'ssl-client-verify: NONE\r\n';
      const { result, subject, issuer, escaped } = certificate;
      const whole = passCertificate ? `ssl-client-cert: ${escaped}\r\n` : '';
      return `${whole}ssl-client-verify: ${result}\r\nssl-client-subject-dn: ${subject}\r\nssl-client-issuer-dn: ${issuer}\r\n`;
    },
  };
}
