/**
 * The client. Closed loop: a connection asks again as soon as it is answered, which finds the most a proxy can do. Open loop: requests
 * are due at exponential intervals, whatever became of those before, and a latency counts from that moment, so that a proxy which
 * stalls is charged with every request it kept waiting (no coordinated omission). The loop never sleeps meanwhile: timers of 1 ms
 * would send in bursts.
 */
import type { Workload } from '../workloads.ts'
import { CallConnections } from './calls.ts'
import { Connection, type Lane } from './connection.ts'
import { Latencies } from './latencies.ts'
import type { Answer, Order } from './messages.ts'
import { startScraping } from './scraper.ts'

/** After the end what is still in flight may come in for this long, milliseconds. */
const graceMs = 2000

export async function runLoad(order: Order): Promise<Answer> {
  const load = new Load(order.port, order.workload)
  await load.greet()
  const startedAt = performance.now()
  const endsAt = startedAt + order.seconds * 1000
  const scraper = order.kind === 'open' && order.scrape ? startScraping(order.scrape) : undefined
  if (order.kind === 'closed') load.fill(endsAt)
  else await load.arrive(order.rate, endsAt)
  scraper?.stop()
  await load.waitFor(() => performance.now() >= endsAt)
  const requests = load.latencies.count
  const seconds = (performance.now() - startedAt) / 1000
  load.isOver = true
  await load.waitFor(() => load.isQuiet || performance.now() > endsAt + graceMs)
  load.close()
  return { requests, errors: load.errors, seconds, ...load.latencies.quantiles(), ...(scraper ? { slowest: load.latencies.slowest(), scrapes: scraper.times } : {}) }
}

class Load {
  latencies = new Latencies()
  errors = 0
  isOver = false
  private readonly port: number
  private readonly workload: Workload
  private readonly request: string
  private readonly calls: CallConnections | undefined
  private readonly open = new Set<Lane>()
  /** In the order in which they became free: the one that waited longest is next, so that all of them are used. */
  private idle: Lane[] = []
  private idleFrom = 0
  /** Moments at which requests were due that no connection was free for. */
  private due: number[] = []
  private dueFrom = 0
  private inFlight = 0
  private refillUntil = 0

  constructor(port: number, workload: Workload) {
    this.port = port
    this.workload = workload
    this.request = printRequest(workload)
    const { streamsPerConnection } = workload
    if (streamsPerConnection !== undefined) this.calls = new CallConnections(port, workload, this.onAnswer)
    if (!workload.connectsAnew) for (let index = 0; index < workload.connections * (streamsPerConnection ?? 1); index += 1) this.idle.push(this.connect())
  }

  get isQuiet(): boolean {
    return this.inFlight === 0 && this.dueFrom === this.due.length
  }

  /** One request over each connection that stays: who measures a thousand of them does not mean their beginning. */
  async greet(): Promise<void> {
    if (this.workload.connectsAnew) return
    for (let count = this.idle.length; count > 0; count -= 1) this.begin(performance.now())
    const startedAt = performance.now()
    await this.waitFor(() => this.inFlight === 0 || performance.now() > startedAt + graceMs)
    this.latencies = new Latencies()
  }

  /** Keeps the workload's number of requests in flight until `endsAt`. */
  fill(endsAt: number): void {
    this.refillUntil = endsAt
    for (let index = 0; index < this.workload.inFlight; index += 1) this.begin(performance.now())
  }

  /** Lets requests arrive at `rate` a second until `endsAt`. */
  async arrive(rate: number, endsAt: number): Promise<void> {
    const random = seeded(rate)
    const meanMs = 1000 / rate
    let next = performance.now()
    await this.waitFor(() => {
      const now = performance.now()
      while (next <= now && next < endsAt) {
        this.begin(next)
        next += -Math.log(1 - random()) * meanMs
      }
      return next >= endsAt
    })
  }

  /** Turns the event loop until `isTrue`. */
  async waitFor(isTrue: () => boolean): Promise<void> {
    await new Promise<void>((resolve) => {
      const turn = (): void => void (isTrue() ? resolve() : setImmediate(turn))
      turn()
    })
  }

  close(): void {
    for (const connection of this.open) connection.destroy()
    this.calls?.close()
  }

  private begin(dueAt: number): void {
    const connection = this.workload.connectsAnew && this.inFlight < 1000 ? this.connect() : this.takeIdle()
    if (connection === undefined) {
      this.due.push(dueAt)
      return
    }
    this.inFlight += 1
    connection.send(this.request, dueAt)
  }

  private takeIdle(): Lane | undefined {
    const connection = this.idle[this.idleFrom]
    if (connection === undefined) return undefined
    this.idleFrom += 1
    if (this.idleFrom === 4096) {
      this.idle = this.idle.slice(4096)
      this.idleFrom = 0
    }
    return connection
  }

  private takeDue(): number | undefined {
    const dueAt = this.due[this.dueFrom]
    if (dueAt === undefined) return undefined
    this.dueFrom += 1
    if (this.dueFrom === 4096) {
      this.due = this.due.slice(4096)
      this.dueFrom = 0
    }
    return dueAt
  }

  private connect(): Lane {
    const connection = this.calls?.lane() ?? new Connection(this.port, this.workload, this.onAnswer)
    this.open.add(connection)
    return connection
  }

  private readonly onAnswer = (connection: Lane, isExpected: boolean): void => {
    const now = performance.now()
    this.inFlight -= 1
    if (isExpected) this.latencies.add((now - connection.dueAt) * 1000, connection.dueAt)
    else this.errors += 1
    if (this.workload.connectsAnew || !isExpected) {
      this.open.delete(connection)
      connection.destroy()
    }
    if (!this.workload.connectsAnew) this.idle.push(isExpected ? connection : this.connect())
    const dueAt = this.takeDue()
    if (dueAt !== undefined) this.begin(dueAt)
    else if (now < this.refillUntil && this.errors < 1000) this.begin(now)
  }
}

function printRequest({ method, path, sends, requestBytes, connectsAnew }: Workload): string {
  const body = 'y'.repeat(requestBytes)
  const framing = sends === 'length' ? `Content-Length: ${requestBytes}\r\n` : sends === 'chunked' ? 'Transfer-Encoding: chunked\r\n' : ''
  return (
    // What a browser or a client library sends, and a cookie that the rules must look past.
    `${method} ${path} HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: kinglet-bench/1\r\nAccept: */*\r\nAccept-Encoding: gzip\r\nCookie: session=0123456789abcdef\r\n` +
    `${connectsAnew ? 'Connection: close\r\n' : ''}${framing}\r\n` +
    (sends === 'chunked' ? `${requestBytes.toString(16)}\r\n${body}\r\n0\r\n\r\n` : body)
  )
}

/** Numbers in [0, 1), the same for the same seed: every proxy gets the same arrivals (Mulberry32). */
function seeded(seed: number): () => number {
  let state = Math.floor(seed)
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
