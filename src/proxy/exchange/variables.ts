/** The variables of nginx, and those that ingress-nginx's template sets, as annotations interpolate them (reference §1). */
import { hostname } from 'node:os';
import { basicCredentials } from '../../policies/access/authorization.ts';
import { bytesOf } from '../../policies/changes.ts';
import { setCookieOf } from '../../policies/snippets/running/values.ts';
import { hostName } from '../routing/host.ts';
import type { Passage } from './passage.ts';

const HOSTNAME = hostname();

/** What the values come from: a passage, or a request without one. */
export interface VariableSource extends Pick<
  Passage,
  | 'request'
  | 'field'
  | 'route'
  | 'client'
  | 'settings'
  | 'serverName'
  | 'path'
  | 'query'
  | 'requestId'
  | 'upstream'
  | 'answered'
> {
  readonly owner: Pick<Passage['owner'], 'downstream'>;
}

/** The value of a variable that `policies/variables/template.ts` knows; empty if it has none now. */
export function variableOf(name: string, passage: VariableSource): string {
  const { request, route, client } = passage;
  switch (name) {
    case 'scheme':
      return passage.owner.downstream.client.scheme;
    case 'pass_access_scheme':
      return client.scheme;
    case 'host':
      return hostName(request.host);
    case 'http_host':
      return request.host;
    case 'best_http_host':
      return client.host;
    case 'hostname':
      return HOSTNAME;
    case 'server_name':
      return passage.serverName;
    case 'server_port':
    case 'pass_server_port':
      return serverPort(passage);
    case 'remote_addr':
    case 'the_real_ip':
      return client.address;
    case 'request_uri':
      return request.target;
    case 'escaped_request_uri':
      return escaped(request.target);
    case 'uri':
    case 'document_uri':
      return passage.path;
    case 'request_method':
      return passage.upstream.method ?? request.method;
    case 'request':
      return `${request.method} ${request.target} ${passage.owner.downstream.http2 ? 'HTTP/2.0' : `HTTP/1.${request.minor}`}`;
    case 'server_protocol':
      return passage.owner.downstream.http2 ? 'HTTP/2.0' : `HTTP/1.${request.minor}`;
    case 'args':
    case 'query_string':
      return passage.query;
    case 'is_args':
      return passage.query === '' ? '' : '?';
    case 'literal_dollar':
      return '$';
    case 'connection_upgrade':
      return request.field('upgrade') === '' ? '' : 'upgrade';
    case 'time_iso8601':
      return new Date().toISOString().replace(/\.\d+Z$/, '+00:00');
    case 'msec':
      return (Date.now() / 1000).toFixed(3);
    case 'content_type':
      return passage.field('content-type');
    case 'content_length':
      return request.contentLength < 0 ? '' : String(request.contentLength);
    case 'remote_user':
      return basicCredentials(passage.field('authorization'))?.user ?? '';
    case 'request_id':
    case 'req_id':
      return passage.requestId;
    case 'proxy_add_x_forwarded_for': {
      const said = request.field('x-forwarded-for');
      return said === '' ? client.address : `${said}, ${client.address}`;
    }
    case 'https':
      return passage.owner.downstream.client.scheme === 'https' ? 'on' : '';
    case 'namespace':
      return route.ingress?.namespace ?? '';
    case 'ingress_name':
      return route.ingress?.name ?? '';
    case 'service_name':
      return route.service?.name ?? '';
    case 'service_port':
      return route.service?.port ?? '';
    case 'location_path':
      // As the bytes it has in nginx: what is not of one byte would end up as another character, such as the end of a line.
      return bytesOf(route.path);
    case 'proxy_upstream_name':
      return route.ingress === null || route.service === null
        ? ''
        : `${route.ingress.namespace}-${route.service.name}-${route.service.port}`;
    default:
      return byPrefix(name, passage);
  }
}

/** Families of variables: fields, cookies, arguments of the query, and what a client's certificate says. */
function byPrefix(name: string, passage: VariableSource): string {
  const { owner } = passage;
  if (name.startsWith('http_')) return passage.field(name.slice(5).replaceAll('_', '-'));
  if (name.startsWith('cookie_')) return cookieOf(passage.field('cookie'), name.slice(7));
  if (name.startsWith('arg_')) return argumentOf(passage.query, name.slice(4));
  if (name.startsWith('upstream_http_')) return passage.answered(name.slice(14).replaceAll('_', '-'));
  if (name.startsWith('sent_http_')) return passage.answered(name.slice(10).replaceAll('_', '-'));
  if (name.startsWith('upstream_cookie_')) return setCookieOf(passage.answered('set-cookie'), name.slice(16));
  if (!name.startsWith('ssl_client_')) return '';
  const { certificate } = owner.downstream.client;
  switch (name) {
    case 'ssl_client_verify':
      return certificate?.result ?? 'NONE';
    case 'ssl_client_s_dn':
      return certificate?.subject ?? '';
    case 'ssl_client_i_dn':
      return certificate?.issuer ?? '';
    case 'ssl_client_escaped_cert':
      return certificate?.escaped ?? '';
    default:
      return '';
  }
}

function serverPort({ settings, client }: VariableSource): string {
  const [published, bound] =
    client.scheme === 'https' ? [settings.publicHttpsPort, settings.httpsPort] : [settings.publicHttpPort, settings.httpPort];
  return String(published === 0 ? bound : published);
}

/** As a part of a URI: ngx_escape_uri with NGX_ESCAPE_URI_COMPONENT, which leaves less as it is than JavaScript. */
function escaped(text: string): string {
  return text.replaceAll(
    /[^A-Za-z0-9\-._~]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`,
  );
}

/** What follows "?" in a request target. */
export function queryOf(target: string): string {
  const mark = target.indexOf('?');
  return mark < 0 ? '' : target.slice(mark + 1);
}

/** The value of a cookie, by its name as nginx compares it: without regard to case. Empty: there is none. */
export function cookieOf(cookies: string, name: string): string {
  const wanted = name.toLowerCase();
  for (const pair of cookies.split(/[;,]/)) {
    const equals = pair.indexOf('=');
    if (equals >= 0 && pair.slice(0, equals).trim().toLowerCase() === wanted) return pair.slice(equals + 1).trim();
  }
  return '';
}

function argumentOf(query: string, name: string): string {
  const wanted = name.toLowerCase();
  for (const pair of query.split('&')) {
    const equals = pair.indexOf('=');
    if (equals >= 0 && pair.slice(0, equals).toLowerCase() === wanted) return pair.slice(equals + 1);
  }
  return '';
}
