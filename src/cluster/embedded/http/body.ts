/** Reading the body of a request. */
import type { IncomingMessage } from 'node:http';
import { parseDocument } from 'yaml';
import { decodeProtobuf } from '../protobuf/decode.ts';
import { contentType } from './request.ts';
import { badRequest, StatusError } from '../api/status-error.ts';

/** Bytes; the API server's own limit. */
const LIMIT = 3 * 1024 * 1024;

/** The whole body. Rejects with 413 above 3 MiB; what still comes then is read and dropped. */
export function readBody(request: IncomingMessage): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const chunks: Buffer[] = [];
  let size = 0;
  request.on('data', (chunk: Buffer) => {
    size += chunk.length;
    if (size <= LIMIT) chunks.push(chunk);
    else {
      chunks.length = 0;
      reject(new StatusError(413, 'RequestEntityTooLarge', `Request entity too large: limit is ${LIMIT}`));
    }
  });
  request.on('end', () => {
    resolve(Buffer.concat(chunks));
  });
  request.on('error', reject);
  return promise;
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

function parseProtobuf(body: Buffer): unknown {
  let object: unknown;
  try {
    object = decodeProtobuf(body);
  } catch (error) {
    throw badRequest(`the object provided cannot be decoded: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (object === undefined) throw unsupportedMediaType(TEXT_TYPES);
  return object;
}

const TEXT_TYPES = ['application/json', 'application/yaml'];

/** An object in JSON, YAML or, for the built-in kinds, Protobuf. Throws 415 for other media types. */
export function parseObject(request: IncomingMessage, body: Buffer): unknown {
  const type = contentType(request);
  const what = 'the object provided is unrecognized (must be of type JSON or YAML)';
  switch (type) {
    case '':
    case 'application/json':
      return parseJson(body.toString('utf8'), what);
    case 'application/yaml':
      return parseYaml(body.toString('utf8'), what);
    case 'application/vnd.kubernetes.protobuf':
      return parseProtobuf(body);
    default:
      throw unsupportedMediaType([...TEXT_TYPES, 'application/vnd.kubernetes.protobuf']);
  }
}
