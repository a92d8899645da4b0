/** The keys of the access log. */
import { isMapItem } from '../values/nginx-map.ts';
import { DEFAULT_LOG_FORMAT, DEFAULT_STREAM_FORMAT, readLogFormat, type LogPart } from '../values/log-format.ts';
import { BOOLEAN, list, text, type ValueType } from '../values/values.ts';
import { key, type ConfigKey } from './key.ts';

/** A format as text, and what it becomes: null for ingress-nginx's own, which is written by code of its own. */
interface Format {
  readonly text: string;
  readonly parts: readonly LogPart[] | null;
}

function format(kind: 'http' | 'stream', standard: string): ValueType<Format> {
  return {
    word: 'log format',
    expected: 'text with variables of nginx',
    parse: (value) => {
      if (value === '' || value === standard) return { text: standard, parts: null };
      const read = readLogFormat(value, kind);
      return typeof read === 'string' ? undefined : { text: value, parts: read.parts };
    },
    format: (value) => value.text,
  };
}

/** What is wrong with a format, or which of its variables stay empty. */
function remark(kind: 'http' | 'stream'): (value: string) => string | null {
  return (value) => {
    const read = readLogFormat(value.trim(), kind);
    if (typeof read === 'string') return read;
    if (read.empty.length === 0) return null;
    const names = read.empty.map((name) => `$${name}`).join(', ');
    return `not known here, and always written as nginx writes what is missing: ${names.slice(0, 500)}`;
  };
}

/** Where nginx's image links standard output to. */
const STDOUT = '/var/log/nginx/access.log';
const LOG_PATH = text(
  'file',
  'a path that begins with "/", such as /dev/stdout',
  (value) => value === '' || (/^\/\P{Cc}*[^/]$/u.test(value) && !/\p{Cc}/u.test(value) && value.length < 4096),
);
const TARGETS = list(
  'URIs',
  'request targets that begin with "/", or regular expressions behind "~" ("~*": in any case), separated by commas',
  (item) => item.startsWith('/') || (item.startsWith('~') && isMapItem(item)),
);

/** In the order of the documentation. */
export const LOG_KEYS: readonly ConfigKey[] = [
  {
    ...key(
      'log-format-upstream',
      format('http', DEFAULT_LOG_FORMAT),
      { text: DEFAULT_LOG_FORMAT, parts: null },
      'The format of the access log, in variables of nginx. docs/access-log.md lists them.',
      ({ parts }) => ({ proxy: { logFormat: parts } }),
    ),
    remark: remark('http'),
  },
  {
    ...key(
      'log-format-stream',
      format('stream', DEFAULT_STREAM_FORMAT),
      { text: DEFAULT_STREAM_FORMAT, parts: null },
      'The format of the access log of TCP and UDP services.',
      ({ parts }) => ({ proxy: { streamLogFormat: parts } }),
    ),
    remark: remark('stream'),
  },
  key('log-format-escape-json', BOOLEAN, false, 'Write the values of variables as in strings of JSON.', (logEscapeJson) => ({
    proxy: { logEscapeJson },
  })),
  key(
    'log-format-escape-none',
    BOOLEAN,
    false,
    'Write them as they are, but for line breaks; wins over log-format-escape-json.',
    (logEscapeNone) => ({ proxy: { logEscapeNone } }),
  ),
  key(
    'access-log-path',
    LOG_PATH,
    STDOUT,
    `Where access logs are written: /dev/stdout (also as ${STDOUT}), /dev/stderr or a file, which is appended to and opened again when it was moved.`,
    (accessLogPath) => ({ proxy: { accessLogPath } }),
  ),
  key('http-access-log-path', LOG_PATH, '', 'The same for requests only. Empty: access-log-path.', (httpAccessLogPath) => ({
    proxy: { httpAccessLogPath },
  })),
  key(
    'stream-access-log-path',
    LOG_PATH,
    '',
    'The same for TCP and UDP services only. Empty: access-log-path.',
    (streamAccessLogPath) => ({ proxy: { streamAccessLogPath } }),
  ),
  key(
    'enable-access-log-for-default-backend',
    BOOLEAN,
    false,
    'Log requests for hosts that no Ingress names.',
    (defaultBackendAccessLog) => ({ proxy: { defaultBackendAccessLog } }),
  ),
  key(
    'skip-access-log-urls',
    TARGETS,
    [],
    'Log no request with one of these targets, query included, in either case of letters, or one that an expression is found in.',
    (skipAccessLogUrls) => ({ proxy: { skipAccessLogUrls } }),
  ),
  // It only turns off: a log that --access-log=false forbids stays off.
  key('disable-access-log', BOOLEAN, false, 'Write no access log.', (off) =>
    off ? { proxy: { accessLog: false, streamAccessLog: false } } : {},
  ),
  key('disable-stream-access-log', BOOLEAN, false, 'Write no access log of TCP and UDP services.', (off) =>
    off ? { proxy: { streamAccessLog: false } } : {},
  ),
  key('disable-http-access-log', BOOLEAN, false, 'Write no access log of requests.', (off) =>
    off ? { proxy: { accessLog: false } } : {},
  ),
];
