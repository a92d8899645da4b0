/** Runs a command; `argv` is what follows its name. Resolves with the exit code. */
export type RunCommand = (argv: readonly string[], env: Readonly<Record<string, string | undefined>>) => Promise<number>;
