/** The head of a request's copy: what the backend gets, for another host and target. */
import type { Mirror } from '../../model/policies.ts';
import { identityFields } from '../../policies/access/access.ts';
import { RequestChanges } from '../../policies/changes.ts';
import { expand } from '../../policies/variables/template.ts';
import { TextSink } from '../text-sink.ts';
import type { Downstream } from '../exchange/downstream.ts';
import type { Passage } from '../exchange/passage.ts';
import type { Copy } from './copy.ts';
import type { Mirrors } from './mirrors.ts';

/** A copy has a body of known length, or none; and asks for nothing that a copy cannot go on with. */
const NOT_COPIED = ['content-length', 'transfer-encoding', 'connection', 'upgrade', 'expect', 'te'];

/** The head, to its empty line, without the length of the body. */
function copiedHead(mirror: Mirror, downstream: Downstream, passage: Passage): string {
  const { target, hostField } = mirror;
  const changes = new RequestChanges();
  changes.host = expand(hostField, passage);
  // Of fields that a backend believes to be of the proxy, the client's own are none of the copy's.
  const sent = passage.request.lines().map(([name]) => name);
  changes.removed.push(...NOT_COPIED, ...identityFields(passage.route.policies, sent));
  for (const [name, value] of passage.rewriting.input ?? []) changes.set(name, value);
  const sink = new TextSink();
  downstream.forwardHead(sink, passage.requestId, '', changes);
  const text = sink.value;
  const { method, target: asked } = downstream.head;
  const path = target === null ? asked : escaped(expand(target, passage));
  return `${method} ${path.startsWith('/') ? path : `/${path}`} HTTP/1.1${text.slice(text.indexOf('\r\n'))}`;
}

/** A variable may hold what a request target cannot. */
function escaped(text: string): string {
  return text.replace(
    /[^\x21-\x7e]/g,
    (char) => `%${char.charCodeAt(0).toString(16).padStart(2, '0').slice(-2).toUpperCase()}`,
  );
}

/** Begins the copy that the route of a request asks for; null: there is none to be made, or it is on its way already. */
export function beginCopy(mirrors: Mirrors, downstream: Downstream, passage: Passage, requestEnded: boolean): Copy | null {
  const { mirror } = passage.route.policies;
  if (mirror === undefined) return null;
  const copy = mirrors.begin(mirror, downstream.head.method, copiedHead(mirror, downstream, passage));
  if (!requestEnded && mirror.body) return copy;
  copy?.end();
  return null;
}
