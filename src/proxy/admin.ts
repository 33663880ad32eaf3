/**
 * The admin port: for the kubelet, Prometheus and people. It changes nothing. One request a connection, and no node:http: that takes
 * 1 MiB of every sidecar, and more time for a probe than the answer.
 */
import { createServer, type Socket } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import { metricsContentType } from '../metrics/proxy.ts'
import { reasonPhrases } from './http/reason-phrases.ts'
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

/** From the connection to the end of the answer, milliseconds; a kubelet waits five seconds at most. */
const limitMs = 10_000
const maxHeadBytes = 16_384
/** Probes and scrapes are a handful. Beyond that who came first gives way: many who say nothing must not keep a probe out, which would cost the pod its traffic. */
const maxConnections = 100

interface Answer {
  readonly status: number
  readonly contentType?: string
  readonly body: string
}

/** Opens the admin port. Error `LISTEN_FAILED`. */
export async function startAdmin(answers: AdminAnswers, host: string | undefined, port: number): Promise<Admin> {
  const sockets = new Set<Socket>()
  const server = createServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
    const [first] = sockets
    if (first && sockets.size >= maxConnections) {
      sockets.delete(first)
      first.destroy()
    }
    sockets.add(socket)
    const limit = setTimeout(() => socket.destroy(), limitMs)
    socket.on('close', () => {
      clearTimeout(limit)
      sockets.delete(socket)
    })
    socket.on('error', () => undefined)
    readHead(socket, (head) => {
      void answerTo(head, answers)
        .catch((): Answer => ({ status: 500, body: 'This could not be rendered.\n' }))
        .then((answer) => send(socket, head, answer))
    })
  })
  await startListening(server, 'admin', host, port)
  return {
    port: portOf(server),
    close: () => {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}

/** Calls back once the head is there, though its sender may have closed its side; what follows is read and forgotten, so that no reset overtakes the answer. */
function readHead(socket: Socket, onHead: (head: string) => void): void {
  let head = ''
  const leave = (): void => void socket.end()
  const take = (chunk: Buffer): void => {
    head += chunk.toString('latin1')
    const end = head.indexOf('\r\n\r\n')
    if (end < 0 && head.length <= maxHeadBytes) return
    socket.off('data', take)
    socket.off('end', leave)
    socket.resume()
    onHead(end < 0 || end > maxHeadBytes ? '' : head.slice(0, end))
  }
  socket.on('data', take)
  socket.on('end', leave)
}

async function answerTo(head: string, answers: AdminAnswers): Promise<Answer> {
  const [, method, path] = /^([A-Z]+) ([^ ?]+)(?:\?[^ ]*)? HTTP\/1\.[01](?:\r\n|$)/.exec(head) ?? []
  if (method === undefined) return { status: 400, body: 'This is not an HTTP/1.1 request.\n' }
  if (method !== 'GET' && method !== 'HEAD') return { status: 405, body: 'Read only.\n' }
  switch (path) {
    case '/healthz':
      return { status: 200, body: 'ok\n' }
    case '/readyz':
      return readiness(answers.notReady())
    case '/stats':
      return { status: 200, contentType: 'application/json', body: `${JSON.stringify(answers.stats(), undefined, 2)}\n` }
    case '/metrics':
      return renderMetrics(answers)
    default:
      return { status: 404, body: 'Here are /metrics, /healthz, /readyz and /stats.\n' }
  }
}

const readiness = (reason: string | undefined): Answer => (reason === undefined ? { status: 200, body: 'ready\n' } : { status: 503, body: `not ready: ${reason}\n` })

async function renderMetrics(answers: AdminAnswers): Promise<Answer> {
  const slices: string[] = []
  for (const slice of answers.metrics()) {
    slices.push(slice)
    await turn()
  }
  return { status: 200, contentType: metricsContentType, body: slices.join('') }
}

function send(socket: Socket, head: string, { status, contentType = 'text/plain; charset=utf-8', body }: Answer): void {
  const allow = status === 405 ? 'Allow: GET, HEAD\r\n' : ''
  const length = Buffer.byteLength(body)
  const text = `HTTP/1.1 ${status} ${reasonPhrases[status]}\r\nDate: ${new Date().toUTCString()}\r\nContent-Type: ${contentType}\r\nContent-Length: ${length}\r\n${allow}Connection: close\r\n\r\n`
  socket.end(head.startsWith('HEAD ') ? text : text + body)
}
