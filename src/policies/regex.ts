/** The one way to match what users write: it stands a floor lower, where settings are checked by it too. */
export { compileRegex, type UserRegex } from '../settings/values/regex.ts';
