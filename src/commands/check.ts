/** `sluice check`: says what becomes of Ingresses here, without serving anything and without changing anything. */
import { generateKeyPairSync } from 'node:crypto';
import process from 'node:process';
import { type Certificate, certificateId } from '../model/table.ts';
import { applyConfigMap } from '../settings/configmap.ts';
import { versionText } from '../settings/help.ts';
import { FlagError } from '../settings/scan.ts';
import type { Settings } from '../settings/settings.ts';
import { referencedConfigMaps, referencedObjects } from '../controller/references.ts';
import { objectRef } from '../translate/read.ts';
import { findingOf } from './check/advice.ts';
import { type CheckArguments, checkHelp, readCheckArguments } from './check/arguments.ts';
import { assess } from './check/assess.ts';
import { commandLine, judgeArguments, ofWorkload, settingsOf } from './check/controller-arguments.ts';
import { CheckInput, type GivenKind } from './check/input.ts';
import { readManifestsInto } from './check/manifests.ts';
import { type CheckReport, makeReport } from './check/report.ts';
import { reportJson } from './check/report-json.ts';
import { reportText } from './check/report-text.ts';
import { selectIngresses } from './check/selection.ts';
import type { RunCommand } from './run-command.ts';
import { UsageError } from './usage-error.ts';

/** The exit code of a command line that cannot be understood, and of input that cannot be read. */
const UNUSABLE = 3;

/** Where a check reads and writes, so that tests need no process. */
export interface CheckStreams {
  /** Resolves when the text is taken. */
  readonly out: (text: string) => Promise<void>;
  readonly error: (text: string) => void;
  readonly readStdin: () => Promise<string>;
  /** `out` is a terminal. */
  readonly terminal: boolean;
}

/** Resolves with 0 (all identical), 1 (something to note), 2 (something is denied) or 3. */
export const run: RunCommand = (argv, env) =>
  runCheck(argv, env, {
    out: write,
    error: (text) => process.stderr.write(text),
    readStdin,
    terminal: process.stdout.isTTY,
  });

/** As `run`, with these streams. */
export async function runCheck(
  argv: readonly string[],
  env: Parameters<RunCommand>[1],
  streams: CheckStreams,
): Promise<number> {
  try {
    const args = readCheckArguments(argv, env);
    if (args.kind !== 'run') {
      await streams.out(args.kind === 'help' ? checkHelp() : `${versionText()}\n`);
      return 0;
    }
    const report = await check(args, streams);
    const colour = streams.terminal && (env['NO_COLOR'] ?? '') === '';
    await streams.out(args.output === 'json' ? reportJson(report) : reportText(report, { colour, all: args.all }));
    return report.exitCode;
  } catch (error) {
    if (!(error instanceof UsageError || error instanceof FlagError)) throw error;
    streams.error(`sluice: ${error.message}\n`);
    return UNUSABLE;
  }
}

async function check(args: CheckArguments, { readStdin: stdin }: CheckStreams): Promise<CheckReport> {
  const input = new CheckInput();
  const fromCluster = args.paths.length === 0;
  const complete = new Set<GivenKind>();
  let settings: Settings;
  if (fromCluster) {
    settings = await readCluster(input, args);
    for (const kind of ['Service', 'ConfigMap'] as const) complete.add(kind);
    if (args.secrets) complete.add('Secret');
  } else {
    await readManifestsInto(input, args.paths, args.namespace, stdin);
    settings = chooseSettings(input, args);
    for (const kind of ['Service', 'EndpointSlice'] as const) if (input.given.has(kind)) complete.add(kind);
  }
  const live = withConfigMap(input, settings, complete);
  const selection = selectIngresses(input, live, args.classes, fromCluster);
  const assessment = assess(input, selection, live, complete, placeholder(), Date.now());
  return makeReport(input, selection, assessment);
}

/** Stands for the default certificate, which nobody is served with here. */
function placeholder(): Certificate {
  const key = generateKeyPairSync('ed25519').privateKey;
  return { id: certificateId('', ''), chain: '', key, fingerprint: '', names: [], notBefore: 0, notAfter: 0 };
}

