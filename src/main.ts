#!/usr/bin/env node
/** Reads argv and hands over to one command. */
import process from 'node:process';
import { COMMANDS, overview, readCommandLine } from './commands/commands.ts';
import { UsageError } from './commands/usage-error.ts';
import { versionText } from './settings/help.ts';
import { FlagError } from './settings/scan.ts';

/** Runs the command line; the result is the exit code. */
async function run(argv: readonly string[]): Promise<number> {
  const line = readCommandLine(argv);
  if (line.kind === 'command') {
    const command = await COMMANDS[line.name].load();
    return command.run(line.argv, process.env);
  }
  process.stdout.write(line.kind === 'help' ? overview() : `${versionText()}\n`);
  return 0;
}

/** 2: the command line is wrong, and the message says how; any other error is a bug, which Node reports with its stack. */
function usageExit(error: unknown): number {
  if (!(error instanceof UsageError || error instanceof FlagError)) throw error;
  process.stderr.write(`sluice: ${error.message}\n`);
  return 2;
}

process.exit(await run(process.argv.slice(2)).catch(usageExit));
