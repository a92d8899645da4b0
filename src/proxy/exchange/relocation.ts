/** A request whose path a policy changed goes on in the location of that path, of the same host (ngx_http_core_post_rewrite_phase). */
import { redirect } from '../../policies/answer.ts';
import { escapeControls, escapePath, MAX_RELOCATIONS } from '../../policies/rewriting.ts';
import type { Refusal } from '../client-auth/check.ts';
import { ERRORS, type ProxyError } from '../errors.ts';
import type { ExchangeContext } from '../http1/connection-context.ts';
import type { CompiledRoute } from '../routing/compiled-route.ts';
import type { ProxySettings } from '../../settings/settings.ts';
import { withSlash } from './answers.ts';
import { NO_STEPS, Passage, type PassageOwner } from './passage.ts';

/** What of an exchange changes with its location. */
interface LocatedExchange extends PassageOwner {
  route: CompiledRoute | null;
  passage: Passage | null;
  settings: ProxySettings;
  readonly refuse: (error: ProxyError) => void;
  readonly isRefused: (refusal: Refusal | null) => boolean;
}

/** nginx's auto_redirect. */
export function redirectToSlash(exchange: LocatedExchange): void {
  const { downstream, settings } = exchange;
  const { ownRedirects } = exchange.route!.model.policies;
  exchange.answerInstead(redirect(301, withSlash(downstream.head, downstream.client, settings, ownRedirects)));
}

/** The location was found: one of the host beside its routes answers, or the route has its way. */
export function enterLocation(exchange: LocatedExchange, passage: Passage, slashRedirect: boolean): void {
  const { rewriting } = passage;
  const answer = passage.enterLocations();
  if (answer !== null) return exchange.answerInstead(answer);
  if (rewriting.changed) return exchange.relocate();
  if (!slashRedirect) return passage.enter();
  if (!rewriting.rewritten) return redirectToSlash(exchange);
  const query = rewriting.query === '' ? '' : `?${escapeControls(rewriting.query)}`;
  const origin = `${passage.variable('scheme')}://${passage.variable('host')}`;
  exchange.answerInstead(redirect(301, `${origin}${escapePath(rewriting.path)}/${query}`));
}

/** The location is looked for again, so many times at most. */
export function relocate(exchange: LocatedExchange, context: ExchangeContext): void {
  const { rewriting } = exchange.passage!;
  if (rewriting.relocations === MAX_RELOCATIONS) return exchange.refuse(ERRORS.internal);
  rewriting.relocate();
  locate(exchange, context);
}

/** The same, where that costs none of these times. */
export function locate(exchange: LocatedExchange, context: ExchangeContext): void {
  const { rewriting } = exchange.passage!;
  rewriting.changed = false;
  rewriting.fields = null;
  const { head, client } = exchange.downstream;
  if (rewriting.target === null) return exchange.refuse(ERRORS.badRequest);
  const { route, slashRedirect, badPath } = context.router.findRewritten(head.host, rewriting.path);
  if (badPath) return exchange.refuse(ERRORS.badRequest);
  if (route === null) return exchange.refuse(ERRORS.noRoute);
  const settings = context.settings();
  exchange.route = route;
  exchange.settings = route.tuning === null ? settings : context.tuned.of(settings, route.tuning);
  // What was decided for the location before is no more.
  const passage = new Passage(exchange, route.steps ?? NO_STEPS, context, rewriting.path, rewriting);
  exchange.passage?.handOver(passage);
  exchange.passage = passage;
  if (client.scheme === 'https' && exchange.isRefused(route.clientGate?.refuses(client) ?? null)) return;
  enterLocation(exchange, passage, slashRedirect);
}
