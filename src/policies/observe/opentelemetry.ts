/**
 * `enable-opentelemetry`, `opentelemetry-trust-incoming-span`, `opentelemetry-operation-name`: a span for each request, with the
 * attributes that ingress-nginx's module gives it (open-telemetry/opentelemetry-cpp-contrib, instrumentation/nginx).
 */
import type { Opentelemetry } from '../../model/policies.ts';
import type { Route } from '../../model/table.ts';
import { readTraceparent, traceparent } from '../../observe/tracing/trace-context.ts';
import type { SpanAttributes } from '../../observe/tracing/tracer.ts';
import type { Passage, RequestStep } from '../acting.ts';
import type { AnnotationSource, RoutePolicy } from '../policy.ts';
import { expand, parseTemplate, type Template } from '../variables/template.ts';

/** ingress-nginx's validator (internal/ingress/annotations/opentelemetry/main.go). */
const OPERATION = /^[A-Za-z0-9_-]*$/;

function operationName(source: AnnotationSource, fallback: string): string {
  const name = source.text('opentelemetry-operation-name');
  if (name === undefined || name === '') return fallback;
  if (OPERATION.test(name)) return name;
  source.invalid('opentelemetry-operation-name', 'a name of letters, digits, "_" and "-"', 'The default is used.');
  return fallback;
}

export const opentelemetry: RoutePolicy<Opentelemetry> = {
  annotations: ['enable-opentelemetry', 'opentelemetry-trust-incoming-span', 'opentelemetry-operation-name'],
  read: (source, settings) => {
    const trust = source.bool('opentelemetry-trust-incoming-span', settings.opentelemetryTrustIncomingSpan);
    const name = operationName(source, settings.opentelemetryOperationName);
    if (!source.bool('enable-opentelemetry', settings.enableOpentelemetry)) return undefined;
    // What the ConfigMap may name, the settings have checked: all of them are worth something, if only nothing.
    const parsed = parseTemplate(name, () => true);
    return { trust, operation: 'template' in parsed ? parsed.template : [] };
  },
  resolve: (wish) => wish,
};

/** Begins the span, and ends it with the exchange. Before all other policies: what they answer belongs to the span. */
export function opentelemetryStep({ policies, path }: Route): RequestStep | null {
  const wanted = policies.opentelemetry;
  if (wanted === undefined) return null;
  const { trust, operation } = wanted;
  const name: Template = operation.length === 0 ? [path === '' ? '/' : path] : operation;
  return (passage) => {
    const { tracer, upstream, request } = passage;
    if (tracer === null) return null;
    const parent = trust ? readTraceparent(request.field('traceparent')) : null;
    const span = tracer.begin(path, parent, attributesOf(passage));
    passage.trace = span.context;
    upstream.set('traceparent', traceparent(span.context));
    // It says more of the trace it came with, which this one is not.
    if (parent === null) upstream.remove('tracestate');
    passage.onDone(() => span.end(expand(name, passage), { 'http.status_code': passage.status }));
    return null;
  };
}

function attributesOf(passage: Passage): SpanAttributes {
  const { request, client, http2, serverName } = passage;
  const agent = request.field('user-agent');
  return {
    'http.method': request.method,
    'http.scheme': passage.variable('scheme'),
    'http.host': request.host,
    'http.target': request.target,
    'http.flavor': http2 ? '2.0' : `1.${request.minor}`,
    'http.server_name': serverName,
    ...(agent !== '' && { 'http.user_agent': agent }),
    'net.host.port': Number(passage.variable('server_port')),
    'net.peer.ip': client.address,
  };
}
