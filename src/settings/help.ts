/** The texts of `--help` and `--version`. */
import { readFileSync } from 'node:fs';
import { FLAGS } from './flags/flags.ts';
import { FLAG_SECTIONS, type Flag } from './flags/flag.ts';

const WIDTH = 100;
const INDENT = 6;

function wrapped(text: string): string {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && INDENT + line.length + 1 + word.length > WIDTH) {
      lines.push(line);
      line = '';
    }
    line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line].map((each) => ' '.repeat(INDENT) + each).join('\n');
}

function flagText(flag: Flag): string {
  const title = flag.boolean ? `--${flag.name}` : `--${flag.name}=<${flag.word}>`;
  const fallback = flag.defaultText === '' ? '' : ` (default ${flag.defaultText})`;
  return `  ${title}${fallback}\n${wrapped(flag.meaning)}`;
}

/** The help of `sluice controller`, generated from the table of flags. */
export function helpText(): string {
  const sections = FLAG_SECTIONS.map((section) => {
    const flags = FLAGS.filter((flag) => flag.section === section);
    return `${section}:\n${flags.map(flagText).join('\n')}`;
  });
  return [
    'Usage: sluice controller [flags]',
    'Serves the Ingresses of a cluster. Flags are written --name=value or --name value; POD_NAME, POD_NAMESPACE and POD_ZONE name the Pod and its zone.',
    ...sections,
    'Others:\n  --help\n      Print this.\n  --version\n      Print the version.',
  ].join('\n\n');
}

/** The version of this program, from package.json. */
export function versionText(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  if (typeof manifest === 'object' && manifest !== null && 'version' in manifest && typeof manifest.version === 'string') {
    return manifest.version;
  }
  throw new Error('package.json names no version');
}
