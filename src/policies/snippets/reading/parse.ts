/** The text of a snippet → a program. */
import { isIP } from 'node:net';
import type {
  AccessRule,
  AuthSnippet,
  AuthVariable,
  ProxyHeader,
  RewriteStep,
  SnippetLevel,
  SnippetLocation,
  SnippetServer,
} from '../../../model/snippet.ts';
import { argumentsOf, shown, SnippetContext, type SnippetNote } from './context.ts';
import { fieldName, FieldsBuilder } from './fields.ts';
import { refusal, WITHOUT_EFFECT, WITHOUT_EFFECT_IF } from './refused.ts';
import { readRewriteStep } from './rewriting.ts';
import { type Directive, readDirectives, SnippetError, type SnippetProblem } from './tokens.ts';

/** A program and what belongs to it, or what is wrong with the text. */
export type Parsed<Program> =
  | {
      readonly program: Program;
      readonly notes: readonly SnippetNote[];
      /** The variables it gives a value, and those it uses that nginx does not have, with a line. */
      readonly defined: ReadonlySet<string>;
      readonly used: ReadonlyMap<string, number>;
    }
  | { readonly problem: SnippetProblem };

function parsed<Program>(context: SnippetContext, read: () => Program): Parsed<Program> {
  try {
    const program = read();
    return { program, notes: context.notes, defined: context.defined, used: context.used };
  } catch (error) {
    if (error instanceof SnippetError) return { problem: { line: error.line, message: error.message } };
    throw error;
  }
}

/** A configuration-snippet. `grpc`: the backend speaks gRPC. */
export function parseLocationSnippet(text: string, grpc = false): Parsed<SnippetLevel> {
  const context = new SnippetContext(grpc);
  return parsed(context, () => {
    const builder = new LevelBuilder(context, 'location');
    for (const directive of readDirectives(text)) builder.take(directive);
    return builder.done();
  });
}

/** A server-snippet. */
export function parseServerSnippet(text: string): Parsed<SnippetServer> {
  const context = new SnippetContext();
  return parsed(context, () => {
    const builder = new LevelBuilder(context, 'server');
    const locations: SnippetLocation[] = [];
    for (const directive of readDirectives(text)) {
      if (directive.name === 'location') locations.push(readLocation(directive, context));
      else builder.take(directive);
    }
    const seen = locations.map(({ match }) => JSON.stringify(match));
    const twice = seen.find((match, index) => seen.indexOf(match) !== index);
    if (twice !== undefined) throw new SnippetError(1, `two locations are the same: ${shown(twice)}`);
    return { level: builder.done(), locations };
  });
}

/** An auth-snippet. */
export function parseAuthSnippet(text: string): Parsed<AuthSnippet> {
  const context = new SnippetContext();
  context.withoutUri = true;
  return parsed(context, () => {
    const builder = new LevelBuilder(context, 'auth');
    for (const directive of readDirectives(text)) builder.take(directive);
    const { rewrite, proxyHeaders, method } = builder.done();
    return { rewrite, proxyHeaders, method };
  });
}

/** Where directives stand. `own`: in a location of a server-snippet, which has no backend. */
type Place = 'server' | 'location' | 'own' | 'auth';

const MAX_RULES = 500;
const METHOD = /^[A-Z][A-Z-]{0,31}$/;
/** nginx says these to the backend as well, in its own way; they are of one connection. */
const OF_CONNECTION: ReadonlySet<string> = new Set([
  'connection',
  'upgrade',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
]);

/** Gathers the directives of one level. */
class LevelBuilder {
  readonly #context: SnippetContext;
  readonly #place: Place;
  readonly #rewrite: RewriteStep[] = [];
  readonly #fields = new FieldsBuilder();
  readonly #access: AccessRule[] = [];
  readonly #proxyHeaders: ProxyHeader[] = [];
  readonly #hidden: string[] = [];
  readonly #authVariables: AuthVariable[] = [];
  #method: string | null = null;
  #defaultType: string | null = null;

  constructor(context: SnippetContext, place: Place) {
    this.#context = context;
    this.#place = place;
  }

