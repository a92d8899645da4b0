/** The cases that a proxy which does not close what it should can be run on to the end. */
import type { Case } from '../support/case.ts';
import { CHUNK_ROWS, TRAILER_ROWS } from './chunks.ts';
import { BODY_ROWS, METHOD_ROWS, QUEUE_ROWS, UPGRADE_DESYNC } from './desync.ts';
import { CONNECTION_ROWS, EXPECT_ROWS, FIELD_ROWS, NAME_ROWS, SINGLE_ROWS, TRUST_ROWS, UPGRADE_ROWS } from './fields.ts';
import { BOTH, ENCODING_ROWS, HIDDEN_ROWS, LENGTH_ROWS } from './framing.ts';
import { ABSOLUTE_ROWS, HOST_ROWS, LINE_ROWS } from './request-line.ts';

/** node:http may have passed the request on before it refuses what follows, or not: chance. */
const BY_CHANCE =
  /a request line of (?:HTTP\/[029]|RTSP|ICE)|the preface of HTTP\/2|R33 chunked in HTTP\/1\.0 \(|R25 no Host|without a Host$/;

export const BASELINE_CASES: readonly Case[] = [
  ...BOTH,
  ...LENGTH_ROWS,
  ...ENCODING_ROWS,
  ...HIDDEN_ROWS,
  ...CHUNK_ROWS,
  ...TRAILER_ROWS,
  ...LINE_ROWS,
  ...HOST_ROWS,
  ...ABSOLUTE_ROWS,
  ...FIELD_ROWS,
  ...CONNECTION_ROWS,
  ...TRUST_ROWS,
  ...UPGRADE_ROWS,
  ...EXPECT_ROWS,
  ...NAME_ROWS,
  ...SINGLE_ROWS,
  ...METHOD_ROWS,
  ...BODY_ROWS,
  ...QUEUE_ROWS,
  ...UPGRADE_DESYNC,
].filter(({ name }) => !BY_CHANCE.test(name));
