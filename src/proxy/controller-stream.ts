/**
 * The stream to the controller (api/protocol.ts). Answers: tables come down, reports go up, and after a break everything of the
 * last minutes goes up again. Must not: stand in a request's way; a controller that is gone, slow or wrong changes nothing but
 * the table, and that only by a valid one.
 *
 *   closed ──connect──▶ opening ──first line──▶ open ──error, silence, end──▶ closed (and again after a pause)
 */
import { readFile } from 'node:fs/promises'
import { connect, type ClientHttp2Session, type ClientHttp2Stream } from 'node:http2'
import { LineSplitter, parseDownMessage, printMessage } from '../api/codec.ts'
import { streamPath, type Hello, type Report } from '../api/protocol.ts'
import { describeError } from '../base/errors.ts'
import type { Logger } from '../runtime/log.ts'
import type { LiveRoutes } from './live-routes.ts'
import type { Reporter } from './reporter.ts'
import type { TableSource } from './table-source.ts'

export interface ControllerStreamOptions {
  /** `host:port`. The host is resolved anew for each connection: the leader moves. */
  readonly controller: string
  /** Certificate of the authority that signed the controller's certificate, PEM. */
  readonly ca: string
  /** File with the pod's service-account token, read anew for each connection: the kubelet renews it. */
  readonly tokenFile: string
  readonly hello: Hello
  /** Without a line for this long, and for three ticks, the connection is taken for dead. Milliseconds. */
  readonly leastSilenceMs: number
}

const firstPauseMs = 200
const longestPauseMs = 5000
const silentTicks = 3
/** A controller that does not read is no controller: what it misses is repeated on the next connection. Bytes. */
const maxUnsentBytes = 4 * 1_048_576

export class ControllerStream {
  /** A line of the controller has come over the present connection. */
  isOpen = false
  private readonly options: ControllerStreamOptions
  private readonly tables: TableSource
  private readonly live: LiveRoutes
  private readonly reporter: Reporter
  private readonly log: Logger
  private session: ClientHttp2Session | undefined
  private stream: ClientHttp2Stream | undefined
  private heardAt = 0
  private failures = 0
  private retry: NodeJS.Timeout | undefined
  private isStopped = false

  constructor(options: ControllerStreamOptions, parts: { readonly tables: TableSource; readonly live: LiveRoutes; readonly reporter: Reporter; readonly log: Logger }) {
    this.options = options
    this.tables = parts.tables
    this.live = parts.live
    this.reporter = parts.reporter
    this.log = parts.log
  }

  start(): void {
    void this.open()
  }

  /** Sends what is queued, says goodbye, and is done after `timeoutMs` at the latest. */
  async stop(timeoutMs: number): Promise<void> {
    this.isStopped = true
    clearTimeout(this.retry)
    const { session, stream } = this
    if (!session || !stream || !this.isOpen) {
      session?.destroy()
      return
    }
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, timeoutMs)
      stream.end(() => {
        clearTimeout(timer)
        resolve()
      })
    })
    session.destroy()
  }

  /** Sends reports, where there is a connection; elsewhere the next one repeats them. */
  send(reports: readonly Report[]): void {
    const { stream } = this
    if (!stream || stream.destroyed || stream.writableEnded) return
    for (const report of reports) stream.write(printMessage(report))
    if (stream.writableLength > maxUnsentBytes) this.close('the controller does not read')
  }

  /** Called once a tick: a connection on which nothing comes is no connection. */
  checkSilence(tickMs: number): void {
    const silentMs = performance.now() - this.heardAt
    if (this.session && silentMs > Math.max(this.options.leastSilenceMs, silentTicks * tickMs)) this.close('the controller is silent')
  }

  private async open(): Promise<void> {
    let token: string
    try {
      token = (await readFile(this.options.tokenFile, 'utf8')).trim()
    } catch (error) {
      this.pauseAndRetry(`the token cannot be read: ${describeError(error)}`)
      return
    }
    if (this.isStopped) return
    this.heardAt = performance.now()
    const session = connect(`https://${this.options.controller}`, { ca: this.options.ca, minVersion: 'TLSv1.3' })
    this.session = session
    session.on('error', (error) => this.lost(session, describeError(error)))
    session.on('goaway', () => this.lost(session, 'the controller goes away'))
    session.on('close', () => this.lost(session, 'the connection was closed'))
    const stream = session.request({ ':method': 'POST', ':path': streamPath, authorization: `Bearer ${token}`, 'content-type': 'application/x-ndjson' })
    this.stream = stream
    const lines = new LineSplitter()
    stream.on('response', ({ ':status': status }) => {
      if (status !== 200) this.lost(session, `the controller answered ${status}`)
    })
    stream.on('data', (chunk: Buffer) => this.onChunk(session, lines, chunk))
    stream.on('end', () => this.lost(session, 'the controller ended the stream'))
    stream.on('error', (error) => this.lost(session, describeError(error)))
    stream.write(printMessage(this.options.hello))
    this.send(this.reporter.replay(performance.now()))
  }

  private onChunk(session: ClientHttp2Session, lines: LineSplitter, chunk: Buffer): void {
    const split = lines.push(chunk)
    if (!split.ok) {
      this.tables.refuse(split.error, 'controller')
      this.lost(session, split.error)
      return
    }
    for (const line of split.value) if (session === this.session) this.onLine(line)
  }

  private onLine(line: string): void {
    this.heardAt = performance.now()
    this.live.heard()
    if (!this.isOpen) {
      this.isOpen = true
      this.failures = 0
      this.log.info('controller connected', { controller: this.options.controller })
    }
    const message = parseDownMessage(line)
    if (!message.ok) {
      this.tables.refuse(message.error, 'controller')
      return
    }
    if (message.value.type === 'ping') return
    const { table } = message.value
    const reports = this.tables.accept(table, 'controller')
    if (reports === undefined) return
    this.send(reports)
    this.stream?.write(printMessage({ type: 'ack', generation: table.generation }))
  }

  private close(reason: string): void {
    if (this.session) this.lost(this.session, reason)
  }

  private lost(session: ClientHttp2Session, reason: string): void {
    if (session !== this.session) return
    this.session = undefined
    this.stream = undefined
    session.destroy()
    this.pauseAndRetry(reason)
  }

  /** One line for each break, not for each attempt to mend it. */
  private pauseAndRetry(reason: string): void {
    if (this.isOpen || this.failures === 0) this.log.warn('controller not connected, trying again', { controller: this.options.controller, reason })
    this.isOpen = false
    if (this.isStopped) return
    // Full jitter in the upper half: a thousand sidecars must not come back in one instant.
    const pauseMs = Math.min(longestPauseMs, firstPauseMs * 2 ** Math.min(this.failures, 10)) * (0.5 + Math.random() / 2)
    this.failures += 1
    this.retry = setTimeout(() => void this.open(), pauseMs)
    this.retry.unref()
  }
}
