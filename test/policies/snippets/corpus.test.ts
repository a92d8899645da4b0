/** The snippets of the corpus: which are programs, and by what the others are refused. */
import { expect, it } from 'vitest';
import { parseAuthSnippet, parseLocationSnippet, parseServerSnippet } from '../../../src/policies/snippets/reading/parse.ts';
import { corpusIngresses } from '../../support/corpus.ts';

const PARSERS = {
  'configuration-snippet': parseLocationSnippet,
  'server-snippet': parseServerSnippet,
  'auth-snippet': parseAuthSnippet,
};

it('of all snippets of the corpus these are refused, each by a directive that it names', () => {
  const refused: string[] = [];
  let programs = 0;
  for (const { metadata } of corpusIngresses()) {
    for (const [name, parse] of Object.entries(PARSERS)) {
      const text = metadata.annotations?.[`nginx.ingress.kubernetes.io/${name}`];
      if (text === undefined) continue;
      const parsed = parse(text);
      if ('problem' in parsed) refused.push(`${metadata.name}: ${/"([^"]*)"/.exec(parsed.problem.message)?.[1] ?? ''}`);
      else programs++;
    }
  }
  expect(programs).toBeGreaterThanOrEqual(40);
  expect(refused.sort()).toMatchInlineSnapshot(`
    [
      "argocd-limited: limit_req_status",
      "authelia: sub_filter",
      "cache: proxy_cache",
      "exploit: include",
      "ghost: proxy_cache",
      "jenkins-agents: error_page",
      "kubecost: proxy_ssl_name",
      "mirror-snippet: internal",
      "mirror-snippet: mirror",
      "nested-location: location",
      "oauth2-protected: access_by_lua_block",
      "optional-cert: error_page",
      "spark-ui: sub_filter_last_modified",
    ]
  `);
});
