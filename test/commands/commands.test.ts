import { describe, expect, it } from 'vitest';
import { COMMANDS, overview, readCommandLine } from '../../src/commands/commands.ts';

describe('readCommandLine', () => {
  it("takes the arguments of ingress-nginx's Deployment, the first of which is its program", () => {
    const argv = ['/nginx-ingress-controller', '--election-id=ingress-nginx-leader'];
    expect(readCommandLine(argv)).toEqual({ kind: 'command', name: 'controller', argv: argv.slice(1) });
  });

  it('hands what follows a command to it', () => {
    expect(readCommandLine(['dev', 'a.yaml', '--http-port=0'])).toEqual({
      kind: 'command',
      name: 'dev',
      argv: ['a.yaml', '--http-port=0'],
    });
    expect(readCommandLine(['controller', '--help'])).toEqual({ kind: 'command', name: 'controller', argv: ['--help'] });
  });

  it.each([['--help'], ['-h'], ['help']])('helps for %s', (word) => {
    expect(readCommandLine([word])).toEqual({ kind: 'help' });
  });

  it('tells the version', () => {
    expect(readCommandLine(['--version'])).toEqual({ kind: 'version' });
  });

  it('names the nearest command for one it does not know', () => {
    expect(() => readCommandLine(['controler'])).toThrow('unknown command "controler"; did you mean "controller"?');
    expect(() => readCommandLine(['deb'])).toThrow('did you mean "dev"?');
    expect(() => readCommandLine(['__proto__'])).toThrow('unknown command');
  });

  it('says that flags follow a command', () => {
    expect(() => readCommandLine(['--configmap=a/b'])).toThrow('sluice controller --configmap=a/b');
    expect(() => readCommandLine([])).toThrow('a command is missing');
  });
});

describe('overview', () => {
  it('lists every command', () => {
    for (const { synopsis } of Object.values(COMMANDS)) expect(overview()).toContain(`\n  ${synopsis}\n`);
  });
});
