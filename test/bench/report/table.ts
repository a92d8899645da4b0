/** Text in columns, to the right but for those whose heading begins with "<". Lines have equal numbers of cells. */
export function textTable(heading: readonly string[], lines: readonly (readonly string[])[]): string {
  const left = heading.map((cell) => cell.startsWith('<'));
  const all = [heading.map((cell) => cell.replace(/^</, '')), ...lines];
  const widths = heading.map((_, column) => Math.max(...all.map((line) => line[column]?.length ?? 0)));
  return all
    .map((line) =>
      line
        .map((cell, column) => (left[column] ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
