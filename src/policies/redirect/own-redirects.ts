/** `relative-redirects`, `use-port-in-redirects`: how redirects that Sluice itself makes of a request's own path are written. */
import type { OwnRedirects } from '../../model/policies.ts';
import type { RoutePolicy } from '../policy.ts';

/** Reads and resolves them: nginx's `absolute_redirect` and `port_in_redirect`. */
export const ownRedirects: RoutePolicy<OwnRedirects> = {
  annotations: ['relative-redirects', 'use-port-in-redirects'],
  read: (source, settings) => {
    const relative = source.bool('relative-redirects', settings.relativeRedirects);
    const usePort = source.bool('use-port-in-redirects', settings.usePortInRedirects);
    return relative || usePort ? { relative, usePort } : undefined;
  },
  resolve: (wish) => wish,
};
