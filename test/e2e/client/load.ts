/**
 * The ordinary client of the end-to-end suites: it sends requests at a constant rate, whatever comes back (open loop), and
 * knows nothing of Kinglet. No dependencies: it runs as it is in a container and as a local process.
 *
 * LOAD_STREAMS: JSON list of `Stream`. LOAD_PORT: where GET /stats answers with all lines so far (default 8080, 0: any).
 * One JSON line a second on stdout, see `Line`. SIGTERM: stops sending, waits for what is in flight, prints the last line.
 */
import http from 'node:http'
import { GrpcChannel } from './grpc-call.ts'
import { Tally, workloadOf, type Answerer, type FailureKind, type Line } from './tally.ts'

export interface Stream {
  readonly name: string
  readonly url: string
  /** Requests a second. */
  readonly rate: number
  readonly headers?: Readonly<Record<string, string>>
  /** `reuse` (default): as few connections as possible, kept alive. `fresh`: a new connection for every request. */
  readonly connections?: 'reuse' | 'fresh'
  /** Calls the method that the URL's path names, over one connection. */
  readonly protocol?: 'grpc'
  /** For the whole exchange, milliseconds. Default 10 s. */
  readonly timeoutMs?: number
}

export interface Load {
  /** Lines of the last hour. */
  lines(): readonly Line[]
  /** Stops sending; resolves when nothing is in flight any more. */
  stop(): Promise<void>
}

/** Beyond this many unanswered requests a stream counts new ones as `overload` instead of sending them. */
const maxInFlight = 500
const maxLines = 3600
const tickMs = 5
const graceMs = 200

/** Sends until `stop`; `onLine` gets each second's line as soon as the second is over. */
export function startLoad(streams: readonly Stream[], onLine: (line: Line) => void = () => undefined): Load {
  // A client that was not given the processor for a while hears answers before its timer: they belong to the second in which it hears them.
  const tally = new Tally(() => turn(Date.now()))
  const lines: Line[] = []
  const senders = streams.map((stream) => createSender(stream, tally))
  const beganAt = Date.now()
  let second = Math.floor(beganAt / 1000)
  const emit = (of: number): void => {
    const line = tally.cut(of)
    lines.push(line)
    if (lines.length > maxLines) lines.shift()
    onLine(line)
  }
  const turn = (now: number): void => {
    const nowSecond = Math.floor(now / 1000)
    if (nowSecond === second) return
    const over = second
    second = nowSecond
    emit(over)
  }
  let stopped: Promise<void> | undefined
  const timer = setInterval(() => {
    const now = Date.now()
    turn(now)
    // A reader of the line may have stopped the load.
    if (!stopped) for (const sender of senders) sender.sendDue(now - beganAt)
  }, tickMs)
  const drain = async (): Promise<void> => {
    clearInterval(timer)
    await Promise.all(senders.map((sender) => sender.drain()))
    turn(Date.now())
    emit(second)
  }
  return { lines: () => lines, stop: () => (stopped ??= drain()) }
}

interface Sender {
  /** Sends what is due `elapsedMs` after the start. */
  sendDue(elapsedMs: number): void
  drain(): Promise<void>
}

function createSender(stream: Stream, tally: Tally): Sender {
  const channel = stream.protocol === 'grpc' ? new GrpcChannel(stream.url) : undefined
  const agent = new http.Agent(stream.connections === 'fresh' ? { keepAlive: false } : { keepAlive: true, scheduling: 'lifo' })
  const inFlight = new Set<Promise<void>>()
  let sent = 0
  return {
    sendDue: (elapsedMs) => {
      const due = Math.floor((elapsedMs / 1000) * stream.rate)
      for (; sent < due; sent += 1) {
        tally.sent()
        if (inFlight.size >= maxInFlight) {
          tally.failed({ at: Date.now(), stream: stream.name, kind: 'overload', detail: `${maxInFlight} requests are unanswered` })
          continue
        }
        const request = (channel ? call(stream, channel, tally) : exchange(stream, agent, tally)).finally(() => inFlight.delete(request))
        inFlight.add(request)
      }
    },
    drain: async () => {
      await Promise.all(inFlight)
      agent.destroy()
      channel?.close()
    },
  }
}

