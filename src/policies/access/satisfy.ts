/** `satisfy`: whether all checks of a request's access must let it in, or one is enough. ingress-nginx, internal/ingress/annotations/satisfy. */
import type { RoutePolicy } from '../policy.ts';

/** What cannot be understood is nginx's default, which is the stricter of the two. */
export const satisfyAny: RoutePolicy<true> = {
  annotations: ['satisfy'],
  read: (source) => {
    const value = source.text('satisfy');
    if (value === 'any') return true;
    const given = source.value('satisfy');
    if (value !== 'all' && given !== undefined && given !== null && given !== '')
      source.invalid('satisfy', '"any" or "all"', 'The default, "all", is used.');
    return undefined;
  },
  resolve: (wish) => wish,
};
