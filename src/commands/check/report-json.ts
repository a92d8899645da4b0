/** The report for machines. docs/check.md describes its form, which only ever grows within a version. */
import type { Diagnostic } from '../../model/diagnostic.ts';
import type { Finding } from './finding.ts';
import type { CheckReport } from './report.ts';

/** Of the form of the JSON; counts up when something is taken away or changes its meaning. */
export const REPORT_VERSION = 1;

/** The report as one JSON document with a final newline. */
export function reportJson({ assessment, counts, remarks, unreadable, exitCode }: CheckReport): string {
  const { identical, notes, denied } = counts;
  const document = {
    version: REPORT_VERSION,
    exitCode,
    summary: { ingresses: identical + notes + denied, identical, notes, denied },
    ingresses: assessment.ingresses.map(({ namespace, name, className, hosts, verdict, honoured, findings }) => ({
      namespace,
      name,
      class: className,
      hosts,
      verdict,
      honoured,
      findings: findings.map(withoutObject),
    })),
    others: assessment.others.map((finding) => ({ object: objectOf(finding.object), ...withoutObject(finding) })),
    annotations: assessment.annotations,
    remarks,
    unreadable,
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}

function objectOf({ apiVersion, kind, namespace, name }: Diagnostic['object']): object {
  return { apiVersion, kind, namespace, name };
}

function withoutObject({ code, severity, alike, field, message, served, advice }: Finding): object {
  return { code, severity, alike, field, message, served, advice };
}
