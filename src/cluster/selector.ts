/** Label selectors as text, the way `kubectl -l` and `--watch-namespace-selector` take them. */

/** Says whether an object with these labels is selected. */
type LabelSelector = (labels: Readonly<Record<string, string>> | undefined) => boolean;

const KEY = String.raw`(?:[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?\/)?[A-Za-z0-9](?:[-_.A-Za-z0-9]{0,61}[A-Za-z0-9])?`;
const VALUE = String.raw`(?:[A-Za-z0-9](?:[-_.A-Za-z0-9]{0,61}[A-Za-z0-9])?)?`;
const SET = new RegExp(String.raw`^(${KEY})\s+(in|notin)\s*\(([^()]*)\)$`);
const EQUAL = new RegExp(String.raw`^(${KEY})\s*(==|=|!=)\s*(${VALUE})$`);
const EXISTS = new RegExp(String.raw`^(!?)\s*(${KEY})$`);
const ONE_VALUE = new RegExp(`^${VALUE}$`);

/**
 * Parses a selector; an empty one selects everything. Throws an Error that names the requirement it cannot read.
 * Source: the Kubernetes documentation, "Labels and Selectors".
 */
export function parseLabelSelector(text: string): LabelSelector {
  const requirements = text.trim() === '' ? [] : text.split(/,(?![^(]*\))/).map((part) => parseRequirement(part.trim()));
  return (labels) => requirements.every((holds) => holds(labels));
}

function parseRequirement(text: string): LabelSelector {
  const [, setKey, operator, list] = SET.exec(text) ?? [];
  if (setKey !== undefined && list !== undefined) {
    const values = list.split(',').map((value) => value.trim());
    if (!values.every((value) => ONE_VALUE.test(value))) {
      throw new Error(`label selector: ${JSON.stringify(text)} lists something that is not a label value`);
    }
    return operator === 'in'
      ? (labels) => values.includes(labels?.[setKey] ?? '\0')
      : (labels) => !values.includes(labels?.[setKey] ?? '\0');
  }
  const [, key, comparison, value] = EQUAL.exec(text) ?? [];
  if (key !== undefined && value !== undefined) {
    return comparison === '!=' ? (labels) => labels?.[key] !== value : (labels) => labels?.[key] === value;
  }
  const [, not, name] = EXISTS.exec(text) ?? [];
  if (name !== undefined) {
    return (labels) => (labels?.[name] !== undefined) !== (not === '!');
  }
  throw new Error(`label selector: ${JSON.stringify(text)} is not a requirement like key=value, key in (a,b), key or !key`);
}
