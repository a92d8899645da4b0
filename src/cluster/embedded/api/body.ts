/** Reading the body of a request. */
import type { IncomingMessage } from 'node:http';
import { parseDocument } from 'yaml';
import { contentType } from './request.ts';
import { badRequest, StatusError } from './status-error.ts';

/** Bytes; the API server's own limit. */
const LIMIT = 3 * 1024 * 1024;

/** The body as text. Throws 413 above 3 MiB. */
export async function readText(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > LIMIT) {
      throw new StatusError(413, 'RequestEntityTooLarge', `Request entity too large: limit is ${LIMIT}`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** 415 with the media types that would have done. */
export function unsupportedMediaType(accepted: readonly string[]): StatusError {
  return new StatusError(
    415,
    'UnsupportedMediaType',
    `the body of the request was in an unknown format - accepted media types include: ${accepted.join(', ')}`,
  );
}

/** Parses JSON. Throws 400 with the parser's reason. */
export function parseJson(text: string, what: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw badRequest(`${what}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** Parses YAML of one document, JSON included. Throws 400 with the parser's reason. */
export function parseYaml(text: string, what: string): unknown {
  const document = parseDocument(text, { version: '1.1', uniqueKeys: false, prettyErrors: false });
  const [error] = document.errors;
  if (error !== undefined) throw badRequest(`${what}: yaml: ${error.message}`);
  try {
    // Aliases multiply: the parser's bound on their number is kept.
    return document.toJS({ maxAliasCount: 100 }) as unknown;
  } catch (failure) {
    throw badRequest(`${what}: yaml: ${failure instanceof Error ? failure.message : String(failure)}`);
  }
}

/** An object in JSON or YAML. Throws 415 for other media types. */
export function parseObject(request: IncomingMessage, text: string): unknown {
  const type = contentType(request);
  const what = 'the object provided is unrecognized (must be of type JSON or YAML)';
  switch (type) {
    case '':
    case 'application/json':
      return parseJson(text, what);
    case 'application/yaml':
      return parseYaml(text, what);
    default:
      throw unsupportedMediaType(['application/json', 'application/yaml']);
  }
}
