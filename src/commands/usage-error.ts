/** A command line that cannot be understood, or asks for what cannot be. The message is for the user. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}
