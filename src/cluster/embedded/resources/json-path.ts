/** The part of JSONPath that printer columns and selectable fields use: names, indexes, `[*]` and `[?(@.key=="value")]`. */
import { isObject } from '../api/json.ts';

const STEP =
  /\.([A-Za-z0-9_$\uE000-]+)|\[['"]((?:[^'"\\]|\\.)*)['"]\]|\[(\d+)\]|\[\*\]|\[\?\(@\.([A-Za-z0-9_.-]+)\s*==\s*['"]([^'"]*)['"]\)\]/y;

/** The first value that a path finds; undefined when there is none or the path is of a kind not known here. */
export function simplePath(object: unknown, path: string): unknown {
  let current: unknown[] = [object];
  const unescaped = path.replaceAll('\\.', '\uE000');
  STEP.lastIndex = 0;
  let position = 0;
  while (position < unescaped.length) {
    STEP.lastIndex = position;
    const step = STEP.exec(unescaped);
    if (step === null) return undefined;
    position = STEP.lastIndex;
    const key = step[1] ?? step[2];
    if (key !== undefined) {
      const name = key.replaceAll('\uE000', '.');
      current = current.flatMap((value) => (isObject(value) && Object.hasOwn(value, name) ? [value[name]] : []));
    } else if (step[3] !== undefined) {
      const index = Number(step[3]);
      current = current.flatMap((value) => (Array.isArray(value) && index < value.length ? [value[index]] : []));
    } else {
      current = current.flatMap((value): unknown[] =>
        Array.isArray(value) ? value : isObject(value) ? Object.values(value) : [],
      );
      const [, , , , filterPath, wanted] = step;
      if (filterPath !== undefined) current = current.filter((value) => simplePath(value, `.${filterPath}`) === wanted);
    }
  }
  return current[0];
}
