/** The ports of TCP and UDP services that the workers cannot listen on: what the data plane knows becomes a diagnostic. */
import type { Diagnostic } from '../model/diagnostic.ts';
import { diagnostic, quote } from '../model/report.ts';
import type { ClusterView } from '../model/view.ts';
import type { StreamProblem } from '../proxy/stream/ports.ts';
import type { TranslateSettings } from '../settings/translate-settings.ts';
import { objectRef } from '../translate/read.ts';

/** One diagnostic for each, on the ConfigMap that names the port. */
export function streamPortDiagnostics(
  problems: readonly StreamProblem[],
  view: Pick<ClusterView, 'configMap'>,
  settings: TranslateSettings,
): Diagnostic[] {
  return problems.flatMap(({ protocol, port, reason }) => {
    const named = protocol === 'TCP' ? settings.tcpServicesConfigMap : settings.udpServicesConfigMap;
    if (named === null) return [];
    const { uid } = view.configMap(named.namespace, named.name)?.metadata ?? {};
    const object = objectRef('ConfigMap', named.namespace, named.name, uid);
    const message = `${protocol} port ${port} cannot be listened on: ${reason}`;
    const served = 'Nothing listens on this port; it is tried again and again.';
    return [diagnostic(object, 'StreamPortUnavailable', 'error', `data[${quote(String(port))}]`, message, served)];
  });
}