  done(): SnippetLevel {
    return {
      rewrite: this.#rewrite,
      fields: this.#fields.done(),
      access: this.#access,
      proxyHeaders: this.#proxyHeaders,
      hidden: this.#hidden,
      method: this.#method,
      defaultType: this.#defaultType,
      authVariables: this.#authVariables,
    };
  }

  take(directive: Directive): void {
    const { name, line } = directive;
    const context = this.#context;
    const step = readRewriteStep(directive, context, (block) => this.#readBlock(block));
    if (step !== undefined) {
      if (this.#place === 'auth' && step.op === 'rewrite')
        throw new SnippetError(line, 'rewrite has no place in an auth-snippet');
      this.#rewrite.push(step);
    } else if (this.#place !== 'auth' && this.#fields.take(directive, context)) return;
    else if (name === 'proxy_set_header' || name === 'grpc_set_header') this.#takeProxyHeader(directive);
    else if (name === 'proxy_method') {
      const [method] = argumentsOf(directive, 1);
      if (this.#method !== null) throw new SnippetError(line, 'proxy_method is given twice');
      if (!METHOD.test(method!) || method === 'CONNECT') throw new SnippetError(line, `${shown(method!)} is no method`);
      if (method === 'HEAD' && this.#place !== 'auth')
        throw new SnippetError(line, 'proxy_method HEAD leaves clients without the body they wait for');
      this.#method = method!;
    } else if (name === 'auth_request_set') {
      const [variable, value] = argumentsOf(directive, 2) as [string, string];
      const text = context.text(value, line);
      if (this.#place !== 'location') context.note(line, 'auth_request_set leaves its variable empty here, as in nginx');
      this.#authVariables.push({ variable: context.define(variable, line), value: text });
    } else if (this.#place === 'auth' || !this.#takeOfClients(directive)) this.#takeOther(directive);
  }

  /** What is about clients and their answers, and has no place in the request to an authentication service. */
  #takeOfClients(directive: Directive): boolean {
    const { name, line } = directive;
    switch (name) {
      case 'allow':
      case 'deny':
        if (this.#access.length === MAX_RULES) throw new SnippetError(line, `more than ${MAX_RULES} rules of access`);
        this.#access.push(readAccess(directive));
        return true;
      case 'proxy_hide_header':
        this.#hidden.push(fieldName(argumentsOf(directive, 1)[0]!, line).toLowerCase());
        return true;
      case 'proxy_pass_header': {
        const [field] = argumentsOf(directive, 1) as [string];
        // Everything else passes anyway.
        if (/^(?:server|x-pad|x-accel-.*)$/i.test(field)) {
          this.#context.note(line, `${name} ${shown(field)} has no effect: see the ConfigMap key allow-backend-server-header`);
        }
        return true;
      }
      case 'default_type': {
        const [type] = argumentsOf(directive, 1) as [string];
        if (this.#defaultType !== null) throw new SnippetError(line, 'default_type is given twice');
        if (!/^[\w.+-]+\/[\w.+-]+(?:; ?[\w-]+=[\w.-]+)*$/.test(type))
          throw new SnippetError(line, `${shown(type)} is no media type`);
        this.#defaultType = type;
        return true;
      }
      default:
        return false;
    }
  }

  #takeProxyHeader(directive: Directive): void {
    const { name: directiveName, line } = directive;
    const [name, value] = argumentsOf(directive, 2) as [string, string];
    const text = this.#context.text(value, line);
    const lower = name.toLowerCase();
    if (directiveName.startsWith('grpc') !== this.#context.grpc) {
      if (this.#context.grpc)
        this.#context.note(line, 'proxy_set_header has no effect on gRPC, as in nginx: use grpc_set_header');
    } else if (this.#place === 'server') {
      this.#context.note(
        line,
        `${directiveName} has no effect in a server-snippet, as in ingress-nginx, whose locations have their own`,
      );
    } else if (OF_CONNECTION.has(lower)) {
      // As harmless as common: what upgrades a connection is passed on in any case.
    } else if (lower === 'content-length' && value === '' && this.#place === 'auth') {
      // ingress-nginx says so itself.
    } else {
      if (lower !== 'host') fieldName(name, line);
      this.#proxyHeaders.push({ name, value: text });
    }
  }

  #takeOther(directive: Directive): void {
    const { name, args, line } = directive;
    if (WITHOUT_EFFECT.has(name) || WITHOUT_EFFECT_IF.get(name) === args.join(' ')) {
      argumentsOf(directive, 1, Infinity);
      if (WITHOUT_EFFECT.has(name)) this.#context.note(line, `${name} has no effect here`);
      return;
    }
    throw new SnippetError(line, `${shown(name)} ${refusal(name)}`);
  }

  /** The block of an `if`: nginx takes few directives there, and in a server those of the rewrite phase only. */
  #readBlock(block: readonly Directive[]): { steps: readonly RewriteStep[]; fields: ReturnType<FieldsBuilder['done']> | null } {
    const steps: RewriteStep[] = [];
    const fields = new FieldsBuilder();
    for (const directive of block) {
      const step = readRewriteStep(directive, this.#context, undefined);
      if (step !== undefined) {
        if (this.#place === 'auth' && step.op === 'rewrite') {
          throw new SnippetError(directive.line, 'rewrite has no place in an auth-snippet');
        }
        steps.push(step);
      } else if (this.#place === 'server' || this.#place === 'auth' || !fields.take(directive, this.#context)) {
        throw new SnippetError(directive.line, `${shown(directive.name)} is no directive that an "if" may have here`);
      }
    }
    return { steps, fields: this.#place === 'server' || this.#place === 'auth' ? null : fields.done() };
  }
}

function readAccess(directive: Directive): AccessRule {
  const { name, line } = directive;
  const [range] = argumentsOf(directive, 1) as [string];
  const allows = name === 'allow';
  if (range === 'all') return { allows, range: null };
  const [address, length, ...rest] = range.split('/') as [string, string | undefined];
  const version = isIP(address);
  const longest = version === 4 ? 32 : 128;
  const bad = length !== undefined && (!/^\d{1,3}$/.test(length) || Number(length) > longest);
  if (version === 0 || address.includes('%') || bad || rest.length > 0) {
    throw new SnippetError(line, `${shown(range)} is no address, range or "all"`);
  }
  return { allows, range: `${address}/${length ?? longest}` };
}

/** A `location` in a server: it answers all of its requests itself, for nothing else is there that would. */
function readLocation(directive: Directive, context: SnippetContext): SnippetLocation {
  const { args, line, block } = directive;
  if (block === null) throw new SnippetError(line, 'location has no block');
  const builder = new LevelBuilder(context, 'own');
  for (const inner of block) {
    if (['proxy_set_header', 'grpc_set_header', 'proxy_method', 'proxy_hide_header', 'location'].includes(inner.name)) {
      throw new SnippetError(inner.line, `${shown(inner.name)} ${refusal(inner.name)}: this location has no backend`);
    }
    builder.take(inner);
  }
  return { match: readMatch(args, context, line), level: builder.done() };
}

function readMatch(args: readonly string[], context: SnippetContext, line: number): SnippetLocation['match'] {
  const [first, second] = args;
  const invalid = new SnippetError(line, `location ${shown(args.join(' '))} is not understood`);
  if (first === undefined || args.length > 2) throw invalid;
  const parts = /^(\^~|~\*|[=~])?(.*)$/s.exec(first);
  const modifier = parts?.[1] ?? '';
  const path = second ?? parts?.[2] ?? '';
  if (second !== undefined && (modifier === '' || parts?.[2] !== '')) throw invalid;
  if (modifier === '~' || modifier === '~*') return { kind: 'pattern', ...context.pattern(path, modifier === '~*', line) };
  if (!path.startsWith('/')) throw new SnippetError(line, `location ${shown(path)} does not begin with "/"`);
  return { kind: modifier === '=' ? 'exact' : modifier === '^~' ? 'stops' : 'prefix', path };
}
