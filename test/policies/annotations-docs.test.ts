/** docs/annotations.md lists every annotation, once: its form, default and meaning, and what becomes of it here. UPDATE_GOLDEN=1 writes it. */
import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ANNOTATIONS, type AnnotationTreatment } from '../../src/policies/annotations.ts';
import { CATALOGUE, CATALOGUE_ENTRIES } from '../../src/policies/catalogue/catalogue.ts';
import { CONFIG_KEYS } from '../../src/settings/config-keys.ts';
import { FLAGS } from '../../src/settings/flags/flags.ts';
import { UNSUPPORTED_KEYS } from '../../src/settings/unsupported-keys.ts';

const FILE = new URL('../../docs/annotations.md', import.meta.url);

const HEAD = `# Annotations

Every annotation of ingress-nginx v1.15.1, and what becomes of it. Their prefix is \`nginx.ingress.kubernetes.io/\`, or that of
\`--annotations-prefix\`. Values are those of ingress-nginx: booleans are Go's (\`true\`, \`1\`, \`t\`…), times are whole seconds without a unit unless
something else is said. A value that cannot be understood counts as absent, with a diagnostic; where the annotation protects, it denies the
paths of its Ingress with 503 instead. \`sluice check\` says for your Ingresses which of these apply ([check.md](check.md)).

In the column "here": **yes**: honoured. **option**: shapes the annotation named. **no effect**: its absence makes no difference.
**no**: not honoured, with what happens instead. **denies**: not honoured, and as it protects, the paths are answered with 503.
`;

function here(treatment: AnnotationTreatment | undefined): string {
  if (treatment?.kind === 'supported') return 'yes';
  if (treatment?.kind === 'option') return `option of \`${treatment.of}\``;
  if (treatment?.kind === 'harmless') return 'no effect';
  if (treatment?.kind === 'refused') return 'denies';
  if (treatment?.kind === 'idle') return `no: ${treatment.served}`;
  return 'no: nothing of the Ingress is served';
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}

/** Written as code, unless it already has its own. */
function code(text: string): string {
  return text === '' || text.includes('`') || /^(?:the|that|true for) /.test(text) ? cell(text) : `\`${cell(text)}\``;
}

describe('the catalogue of annotations', () => {
  it('has every annotation of the list, once', () => {
    const names = CATALOGUE.flatMap(({ entries }) => entries.map(({ name }) => name));
    expect(names.toSorted()).toEqual([...ANNOTATIONS.keys()].toSorted());
    expect(CATALOGUE_ENTRIES.size).toBe(names.length);
  });

  it('names only annotations, keys of the ConfigMap and flags that exist', () => {
    const keys = new Set([...CONFIG_KEYS.map(({ name }) => name), ...UNSUPPORTED_KEYS]);
    const flags = new Set(FLAGS.map(({ name }) => name));
    for (const { name, form, fallback, meaning, differs = '', instead = '' } of CATALOGUE_ENTRIES.values()) {
      const text = [form, fallback, meaning, differs, instead].join(' ');
      for (const [, key = ''] of text.matchAll(/ConfigMap `([^`]+)`/g)) expect(keys, `${name}: ${key}`).toContain(key);
      for (const [, flag = ''] of text.matchAll(/--([a-z-]+)/g)) expect(flags, `${name}: --${flag}`).toContain(flag);
    }
  });

  it('is what docs/annotations.md says', () => {
    const families = CATALOGUE.map(({ title, about, entries }) => {
      const rows = entries.map(({ name, form, fallback, meaning, differs }) => {
        const sense = differs === undefined ? meaning : `${meaning} *Differs:* ${differs}`;
        return `| \`${name}\` | ${cell(form)} | ${code(fallback)} | ${cell(sense)} | ${cell(here(ANNOTATIONS.get(name)))} |\n`;
      });
      const intro = about === '' ? '' : `\n${about}\n`;
      return `\n## ${title}\n${intro}\n| annotation | value | default | meaning | here |\n| --- | --- | --- | --- | --- |\n${rows.join('')}`;
    });
    const text = HEAD + families.join('');
    if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(FILE, text);
    expect(readFileSync(FILE, 'utf8')).toBe(text);
  });
});
