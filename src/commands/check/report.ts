/** What `sluice check` says, before it is written as a table or as JSON. */
import { quote } from '../../model/report.ts';
import type { Assessment, Verdict } from './assess.ts';
import type { CheckInput, GivenKind } from './input.ts';
import type { Selection } from './selection.ts';

/** The number of Ingresses of each verdict. */
export type VerdictCounts = { readonly [V in Verdict]: number };

/** Everything there is to say. */
export interface CheckReport {
  readonly assessment: Assessment;
  readonly counts: VerdictCounts;
  /** Sentences about what was not looked at, and why. */
  readonly remarks: readonly string[];
  /** What could not be read, a line each. */
  readonly unreadable: readonly string[];
  /** See `exitCode`. */
  readonly exitCode: 0 | 1 | 2 | 3;
}

/** Puts the parts together. */
export function makeReport(input: CheckInput, selection: Selection, assessment: Assessment): CheckReport {
  const counts = { identical: 0, notes: 0, denied: 0 };
  for (const { verdict } of assessment.ingresses) counts[verdict]++;
  const noted = counts.notes > 0 || assessment.others.length > 0;
  return {
    assessment,
    counts,
    remarks: [...input.remarks, ...selectionRemarks(selection), ...uncheckedRemarks(assessment.unchecked)],
    unreadable: input.unreadable,
    exitCode: input.unreadable.length > 0 ? 3 : counts.denied > 0 ? 2 : noted ? 1 : 0,
  };
}

/** `412 Ingresses: 405 identical, 5 with notes, 2 denied`. */
export function summaryLine({ identical, notes, denied }: VerdictCounts): string {
  const total = identical + notes + denied;
  return `${plural(total, 'Ingress', 'Ingresses')}: ${identical} identical, ${notes} with notes, ${denied} denied`;
}

/** A number and its noun. */
export function plural(count: number, one: string, many: string): string {
  return `${count} ${count === 1 ? one : many}`;
}

function selectionRemarks({ skipped, assumed }: Selection): readonly string[] {
  const remarks: string[] = [];
  if (assumed > 0) {
    const verb = assumed === 1 ? 'names no class and was' : 'name no class and were';
    remarks.push(`${plural(assumed, 'Ingress', 'Ingresses')} ${verb} checked as if the class were ours.`);
  }
  const total = [...skipped.values()].reduce((sum, count) => sum + count, 0);
  if (total > 0) {
    const classes = [...skipped].map(([name, count]) => `${name === '' ? 'no class' : quote(name)} ${count}`).sort();
    const shown = classes.length > 8 ? [...classes.slice(0, 8), `${classes.length - 8} more`] : classes;
    const names = shown.join(', ');
    remarks.push(
      `Of other classes or namespaces, not checked: ${plural(total, 'Ingress', 'Ingresses')} (${names}). --class=NAME adds a class.`,
    );
  }
  return remarks;
}

const UNCHECKED: { readonly [K in GivenKind]: string } = {
  IngressClass: '',
  Service: 'No Services were given: whether they exist, and have the ports that Ingresses name, was not checked',
  EndpointSlice: 'EndpointSlices were not looked at: whether Services have endpoints was not checked',
  Secret: 'Secrets were not looked at, or not all: what Ingresses take from them was not checked',
  ConfigMap: 'ConfigMaps were not looked at, or not all: what Ingresses take from them was not checked',
};

function uncheckedRemarks(unchecked: ReadonlyMap<GivenKind, number>): readonly string[] {
  return [...unchecked].sort(([a], [b]) => (a < b ? -1 : 1)).map(([kind, count]) => `${UNCHECKED[kind]} (${count}).`);
}
