/** `enable-access-log`: whether the requests of an Ingress have lines in the access log. `enable-rewrite-log` is nginx's debugging. */
import type { RoutePolicy } from '../policy.ts';

/** Where the ConfigMap turns the log off, the annotation does not turn it on, as with ingress-nginx (nginx.tmpl: `access_log off`). */
export const accessLog: RoutePolicy<'off'> = {
  annotations: ['enable-access-log', 'enable-rewrite-log'],
  read: (source) => {
    if (source.bool('enable-rewrite-log', false))
      source.report(
        'AnnotationUnsupported',
        'warning',
        'enable-rewrite-log',
        'enable-rewrite-log: there is no log of rewriting',
        'Requests are rewritten all the same; the access log has them as they came.',
      );
    return source.bool('enable-access-log', true) ? undefined : 'off';
  },
  resolve: (wish) => wish,
};
