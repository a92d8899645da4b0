import { expect, it } from 'vitest';
import { processFacts } from '../../src/observe/process-facts.ts';

const FILES: Readonly<Record<string, string>> = {
  '/proc/self/status': 'Name:\tnode\nVmPeak:\t  900 kB\nVmSize:\t  800 kB\nVmRSS:\t  100 kB\n',
  '/proc/self/io': 'rchar: 1\nwchar: 2\nread_bytes: 4096\nwrite_bytes: 8192\ncancelled_write_bytes: 0\n',
};

it('is what the kernel says', () => {
  expect(processFacts((path) => FILES[path]!)).toEqual({ virtualMemoryBytes: 819_200, readBytes: 4096, writeBytes: 8192 });
});

it('is zero where the kernel says nothing', () => {
  expect(
    processFacts(() => {
      throw new Error('ENOENT');
    }),
  ).toEqual({ virtualMemoryBytes: 0, readBytes: 0, writeBytes: 0 });
  expect(processFacts(() => 'nonsense')).toEqual({ virtualMemoryBytes: 0, readBytes: 0, writeBytes: 0 });
});

it('is something on this system', () => {
  expect(processFacts().virtualMemoryBytes).toBeGreaterThanOrEqual(0);
});
