import { describe, expect, it } from 'vitest';
import { devHelp, readDevArguments, type DevArguments } from '../../src/commands/dev-arguments.ts';

function read(...argv: string[]): DevArguments {
  const result = readDevArguments(argv, {});
  if (result.kind !== 'run') throw new Error('not a run');
  return result;
}

describe('readDevArguments', () => {
  it('has ports of its own by default, on the loopback only', () => {
    const { apiPort, paths, settings } = read('examples/demo', 'more.yaml');
    expect(apiPort).toBe(8001);
    expect(paths).toEqual(['examples/demo', 'more.yaml']);
    expect(settings.proxy).toMatchObject({ httpPort: 8080, httpsPort: 8443, bindAddress: '127.0.0.1' });
    expect(settings.controller).toMatchObject({ adminPort: 10254, adminAddress: '127.0.0.1' });
  });

  it('takes its ports as flags, 0 included', () => {
    const { apiPort, settings } = read('--http-port', '0', '--https-port=0', '--admin-port=0', '--api-port=0', 'x.yaml');
    expect([apiPort, settings.proxy.httpPort, settings.proxy.httpsPort, settings.controller.adminPort]).toEqual([0, 0, 0, 0]);
  });

  it("takes the controller's flags", () => {
    const { settings, publishes } = read('--workers=3', '--conformance=kubernetes', '--publish-service=a/b');
    expect(settings.controller).toMatchObject({ workers: 3, publishService: { namespace: 'a', name: 'b' } });
    expect(settings.translate.conformance).toBe('kubernetes');
    expect(publishes).toBe(true);
    expect(read().publishes).toBe(false);
  });

  it('names the nearest flag for one it does not know', () => {
    expect(() => read('--admin-prot=1')).toThrow('unknown flag --admin-prot; did you mean --admin-port?');
    expect(() => read('--conformnace=nginx')).toThrow('did you mean --conformance?');
  });

  it('refuses what makes no sense', () => {
    expect(() => read('--api-port=70000')).toThrow('--api-port: "70000" is not a port; expected 0 to 65535');
    expect(() => read('--http-port=x')).toThrow('--http-port: "x" is not a port');
    expect(() => read('--api-port=8080')).toThrow('--http-port and --api-port are both 8080');
    expect(() => read('--admin-port=1', '--healthz-port=2')).toThrow('--admin-port and --healthz-port are the same here');
    expect(() => read('--kubeconfig=/x')).toThrow('--kubeconfig has no meaning for sluice dev');
  });

  it('helps, with every flag of its own', () => {
    expect(readDevArguments(['--help', '--nonsense'], {})).toEqual({ kind: 'help' });
    for (const flag of ['http-port', 'https-port', 'admin-port', 'api-port']) expect(devHelp()).toContain(`--${flag}=`);
  });
});
