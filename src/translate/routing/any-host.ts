/** The virtual host of a name, whatever makes it one. */
import { CATCH_ALL_HOST } from '../../model/table.ts';
import { translateHost, type HostContext, type TranslatedHost } from '../host.ts';
import { translateWwwHost } from './www-redirect.ts';

/** Translates a name: a host of Ingresses, or one that only redirects. Null: neither. */
export function translateName(name: string, context: HostContext): TranslatedHost | null {
  if (name === CATCH_ALL_HOST || context.plansOf(name).length > 0) return translateHost(name, context);
  return translateWwwHost(name, context);
}
