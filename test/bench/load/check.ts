/** Whether a proxy really does what is measured: one that answered by itself would look very cheap. */
import http from 'node:http';
import https from 'node:https';
import { responseBody, routeHosts, type Scenario } from '../scenarios.ts';

/** Sends one request of a scenario that wrk makes and rejects unless the backend's answer comes back. */
export function checkAnswer(scenario: Scenario, port: number): Promise<void> {
  const { scheme, method, path, headers, bodyLength, chunked, routes } = scenario;
  const route = routeHosts(routes).at(-1);
  const framing = chunked ? { 'Transfer-Encoding': 'chunked' } : bodyLength > 0 ? { 'Content-Length': bodyLength } : {};
  const options = {
    port,
    host: '127.0.0.1',
    servername: 'localhost',
    rejectUnauthorized: false,
    agent: false,
    method,
    path: route === undefined ? path : `${route.prefixes[0]}item`,
    headers: { Host: route?.host ?? scenario.host, ...Object.fromEntries(headers), ...framing },
  };
  const expected = responseBody(path);
  return new Promise((resolve, reject) => {
    const request = (scheme === 'http' ? http : https).request(options, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => (body += chunk));
      response.on('end', () => {
        const { statusCode } = response;
        if (statusCode === 200 && body === expected) resolve();
        else
          reject(
            new Error(`${scenario.name}: port ${port} answered ${statusCode} with ${body.length} bytes, not as the backend`),
          );
      });
      response.on('error', reject);
    });
    request.on('error', reject);
    request.setTimeout(5000, () => request.destroy(new Error(`port ${port} does not answer`)));
    request.end('b'.repeat(bodyLength));
  });
}
