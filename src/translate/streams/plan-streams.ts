/**
 * The ConfigMaps of TCP and UDP services → streams. A key is the port to listen on, its value
 * `namespace/service:port[:PROXY][:PROXY]`: the first PROXY reads a PROXY header from clients, the second sends one to endpoints
 * (ingress-nginx, internal/ingress/controller, `getStreamServices`).
 */
import type { Diagnostic, ObjectRef } from '../../model/diagnostic.ts';
import type { Report } from '../../model/report.ts';
import { compareText, createReporter, quote } from '../../model/report.ts';
import type { GroupId, Stream, StreamId, StreamProtocol } from '../../model/table.ts';
import { groupId, streamId, udpGroupId } from '../../model/table.ts';
import type { ClusterView } from '../../model/view.ts';
import type { TranslateSettings } from '../../settings/translate-settings.ts';
import { isDnsName } from '../hosts.ts';
import { isPort, objectRef } from '../read.ts';

/** A stream that names a Service port, and where it does. */
export interface StreamReference {
  readonly id: GroupId;
  readonly protocol: StreamProtocol;
  readonly namespace: string;
  readonly service: string;
  /** A number in decimal or a name. */
  readonly port: string;
  /** The ConfigMap. */
  readonly object: ObjectRef;
  readonly field: string;
}

/** All streams. */
export interface StreamPlan {
  readonly streams: ReadonlyMap<StreamId, Stream>;
  readonly references: readonly StreamReference[];
  readonly diagnostics: readonly Diagnostic[];
}

const LEFT_OUT = 'Nothing listens on this port for it; the other entries are served.';

/** Whether a ConfigMap of this name has streams. */
export function isStreamConfigMap(namespace: string, name: string, settings: TranslateSettings): boolean {
  return [settings.tcpServicesConfigMap, settings.udpServicesConfigMap].some(
    (one) => one?.namespace === namespace && one.name === name,
  );
}

/** Reads both ConfigMaps. */
export function planStreams(view: ClusterView, settings: TranslateSettings): StreamPlan {
  const streams = new Map<StreamId, Stream>();
  const references: StreamReference[] = [];
  const diagnostics: Diagnostic[] = [];
  for (const protocol of ['TCP', 'UDP'] as const) {
    const named = protocol === 'TCP' ? settings.tcpServicesConfigMap : settings.udpServicesConfigMap;
    if (named === null) continue;
    const configMap = view.configMap(named.namespace, named.name);
    const object = objectRef('ConfigMap', named.namespace, named.name, configMap?.metadata.uid);
    const reporter = createReporter(object);
    if (configMap === undefined) {
      const flag = `--${protocol.toLowerCase()}-services-configmap`;
      const message = `the ConfigMap ${quote(`${named.namespace}/${named.name}`)} does not exist, which ${flag} names`;
      reporter.report('StreamConfigMapNotFound', 'warning', 'metadata.name', message, `No ${protocol} service is served.`);
    }
    const read = new Entries(protocol, object, reporter.report, settings);
    for (const [key, value] of Object.entries(configMap?.data ?? {}).sort(byKey)) read.add(key, value);
    for (const { stream, reference } of read.found.values()) {
      streams.set(stream.id, stream);
      references.push(reference);
    }
    diagnostics.push(...reporter.diagnostics);
  }
  return { streams, references, diagnostics };
}

/** In a fixed order. "080" and "80" are one port: the plain number comes first. */
function byKey([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a.length - b.length || compareText(a, b);
}

/** Reads the entries of one ConfigMap. */
class Entries {
  readonly found = new Map<number, { readonly stream: Stream; readonly reference: StreamReference }>();
  readonly #protocol: StreamProtocol;
  readonly #object: ObjectRef;
  readonly #report: Report;
  readonly #settings: TranslateSettings;

  constructor(protocol: StreamProtocol, object: ObjectRef, report: Report, settings: TranslateSettings) {
    this.#protocol = protocol;
    this.#object = object;
    this.#report = report;
    this.#settings = settings;
  }

  add(key: string, value: unknown): void {
    const field = `data[${quote(key).slice(0, 64)}]`;
    const refuse = (message: string): void => this.#report('StreamInvalid', 'error', field, message, LEFT_OUT);
    const port = /^\d{1,5}$/.test(key) ? Number(key) : 0;
    if (!isPort(port)) return refuse(`${quote(key)} is not a port from 1 to 65535`);
    const owner = this.#ownerOf(port);
    if (owner !== null) return refuse(`port ${port} is ${owner}`);
    const parsed = parseValue(value);
    if (typeof parsed === 'string') return refuse(`${quote(value)} ${parsed}`);
    if (this.found.has(port)) return refuse(`port ${port} has an entry already`);
    const { namespace, service, servicePort, decode, encode } = parsed;
    const udp = this.#protocol === 'UDP';
    if (udp && (decode || encode)) {
      const message = `${quote(value)} asks for PROXY protocol, which only TCP services can have`;
      this.#report('StreamInvalid', 'warning', field, message, 'Datagrams are passed on as they are.');
    }
    const id = udp ? udpGroupId(namespace, service, servicePort) : groupId(namespace, service, servicePort);
    this.found.set(port, {
      stream: {
        id: streamId(this.#protocol, port),
        protocol: this.#protocol,
        port,
        group: id,
        decodeProxy: decode && !udp,
        encodeProxy: encode && !udp,
      },
      reference: { id, protocol: this.#protocol, namespace, service, port: servicePort, object: this.#object, field },
    });
  }

  /** What has the port already. ingress-nginx reserves its ports for both protocols. */
  #ownerOf(port: number): string | null {
    const { httpPort, httpsPort, adminPort } = this.#settings;
    if (port === httpPort) return 'the port for HTTP (--http-port)';
    if (port === httpsPort) return 'the port for HTTPS (--https-port)';
    return port === adminPort ? 'the port for health and metrics (--healthz-port)' : null;
  }
}

interface StreamValue {
  readonly namespace: string;
  readonly service: string;
  readonly servicePort: string;
  readonly decode: boolean;
  readonly encode: boolean;
}

/** What the value says, or what is wrong with it. */
function parseValue(value: unknown): StreamValue | string {
  if (typeof value !== 'string') return 'is not a text';
  const [target = '', port, decode = '', encode = '', ...rest] = value.trim().split(':');
  const [namespace = '', service = '', ...more] = target.split('/');
  const isProxy = (word: string): boolean => word.toUpperCase() === 'PROXY';
  if (port === undefined || rest.length > 0 || more.length > 0 || !isDnsName(namespace) || !isDnsName(service))
    return 'is not of the form namespace/service:port, with :PROXY or :PROXY:PROXY behind it';
  const number = /^\d+$/.test(port);
  if (number ? !isPort(Number(port)) : !/^[a-z0-9](?:[a-z0-9-]{0,13}[a-z0-9])?$/.test(port))
    return `names the port ${quote(port)}, which is neither a number from 1 to 65535 nor a name`;
  for (const word of [decode, encode]) if (word !== '' && !isProxy(word)) return `has ${quote(word)} where only PROXY can be`;
  return {
    namespace,
    service,
    servicePort: number ? String(Number(port)) : port,
    decode: isProxy(decode),
    encode: isProxy(encode),
  };
}
