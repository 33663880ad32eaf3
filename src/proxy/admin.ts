/** The admin port: for the kubelet, Prometheus and people. It changes nothing. */
import { createServer, type ServerResponse } from 'node:http'
import { setImmediate as turn } from 'node:timers/promises'
import { metricsContentType } from '../metrics/proxy.ts'
import { portOf, startListening } from './listener.ts'

export interface AdminAnswers {
  /** Undefined when ready, else why not, in one sentence. */
  notReady(): string | undefined
  /** In slices: between two of them requests are served. */
  metrics(): Iterable<string>
  /** The present state, as JSON. */
  stats(): object
}

export interface Admin {
  readonly port: number
  close(): void
}

/** Opens the admin port. Error `LISTEN_FAILED`. */
export async function startAdmin(answers: AdminAnswers, host: string | undefined, port: number): Promise<Admin> {
  const server = createServer({ requestTimeout: 10_000, headersTimeout: 5000 }, (request, response) => {
    const path = request.url?.split('?')[0]
    if (request.method !== 'GET' && request.method !== 'HEAD') reply(response, 405, 'text/plain', 'Read only.\n')
    else if (path === '/healthz') reply(response, 200, 'text/plain', 'ok\n')
    else if (path === '/readyz') replyReady(response, answers.notReady())
    else if (path === '/stats') reply(response, 200, 'application/json', `${JSON.stringify(answers.stats(), undefined, 2)}\n`)
    else if (path === '/metrics') void replyMetrics(response, answers)
    else reply(response, 404, 'text/plain', 'Here are /metrics, /healthz, /readyz and /stats.\n')
  })
  await startListening(server, 'admin', host, port)
  return {
    port: portOf(server),
    close: () => {
      server.close()
      server.closeAllConnections()
    },
  }
}

function reply(response: ServerResponse, status: number, contentType: string, body: string): void {
  response.writeHead(status, { 'content-type': contentType, 'content-length': Buffer.byteLength(body) }).end(body)
}

const replyReady = (response: ServerResponse, reason: string | undefined): void =>
  reason === undefined ? reply(response, 200, 'text/plain', 'ready\n') : reply(response, 503, 'text/plain', `not ready: ${reason}\n`)

async function replyMetrics(response: ServerResponse, answers: AdminAnswers): Promise<void> {
  try {
    const slices: string[] = []
    for (const slice of answers.metrics()) {
      slices.push(slice)
      await turn()
    }
    reply(response, 200, metricsContentType, slices.join(''))
  } catch {
    reply(response, 500, 'text/plain', 'The metrics could not be rendered.\n')
  }
}
