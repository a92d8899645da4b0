/** The report for people: at most 100 columns, but for what cannot be broken. */
import { quote } from '../../model/report.ts';
import type { AnnotationUse, IngressAssessment, Verdict } from './assess.ts';
import type { Finding } from './finding.ts';
import { type CheckReport, plural, summaryLine } from './report.ts';

const WIDTH = 100;
/** So many objects are named where a finding stands in many. */
const NAMED = 6;
/** And so many values. */
const MESSAGES = 3;

const COLOURS: { readonly [V in Verdict]: string } = { identical: '\u001b[32m', notes: '\u001b[33m', denied: '\u001b[31m' };
const PLAIN = '\u001b[0m';

/** How it is written. */
export interface TextOptions {
  /** With colours. */
  readonly colour: boolean;
  /** Ingresses without any finding, too, and of all what is honoured. */
  readonly all: boolean;
}

/** The report as text with a final newline. */
export function reportText(report: CheckReport, { colour, all }: TextOptions): string {
  const { assessment, counts, remarks, unreadable } = report;
  const shown = assessment.ingresses.filter(({ verdict }) => all || verdict !== 'identical');
  const findings = groupFindings([...assessment.ingresses.flatMap((ingress) => ingress.findings), ...assessment.others]);
  const parts: string[] = [];
  if (shown.length > 0) parts.push(section('INGRESSES', ingressRows(shown, colour, all)));
  if (findings.length > 0) parts.push(section('FINDINGS', findings.map(findingLines).join('\n\n').split('\n')));
  if (assessment.annotations.length > 0) parts.push(section('ANNOTATIONS', annotationRows(assessment.annotations)));
  if (unreadable.length > 0)
    parts.push(
      section(
        'NOT READ',
        unreadable.flatMap((line) => wrap(line, 2)),
      ),
    );
  if (remarks.length > 0)
    parts.push(
      section(
        'NOT CHECKED',
        remarks.flatMap((line) => wrap(line, 2)),
      ),
    );
  parts.push(summaryLine(counts));
  return `${parts.join('\n\n')}\n`;
}

function section(title: string, lines: readonly string[]): string {
  return [title, ...lines].join('\n');
}

function ingressRows(ingresses: readonly IngressAssessment[], colour: boolean, all: boolean): readonly string[] {
  const order: readonly Verdict[] = ['denied', 'notes', 'identical'];
  const rows = order.flatMap((verdict) => ingresses.filter((ingress) => ingress.verdict === verdict));
  const name = Math.min(44, Math.max(...rows.map((row) => nameOf(row).length)));
  return rows.flatMap((row) => {
    const text = row.verdict.padEnd(9);
    const verdict = colour ? `${COLOURS[row.verdict]}${text}${PLAIN}` : text;
    const honoured = row.honoured.length > 0 ? `${row.honoured.length} honoured` : '';
    const noted = row.findings.length > 0 ? plural(row.findings.length, 'finding', 'findings') : '';
    const rest = [noted, honoured].filter((part) => part !== '').join(', ');
    const before = `  ${text} ${nameOf(row).padEnd(name)}  ${rest.padEnd(24)}  `;
    const hosts = cut(row.hosts.map(printable).join(' '), WIDTH - before.length);
    const line = `  ${verdict} ${nameOf(row).padEnd(name)}  ${rest.padEnd(24)}  ${hosts}`.trimEnd();
    return all && row.honoured.length > 0 ? [line, ...wrap(`honoured: ${row.honoured.join(', ')}`, 12)] : [line];
  });
}

function nameOf({ namespace, name }: { readonly namespace: string; readonly name: string }): string {
  return printable(namespace === '' ? name : `${namespace}/${name}`);
}

/** The same finding of many objects. */
interface Group {
  readonly finding: Finding;
  readonly objects: Map<string, Finding['object']>;
  /** Annotations have other values elsewhere. */
  readonly messages: Set<string>;
}

/** Errors before warnings, what is in many objects before what is in few. */
function groupFindings(findings: readonly Finding[]): readonly Group[] {
  const groups = new Map<string, Group>();
  for (const finding of findings) {
    const { code, severity, alike, field, message, served, object } = finding;
    const ofAnnotation = field.startsWith('metadata.annotations[');
    const same = JSON.stringify([code, severity, alike, field, ofAnnotation ? '' : message, served, object.kind]);
    const group = groups.get(same) ?? { finding, objects: new Map<string, Finding['object']>(), messages: new Set<string>() };
    groups.set(same, group);
    group.objects.set(JSON.stringify([object.namespace, object.name]), object);
    group.messages.add(message);
  }
  const rank = ({ finding }: Group): number => (finding.severity === 'error' ? 0 : 1);
  // Sorting keeps the order of equals, which is that of the objects.
  return [...groups.values()].sort((a, b) => rank(a) - rank(b) || b.objects.size - a.objects.size);
}

function findingLines({ finding, objects, messages }: Group): string {
  const { code, severity, field, served, advice, alike, object } = finding;
  const named = [...objects.values()].slice(0, NAMED).map(nameOf);
  const more = objects.size > NAMED ? ` and ${objects.size - NAMED} more` : '';
  const count = objects.size > 1 ? ` (${objects.size})` : '';
  const said = [...messages].slice(0, MESSAGES);
  if (messages.size > MESSAGES) said.push(`and ${messages.size - MESSAGES} other values`);
  return [
    `  ${severity} ${code}${alike ? ', as with ingress-nginx' : ''}`,
    ...wrap(`${object.kind}${count}: ${named.join(', ')}${more}`, 4),
    ...wrap(printable(field), 4),
    ...said.flatMap((message) => wrap(message, 4)),
    ...(served === '' ? [] : wrap(`Served: ${served}`, 4)),
    ...(advice === '' ? [] : wrap(`To do: ${advice}`, 4)),
  ].join('\n');
}

function annotationRows(uses: readonly AnnotationUse[]): readonly string[] {
  const width = Math.min(50, Math.max(...uses.map(({ name }) => printable(name).length)));
  return uses.map(({ name, ingresses, withFindings, treatment }) => {
    const noted = withFindings > 0 ? `, findings in ${withFindings}` : '';
    return `  ${cut(printable(name), width).padEnd(width)}  ${String(ingresses).padStart(6)}  ${treatment}${noted}`;
  });
}

/** Names from manifests may hold anything; a terminal must not be told what to do by them. */
function printable(text: string): string {
  return quote(text).slice(1, -1);
}

function cut(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, Math.max(0, width - 1))}…`;
}

/** Broken between words. A word that is too long has a line of its own. */
function wrap(text: string, indent: number): readonly string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && indent + line.length + 1 + word.length > WIDTH) {
      lines.push(line);
      line = '';
    }
    line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line].map((each) => ' '.repeat(indent) + each);
}
