#!/usr/bin/env node
/** Reads argv and hands over to one command. */
import process from 'node:process';
import { COMMANDS, overview, readCommandLine } from './commands/commands.ts';
import { UsageError } from './commands/usage-error.ts';
import { versionText } from './settings/help.ts';
import { FlagError } from './settings/scan.ts';

/** Runs the command line and says what the process ends with: 0, 1 for a failure, 2 for a command line that is wrong. */
async function main(argv: readonly string[]): Promise<number> {
  try {
    const line = readCommandLine(argv);
    switch (line.kind) {
      case 'help':
        process.stdout.write(overview());
        return 0;
      case 'version':
        process.stdout.write(`${versionText()}\n`);
        return 0;
      case 'command': {
        const { run } = await COMMANDS[line.name].load();
        return await run(line.argv, process.env);
      }
    }
  } catch (error) {
    if (error instanceof UsageError || error instanceof FlagError) {
      process.stderr.write(`sluice: ${error.message}\n`);
      return 2;
    }
    throw error;
  }
}

process.exit(await main(process.argv.slice(2)));