/** Objects of the cluster, then those that they name. */
async function readCluster(input: CheckInput, args: CheckArguments): Promise<Settings> {
  // It takes its time to load; manifests are checked without it.
  const { ClusterReader } = await import('./check/cluster.ts');
  let reader: InstanceType<typeof ClusterReader>;
  try {
    reader = new ClusterReader(input, args.settings);
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
  try {
    await reader.readObjects(args.settings.controller.watchNamespace);
    const settings = chooseSettings(input, args);
    await reader.readNamed('ConfigMap', referencedConfigMaps(settings));
    const { view } = selectIngresses(input, settings, args.classes, true);
    const { configMaps, secrets } = referencedObjects(view, settings);
    const known = new Set(referencedConfigMaps(settings).map((key) => JSON.stringify([key.namespace, key.name])));
    await reader.readNamed(
      'ConfigMap',
      configMaps.filter(({ namespace, name }) => !known.has(JSON.stringify([namespace, name]))),
    );
    if (args.secrets) await reader.readNamed('Secret', secrets);
    return settings;
  } finally {
    await reader.close();
  }
}

/** Flags before "--" win over arguments after it, and these over those of a Deployment. */
function chooseSettings(input: CheckInput, args: CheckArguments): Settings {
  const sources = args.controllerArguments === null ? input.workloads.map(ofWorkload) : [commandLine(args.controllerArguments)];
  for (const source of sources) input.findings.push(...judgeArguments(source).findings);
  const [source, ...others] = sources;
  if (source === undefined) return withConventionalConfigMap(input, args.settings, args);
  if (others.length > 0) {
    const names = sources.map(({ object }) => `${object.kind} ${object.namespace}/${object.name}`).join(', ');
    input.remarks.push(
      `Several controllers were found (${names}); the arguments of the first count. Others can be given after "--".`,
    );
  }
  const passed = judgeArguments(source).passed.filter((text) => !args.flags.includes(text.slice(2, text.indexOf('='))));
  const chosen = settingsOf([...passed, ...args.flagTexts], source);
  input.findings.push(...chosen.findings);
  return withConventionalConfigMap(input, chosen.settings, args);
}

/** Without any word on it, the ConfigMap that the chart of ingress-nginx makes counts. */
function withConventionalConfigMap(input: CheckInput, settings: Settings, args: CheckArguments): Settings {
  if (settings.controller.configMap !== null || args.flags.includes('configmap')) return settings;
  for (const { metadata } of input.store.list('ConfigMap')) {
    if (metadata.name !== CONVENTIONAL) continue;
    const configMap = { namespace: metadata.namespace ?? '', name: metadata.name };
    return { ...settings, controller: { ...settings.controller, configMap } };
  }
  return settings;
}

const CONVENTIONAL = 'ingress-nginx-controller';

/** The settings with the ConfigMap over them; what is wrong with it is a finding. */
function withConfigMap(input: CheckInput, settings: Settings, complete: ReadonlySet<GivenKind>): Settings {
  const key = settings.controller.configMap;
  if (key === null) return settings;
  const configMap = input.store.get('ConfigMap', key.namespace, key.name);
  if (configMap === undefined) {
    const given = complete.has('ConfigMap') ? 'does not exist' : 'was not given';
    input.remarks.push(`The ConfigMap ${key.namespace}/${key.name} ${given}: the defaults count.`);
    return settings;
  }
  const applied = applyConfigMap(settings, configMap.data, objectRef('ConfigMap', key.namespace, key.name));
  for (const diagnostic of applied.diagnostics) {
    input.findings.push(findingOf(diagnostic, settings.translate.annotationsPrefix));
  }
  return applied.settings;
}

async function readStdin(): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(Buffer.from(chunk as Uint8Array));
  return Buffer.concat(chunks).toString('utf8');
}

/**
 * Resolves when it is written: a process that exits before loses what a pipe has not taken yet. A reader that has enough (`| head`)
 * is no error.
 */
function write(text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (error: NodeJS.ErrnoException): void => (error.code === 'EPIPE' ? resolve() : reject(error));
    process.stdout.once('error', failed);
    process.stdout.write(text, (error) => {
      if (error) return;
      process.stdout.off('error', failed);
      resolve();
    });
  });
}
