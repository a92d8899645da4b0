/** The keys about who the client really is (PROXY protocol, X-Forwarded-For), and about TCP and UDP services. */
import { BOOLEAN, DURATION, integer, isCidr, list, NGINX_TIME, text, atLeast, type ValueType } from '../values/values.ts';
import { key, type ConfigKey } from './key.ts';

const CIDRS = list('CIDRs', 'IP addresses or ranges such as 10.0.0.0/8, separated by commas', isCidr);
/** A name of ours would be dropped or written over before it is looked at. */
const FIELD_NAME: ValueType<string> = {
  ...text('field name', 'the name of a header field, such as X-Forwarded-For or CF-Connecting-IP', (value) =>
    /^[A-Za-z0-9][A-Za-z0-9-]{0,63}$/.test(value),
  ),
};
const STREAM_TIME = atLeast(NGINX_TIME, 1, 'a time from 1ms to 24 days such as 600s or 1h');
const HEADER_TIME = atLeast(DURATION, 1, 'a duration from 1ms to 24 days such as 5s');
const COUNT = integer(0);

/** In the order of the documentation. */
export const STREAM_KEYS: readonly ConfigKey[] = [
  key(
    'enable-real-ip',
    BOOLEAN,
    false,
    "Believe the peer's X-Forwarded-For as to the client's address, and nothing else of it.",
    (enableRealIp) => ({ proxy: { enableRealIp } }),
  ),
  key(
    'forwarded-for-header',
    FIELD_NAME,
    'X-Forwarded-For',
    "The field in which the peer says the client's address.",
    (forwardedForHeader) => ({ proxy: { forwardedForHeader } }),
  ),
  key(
    'proxy-real-ip-cidr',
    CIDRS,
    ['0.0.0.0/0'],
    "The peers that are believed as to the client's address, by X-Forwarded-For or PROXY protocol. The default is every IPv4 address, and no IPv6 address.",
    (trustedProxies) => ({ proxy: { trustedProxies } }),
  ),
  key(
    'use-proxy-protocol',
    BOOLEAN,
    false,
    'Connections for HTTP and HTTPS begin with a PROXY protocol header, version 1 or 2. Those without are closed.',
    (useProxyProtocol) => ({ proxy: { useProxyProtocol } }),
  ),
  key(
    'proxy-protocol-header-timeout',
    HEADER_TIME,
    5000,
    'The time a PROXY protocol header may take.',
    (proxyProtocolHeaderTimeout) => ({ proxy: { proxyProtocolHeaderTimeout } }),
  ),
  key(
    'proxy-stream-timeout',
    STREAM_TIME,
    600_000,
    'How long a TCP connection or UDP session of a service, or a TLS connection passed through, may be silent.',
    (streamTimeout) => ({ proxy: { streamTimeout } }),
  ),
  key(
    'proxy-stream-next-upstream',
    BOOLEAN,
    true,
    'Try the next endpoint of a TCP service when one cannot be reached.',
    (streamNextUpstream) => ({ proxy: { streamNextUpstream } }),
  ),
  key(
    'proxy-stream-next-upstream-timeout',
    NGINX_TIME,
    600_000,
    'The time for all these attempts. 0: no limit.',
    (streamTriesTimeout) => ({ proxy: { streamTriesTimeout } }),
  ),
  key(
    'proxy-stream-next-upstream-tries',
    COUNT,
    3,
    'Attempts for one TCP connection, the first included. 0: no limit.',
    (streamTries) => ({ proxy: { streamTries } }),
  ),
  key(
    'proxy-stream-responses',
    COUNT,
    1,
    'Datagrams that answer one datagram of a UDP client; then its session ends.',
    (streamResponses) => ({ proxy: { streamResponses } }),
  ),
  // Sluice's own.
  key(
    'stream-udp-sessions',
    integer(1, 65_535),
    4096,
    'UDP sessions of one worker; for a further client the oldest that was never answered ends, or its datagrams are dropped.',
    (streamUdpSessions) => ({ proxy: { streamUdpSessions } }),
  ),
  key(
    'ssl-passthrough-proxy-protocol',
    BOOLEAN,
    false,
    'Send a PROXY protocol header (version 1) to the backends of hosts with ssl-passthrough.',
    (passthroughProxyProtocol) => ({ proxy: { passthroughProxyProtocol } }),
  ),
];
