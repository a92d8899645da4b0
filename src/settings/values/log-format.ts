/**
 * The formats of access logs: nginx's `log_format`, as the ConfigMap has it (`log-format-upstream`, `log-format-stream`). Here a format
 * becomes plain data; `proxy/record` makes functions of it.
 */

/** How the values of variables are written: `log-format-escape-json`, `log-format-escape-none`. */
export type LogEscape = 'default' | 'json' | 'none';

/** Literal text, or a variable by its name. */
export type LogPart = string | { readonly variable: string };

/** ingress-nginx's `log-format-upstream` (internal/ingress/controller/config/config.go). */
export const DEFAULT_LOG_FORMAT =
  '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent" ' +
  '$request_length $request_time [$proxy_upstream_name] [$proxy_alternative_upstream_name] $upstream_addr ' +
  '$upstream_response_length $upstream_response_time $upstream_status $req_id';

/** ingress-nginx's `log-format-stream`. */
export const DEFAULT_STREAM_FORMAT = '[$remote_addr] [$time_local] $protocol $status $bytes_sent $bytes_received $session_time';

/** The variables of requests that a format may name. */
const HTTP_VARIABLES = new Set(
  `args bytes_sent body_bytes_sent best_http_host content_length content_type document_uri
  escaped_request_uri full_x_forwarded_for host hostname http2 https ingress_name is_args location_path msec namespace
  opentelemetry_context_traceparent opentelemetry_span_id opentelemetry_trace_id otel_parent_id otel_span_id otel_trace_id
  pass_access_scheme pass_port pass_server_port pid pipe proxy_add_x_forwarded_for proxy_alternative_upstream_name proxy_host
  proxy_port proxy_protocol_addr proxy_upstream_name query_string realip_remote_addr remote_addr remote_user req_id request
  request_completion request_id request_length request_method request_time request_uri scheme server_name server_port
  server_protocol service_name service_port ssl_cipher ssl_client_i_dn ssl_client_s_dn ssl_client_verify ssl_protocol
  ssl_server_name ssl_session_reused status the_real_ip time_iso8601 time_local upstream_addr upstream_bytes_received
  upstream_connect_time upstream_header_time upstream_response_length upstream_response_time upstream_status uri`.split(/\s+/),
);

/**
 * Those that nginx or its modules have and nobody here knows the value of: a format with them is used, and they are written as
 * nginx writes what is not there.
 */
const HTTP_EMPTY = new Set(
  `ancient_browser balancer_ewma_score binary_remote_addr connection connection_requests connection_time connections_active connections_reading
  connections_waiting connections_writing document_root global_rate_limit_exceeding global_rate_limit_key
  gzip_ratio limit_conn_status limit_rate limit_req_status modern_browser msie nginx_version proxy_protocol_port
  proxy_protocol_server_addr proxy_protocol_server_port realip_remote_port realpath_root remote_port request_body
  request_body_file request_filename server_addr ssl_alpn_protocol ssl_ciphers ssl_client_cert ssl_client_escaped_cert
  ssl_client_fingerprint ssl_client_i_dn_legacy ssl_client_raw_cert ssl_client_s_dn_legacy ssl_client_serial
  ssl_client_v_end ssl_client_v_remain ssl_client_v_start ssl_curve ssl_curves ssl_early_data ssl_session_id
  tcpinfo_rcv_space tcpinfo_rtt tcpinfo_rttvar tcpinfo_snd_cwnd uid_got uid_reset uid_set upstream_bytes_sent
  upstream_cache_status upstream_queue_time opentelemetry_context_b3 opentelemetry_sampled otel_parent_sampled
  opentracing_context_uber_trace_id modsecurity_status`.split(/\s+/),
);

/** A variable whose name says what of a list it is, such as `$http_referer`. */
const HTTP_FAMILIES = /^(?:http|arg|cookie|sent_http|upstream_http)_[a-z0-9_]+$/i;
const EMPTY_FAMILIES = /^(?:geoip2?|upstream_cookie|upstream_trailer|sent_trailer|date|jwt_claim|modsecurity)_[a-z0-9_]+$/i;

const STREAM_VARIABLES = new Set(
  `bytes_received bytes_sent hostname msec pid protocol proxy_protocol_addr remote_addr session_time status time_iso8601
  time_local`.split(/\s+/),
);
const STREAM_EMPTY = new Set(
  `binary_remote_addr connection nginx_version proxy_protocol_port proxy_protocol_server_addr proxy_protocol_server_port
  proxy_upstream_name remote_port server_addr server_port ssl_preread_alpn_protocols ssl_preread_protocol
  ssl_preread_server_name upstream_addr upstream_bytes_received upstream_bytes_sent upstream_connect_time
  upstream_first_byte_time upstream_session_time`.split(/\s+/),
);

/** A format that was read. */
export interface LogFormat {
  readonly parts: readonly LogPart[];
  /** Variables whose value is not known here. */
  readonly empty: readonly string[];
}

/** More variables or text than anybody needs: one line would be too long to be written at once. */
const MAX_LENGTH = 16_384;

/**
 * Reads a format: its parts, or why it cannot be used, in a sentence. What a backslash does is nginx's (ngx_conf_read_token), and
 * `$` begins a variable (ngx_http_log_compile_format).
 */
export function readLogFormat(text: string, kind: 'http' | 'stream'): LogFormat | string {
  if (text.length > MAX_LENGTH) return `it is longer than ${MAX_LENGTH} characters`;
  const known = kind === 'http' ? HTTP_VARIABLES : STREAM_VARIABLES;
  const unknown = kind === 'http' ? HTTP_EMPTY : STREAM_EMPTY;
  const parts: LogPart[] = [];
  const empty = new Set<string>();
  let literal = '';
  for (const [token] of text.matchAll(/\\["'\\trn]|\$\{[^}]*\}?|\$\w*|[^\\$]+|\\/gs)) {
    if (token.startsWith('$')) {
      const name = /^\$(?:\{(\w+)\}|(\w+))$/.exec(token);
      if (name === null) return `"${token.slice(0, 40)}" is no variable`;
      const variable = name[1] ?? name[2] ?? '';
      const isEmpty = unknown.has(variable) || (kind === 'http' && EMPTY_FAMILIES.test(variable));
      if (!isEmpty && !known.has(variable) && !(kind === 'http' && HTTP_FAMILIES.test(variable)))
        return `$${variable.slice(0, 60)} is not a variable`;
      if (isEmpty) empty.add(variable);
      if (literal !== '') parts.push(literal);
      literal = '';
      parts.push({ variable });
    } else literal += unescaped(token);
  }
  if (literal !== '') parts.push(literal);
  return { parts, empty: [...empty] };
}

function unescaped(token: string): string {
  switch (token) {
    case String.raw`\t`:
      return '\t';
    case String.raw`\r`:
      return '\r';
    case String.raw`\n`:
      return '\n';
    default:
      return /^\\["'\\]$/.test(token) ? token.slice(1) : token;
  }
}

const standard = readLogFormat(DEFAULT_LOG_FORMAT, 'http');

/** ingress-nginx's own format in its parts. */
export const DEFAULT_LOG_PARTS: readonly LogPart[] = typeof standard === 'string' ? [] : standard.parts;
