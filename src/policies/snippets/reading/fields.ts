/**
 * Reads the directives that change fields: `add_header`, `expires` (ngx_http_headers_filter_module), `more_…_headers`
 * (openresty/headers-more-nginx-module), `gzip`.
 */
import type { AddHeader, FieldSteps, InputHeader, MoreHeaders } from '../../../model/snippet.ts';
import { parseNginxTime } from '../../../settings/values/values.ts';
import { isChangeable } from '../../changes.ts';
import { argumentsOf, shown, type SnippetContext } from './context.ts';
import { type Directive, SnippetError } from './tokens.ts';

/** Fields that Sluice sends to backends itself, each of its own making: what the client says in them is passed on in none. */
export const OWN_FIELDS: ReadonlySet<string> = new Set([
  'x-request-id',
  'x-real-ip',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-port',
  'x-forwarded-proto',
  'x-forwarded-scheme',
  'x-scheme',
]);

/** Gathers the fields of one level. */
export class FieldsBuilder {
  readonly #more: MoreHeaders[] = [];
  readonly #input: InputHeader[] = [];
  #add: AddHeader[] | null = null;
  #expires: FieldSteps['expires'] = null;
  #compressed: boolean | null = null;

  /** Takes a directive; false: it is none of these. */
  take(directive: Directive, context: SnippetContext): boolean {
    const { line } = directive;
    switch (directive.name) {
      case 'add_header':
        (this.#add ??= []).push(readAddHeader(directive, context));
        return true;
      case 'expires':
        if (this.#expires !== null) throw new SnippetError(line, 'expires is given twice');
        this.#expires = readExpires(directive);
        return true;
      case 'more_set_headers':
      case 'more_clear_headers':
        this.#more.push(...readMoreHeaders(directive, context));
        return true;
      case 'more_set_input_headers':
      case 'more_clear_input_headers':
        this.#input.push(...readInputHeaders(directive, context));
        return true;
      case 'gzip': {
        const [value] = argumentsOf(directive, 1);
        if (value !== 'on' && value !== 'off') throw new SnippetError(line, `gzip is on or off, not ${shown(value!)}`);
        if (value === 'on') context.note(line, 'gzip on has no effect: the ConfigMap says what is compressed (use-gzip)');
        else this.#compressed = false;
        return true;
      }
      default:
        return false;
    }
  }

  done(): FieldSteps {
    return { more: this.#more, add: this.#add, expires: this.#expires, input: this.#input, compressed: this.#compressed };
  }
}

/** A name that a snippet may change in a head. */
export function fieldName(name: string, line: number): string {
  if (isChangeable(name)) return name;
  throw new SnippetError(
    line,
    `${shown(name)} is no field that a snippet may change: it says how messages are framed, or is no name`,
  );
}

function readAddHeader(directive: Directive, context: SnippetContext): AddHeader {
  const [name, value, always] = argumentsOf(directive, 2, 3) as [string, string, string | undefined];
  if (always !== undefined && always !== 'always') throw new SnippetError(directive.line, `${shown(always)} is not "always"`);
  return {
    name: fieldName(name, directive.line),
    value: context.text(value, directive.line),
    always: always !== undefined,
  };
}

function readExpires(directive: Directive): FieldSteps['expires'] {
  const { line } = directive;
  const [value, ...rest] = argumentsOf(directive, 1, 2);
  if (value === 'epoch' || value === 'max' || value === 'off') {
    if (rest.length > 0) throw new SnippetError(line, `${shown(rest[0]!)} does not belong to expires ${value}`);
    return value;
  }
  const text = value!.startsWith('-') || value!.startsWith('+') ? value!.slice(1) : value!;
  const time = rest.length > 0 || text.endsWith('ms') ? undefined : parseNginxTime(text);
  if (time === undefined) {
    throw new SnippetError(line, `expires ${shown(directive.args.join(' '))} is not epoch, max, off or a time`);
  }
  // "-0" is a time in the past to nginx as well.
  return value!.startsWith('-') ? -Math.max(1, time / 1000) : time / 1000;
}

interface Options {
  readonly statuses: number[];
  readonly types: string[];
  onlyPresent: boolean;
  readonly specs: string[];
}

function readOptions({ name, args, line, block }: Directive): Options {
  if (block !== null) throw new SnippetError(line, `${name} has no block`);
  const options: Options = { statuses: [], types: [], onlyPresent: false, specs: [] };
  for (let at = 0; at < args.length; at++) {
    const arg = args[at]!;
    if (arg === '-r' && name === 'more_set_input_headers') options.onlyPresent = true;
    else if (arg === '-s' || arg === '-t') {
      const words = (args[++at] ?? '').split(/\s+/).filter((word) => word !== '');
      if (words.length === 0) throw new SnippetError(line, `${arg} of ${name} has no value`);
      if (arg === '-t') options.types.push(...words.map((word) => word.toLowerCase()));
      else for (const word of words) options.statuses.push(statusOf(word, line));
    } else if (arg.startsWith('-')) throw new SnippetError(line, `${name} has no option ${shown(arg)} here`);
    else options.specs.push(arg);
  }
  if (options.specs.length === 0) throw new SnippetError(line, `${name} names no field`);
  return options;
}

function statusOf(word: string, line: number): number {
  if (!/^[1-9]\d\d$/.test(word)) throw new SnippetError(line, `${shown(word)} is no status`);
  return Number(word);
}

/** "Name: value" taken apart; headers-more takes what has no colon for a name. */
function splitSpec(spec: string): [string, string] {
  const colon = spec.indexOf(':');
  return colon < 0 ? [spec.trim(), ''] : [spec.slice(0, colon).trim(), spec.slice(colon + 1).trim()];
}

function readMoreHeaders(directive: Directive, context: SnippetContext): MoreHeaders[] {
  const { statuses, types, specs } = readOptions(directive);
  const { name: directiveName, line } = directive;
  return specs.flatMap((spec): MoreHeaders[] => {
    const [written, text] = splitSpec(spec);
    if (text === '' && /\s/.test(written)) {
      context.note(line, `${directiveName} ${shown(spec)} has no effect, as in nginx: a colon is missing`);
      return [];
    }
    const wildcard = directiveName === 'more_clear_headers' && written.endsWith('*');
    const name = wildcard ? written.slice(0, -1) : written;
    const clears = directiveName === 'more_clear_headers' || text === '';
    if (name !== '' || !wildcard) fieldName(name, line);
    return [{ name, value: clears ? null : context.text(text, line), wildcard, statuses, types }];
  });
}

function readInputHeaders(directive: Directive, context: SnippetContext): InputHeader[] {
  const { statuses, types, onlyPresent, specs } = readOptions(directive);
  const { name: directiveName, line } = directive;
  if (statuses.length + types.length > 0) throw new SnippetError(line, `${directiveName} has no options -s and -t here`);
  return specs.flatMap((spec): InputHeader[] => {
    const [written, text] = splitSpec(spec);
    const name = written;
    if (/\s/.test(written)) {
      context.note(line, `${directiveName} ${shown(spec)} has no effect, as in nginx: a colon is missing`);
      return [];
    }
    if (OWN_FIELDS.has(name.toLowerCase())) {
      context.note(line, `${directiveName} ${name} has no effect: backends get ${name} as Sluice makes it`);
      return [];
    }
    if (name.includes('*')) throw new SnippetError(line, `${directiveName} takes no "*" here`);
    fieldName(name, line);
    const clears = directiveName === 'more_clear_input_headers' || text === '';
    return [{ name, value: clears ? null : context.text(text, line), onlyPresent }];
  });
}