/** One call and all that can become of it; resolves when it is counted. */
async function call(stream: Stream, channel: GrpcChannel, tally: Tally): Promise<void> {
  const beganAt = performance.now()
  for (;;) {
    const end = await channel.call(stream.timeoutMs ?? 10_000)
    if ('from' in end) return tally.answered(stream.name, end.from, performance.now() - beganAt)
    if ('failure' in end) return tally.failed({ at: Date.now(), stream: stream.name, kind: 'status', detail: end.failure })
    tally.retried(stream.name)
  }
}

/** One request and all that can become of it; resolves when it is counted. Without an agent it gets a connection of its own. */
function exchange(stream: Stream, agent: http.Agent | false, tally: Tally): Promise<void> {
  const beganAt = performance.now()
  return new Promise((resolve) => {
    let counted = false
    const count = (how: () => void): void => {
      if (counted) return
      counted = true
      clearTimeout(timer)
      how()
      resolve()
    }
    const fail = (kind: FailureKind, detail: string, more: { readonly status?: number; readonly from?: Answerer } = {}): void =>
      count(() => tally.failed({ at: Date.now(), stream: stream.name, kind, detail, ...more }))
    const request = http.get(stream.url, { agent, headers: stream.headers ?? {} })
    let awaited = 'a connection'
    request.once('socket', (socket) => {
      awaited = socket.connecting ? 'the address' : 'the answer'
      if (!socket.connecting) return
      socket.once('lookup', () => (awaited = 'a connection'))
      socket.once('connect', () => (awaited = 'the answer'))
    })
    const giveUp = (): void => {
      fail('timeout', `no complete answer in ${stream.timeoutMs ?? 10_000} ms, still waiting for ${awaited}`)
      request.destroy()
    }
    // A client that was not given the processor first looks whether the answer has come meanwhile.
    let timer = setTimeout(() => (timer = setTimeout(giveUp, graceMs)), stream.timeoutMs ?? 10_000)
    let response: http.IncomingMessage | undefined
    request.on('response', (incoming) => {
      response = incoming
      const status = incoming.statusCode ?? 0
      const chunks: Buffer[] = []
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
      incoming.on('error', (error) => fail('truncated', error.message, { status }))
      incoming.on('end', () => {
        const body = Buffer.concat(chunks).toString()
        const from = answererOf(body)
        if (status < 200 || status > 299) return fail('status', body.slice(0, 80), { status, ...(from ? { from } : {}) })
        return count(() => tally.answered(stream.name, from ?? { version: '?', workload: '?' }, performance.now() - beganAt))
      })
    })
    request.on('error', (error: NodeJS.ErrnoException) => {
      if (response || counted) return
      // The server closed a kept-alive connection while the request was on its way. Any client repeats a GET then (RFC 9110 §9.2.2).
      if (request.reusedSocket && kindOf(error) === 'reset') {
        counted = true
        clearTimeout(timer)
        tally.retried(stream.name)
        resolve(exchange(stream, false, tally))
        return
      }
      fail(kindOf(error), `${error.code ?? ''} ${error.message}`.trim())
    })
    request.on('close', () => {
      if (!counted) fail('truncated', 'the connection ended before the answer did')
    })
  })
}

function kindOf(error: NodeJS.ErrnoException): FailureKind {
  switch (error.code) {
    case 'ECONNRESET':
    case 'EPIPE':
      return 'reset'
    case 'ECONNREFUSED':
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
      return 'refused'
    case 'ETIMEDOUT':
      return 'timeout'
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return 'dns'
    default:
      return 'other'
  }
}

/** What podinfo says of itself; undefined for any other body. */
function answererOf(body: string): Answerer | undefined {
  try {
    const value = JSON.parse(body) as { readonly message?: unknown; readonly hostname?: unknown }
    if (typeof value.message !== 'string' || typeof value.hostname !== 'string') return undefined
    return { version: value.message, workload: workloadOf(value.hostname) }
  } catch {
    return undefined
  }
}

function main(): void {
  const streams = JSON.parse(process.env['LOAD_STREAMS'] ?? '[]') as readonly Stream[]
  if (streams.length === 0) throw new Error('LOAD_STREAMS is empty: give a JSON list of {"name", "url", "rate"}')
  const load = startLoad(streams, (line) => process.stdout.write(`${JSON.stringify(line)}\n`))
  const server = http.createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(load.lines()))
  })
  server.listen(Number(process.env['LOAD_PORT'] ?? 8080))
  process.on('SIGTERM', () => {
    server.close()
    void load.stop().then(() => process.exit(0))
  })
}

if (import.meta.main) main()
