/** The values that only flags have. */
import { availableParallelism, tmpdir } from 'node:os';
import {
  atLeast,
  DURATION,
  integer,
  IP_ADDRESS,
  isDnsName,
  list,
  NGINX_SIZE,
  optionalText,
  PERCENT,
  rising,
  text,
  type ValueType,
} from '../values/values.ts';

export const PATH = text('path', 'a path that begins with "/"', (value) => /^\/[\x21-\x7e]*$/.test(value));
export const FILE = optionalText('file', 'a file name');
export const CONTROLLER = text('name', 'a controller name such as "k8s.io/ingress-nginx"', (value) =>
  /^[\w.-]+(?:\/[\w./-]+)?$/.test(value),
);
export const SELECTOR = text('selector', 'a label selector such as "team=web,stage!=test"', (value) =>
  /^[\w./, ()=!-]*$/.test(value),
);
export const NAMESPACE = text('namespace', 'the name of a namespace', (value) => value === '' || isDnsName(value));
export const URL_TEXT = optionalText(
  'url',
  'a URL such as "https://10.0.0.1:6443"',
  (value) => /^https?:\/\/[^/]/.test(value) && URL.canParse(value),
);
export const HOST = text('address', 'an IP address', (value) => value === '' || IP_ADDRESS.parse(value) !== undefined);
export const ADDRESSES = list(
  'addresses',
  'IP addresses or host names, separated by commas',
  (item) => IP_ADDRESS.parse(item) !== undefined || isDnsName(item),
);
export const WORKERS: ValueType<number> = {
  word: 'count',
  expected: '"auto" or a number from 1 to 256',
  parse: (value) => (value === 'auto' ? availableParallelism() : integer(1, 256).parse(value)),
  format: () => 'auto',
};
export const OVERLOAD_MEMORY = rising(PERCENT, '"off" or two percentages such as 92%,95%');
export const OVERLOAD_DELAY = rising(
  atLeast(DURATION, 1, 'a duration from 1ms'),
  '"off" or two durations from 1ms to 24 days such as 500ms,1s',
);
/** A Lease counts in whole seconds, and its holder needs time to renew it. */
export const ELECTION_TTL = atLeast(DURATION, 1000, 'a duration from 1s to 24 days such as 30s or 1m30s');
/** klog's verbosity: 3 and more is what this program calls debug. */
export const VERBOSITY = integer(0, 10);
/** What may be asked for and missing. */
export const UNPROTECTED = list('names', '"modsecurity", or nothing', (item) => item === 'modsecurity');
/** Below, hardly any clients could be told apart. */
export const LIMIT_MEMORY = atLeast(NGINX_SIZE, 65_536, 'a size from 64k such as 10m');
export const FOLDER: ValueType<string> = {
  word: 'folder',
  expected: '"auto", for where the system has such files, or an absolute path',
  parse: (value) => (value === 'auto' ? tmpdir() : value.startsWith('/') && !value.includes('\0') ? value : undefined),
  format: () => 'auto',
};
