/** The answers that Sluice gives itself: error pages and redirects. They say nothing about the inside. */
import { fieldValue } from './changes.ts';

const REASONS: Readonly<Record<number, string>> = {
  200: 'OK',
  201: 'Created',
  202: 'Accepted',
  204: 'No Content',
  206: 'Partial Content',
  301: 'Moved Permanently',
  302: 'Moved Temporarily',
  303: 'See Other',
  304: 'Not Modified',
  307: 'Temporary Redirect',
  308: 'Permanent Redirect',
  400: 'Bad Request',
  401: 'Unauthorized',
  402: 'Payment Required',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Not Allowed',
  406: 'Not Acceptable',
  408: 'Request Time-out',
  409: 'Conflict',
  410: 'Gone',
  411: 'Length Required',
  412: 'Precondition Failed',
  413: 'Request Entity Too Large',
  414: 'Request-URI Too Large',
  415: 'Unsupported Media Type',
  416: 'Requested Range Not Satisfiable',
  417: 'Expectation Failed',
  421: 'Misdirected Request',
  429: 'Too Many Requests',
  431: 'Request Header Fields Too Large',
  500: 'Internal Server Error',
  501: 'Not Implemented',
  502: 'Bad Gateway',
  503: 'Service Temporarily Unavailable',
  504: 'Gateway Time-out',
  505: 'HTTP Version Not Supported',
  507: 'Insufficient Storage',
};

/** Where the title of nginx's page differs from the reason phrase (ngx_http_special_response.c). */
const TITLES: Readonly<Record<number, string>> = { 302: 'Found', 401: 'Authorization Required' };

/** The reason phrase of a status, in nginx's words. */
export function reason(status: number): string {
  return REASONS[status] ?? 'Unknown';
}

/** An answer of our own, whole. */
export interface Answer {
  readonly status: number;
  /** Further header lines, each with CRLF. */
  readonly fields: string;
  /** Empty: it has none. */
  readonly contentType: string;
  readonly body: string;
}

const PAGES = new Map<number, Answer>();

/** The page for a status, in nginx's shape, which scripts and people know. */
export function page(status: number): Answer {
  let answer = PAGES.get(status);
  if (answer === undefined) {
    const title = `${status} ${TITLES[status] ?? reason(status)}`;
    const body = `<html>\r\n<head><title>${title}</title></head>\r\n<body>\r\n<center><h1>${title}</h1></center>\r\n</body>\r\n</html>\r\n`;
    answer = { status, fields: '', contentType: 'text/html', body };
    PAGES.set(status, answer);
  }
  return answer;
}

/** A redirect. Control characters of `location`, which may be made of decoded parts of a request, are left out. */
export function redirect(status: number, location: string): Answer {
  const answer = page(status);
  return { ...answer, fields: `Location: ${fieldValue(location)}\r\n` };
}
