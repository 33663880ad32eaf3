/**
 * The stream to the controller (api/protocol.ts). Answers: tables come down, reports go up, and after a break everything of the
 * last minutes goes up again. Must not: stand in a request's way; a controller that is gone, slow or wrong changes nothing but
 * the table, and that only by a valid one.
 *
 *   closed ──connect──▶ opening ──first line──▶ open ──error, silence, end──▶ closed (and again after a pause)
 */
import { readFileSync } from 'node:fs'
import { parseDownMessage, printMessage } from '../api/codec.ts'
import type { Hello } from '../api/protocol.ts'
import { describeError } from '../base/errors.ts'
import type { Logger } from '../runtime/log.ts'
import { ControllerConnection } from './controller-connection.ts'
import type { LiveRoutes } from './live-routes.ts'
import type { Reporter } from './reporter.ts'
import type { TableSource } from './table-source.ts'

export interface ControllerStreamOptions {
  /** `host:port`, an IPv6 address in brackets. The host is resolved anew for each connection: the leader moves. */
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
/** Name, connection, TLS and the controller's look at the token may take so long. */
const openWithinMs = 5000
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
  private connection: ControllerConnection | undefined
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
    this.open()
  }

  /** Sends what is queued, says goodbye, and is done after `timeoutMs` at the latest. */
  async stop(timeoutMs: number): Promise<void> {
    this.isStopped = true
    clearTimeout(this.retry)
    const { connection } = this
    if (this.isOpen) await connection?.end(timeoutMs)
    connection?.destroy()
  }

  /** Sends lines of reports, where there is a connection; elsewhere the next one repeats them. */
  send(reports: readonly string[]): void {
    const { connection } = this
    if (!connection) return
    for (const report of reports) connection.send(report)
    if (connection.unsentBytes > maxUnsentBytes) this.close('the controller does not read')
  }

  /** Called once a tick: a connection on which nothing comes is no connection. */
  checkSilence(tickMs: number): void {
    const { connection } = this
    const silentMs = performance.now() - this.heardAt
    const limitMs = Math.max(this.options.leastSilenceMs, silentTicks * tickMs, connection?.isUpgraded === true ? 0 : openWithinMs)
    if (connection && silentMs > limitMs) this.close('the controller is silent')
  }

  private open(): void {
    let token: string
    try {
      // A volume in memory: nothing is waited for.
      token = readFileSync(this.options.tokenFile, 'utf8').trim()
    } catch (error) {
      this.pauseAndRetry(`the token cannot be read: ${describeError(error)}`)
      return
    }
    this.heardAt = performance.now()
    try {
      this.connection = this.connect(token)
    } catch (error) {
      // What is no certificate: Bun says so here, Node when it is shown the controller's.
      this.pauseAndRetry(`its address or its authority cannot be used: ${describeError(error)}`)
    }
  }

  private connect(token: string): ControllerConnection {
    const { controller, ca, hello } = this.options
    const connection = new ControllerConnection(
      { controller, ca, token },
      {
        onOpen: () => {
          this.heardAt = performance.now()
          connection.send(printMessage(hello))
          this.send(this.reporter.replay(performance.now()))
        },
        onLine: (line) => this.onLine(line),
        onFault: (reason) => this.tables.refuse(reason, 'controller'),
        onLost: (reason) => this.lost(reason),
      },
    )
    return connection
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
    this.connection?.send(printMessage({ type: 'ack', generation: table.generation }))
  }

  private close(reason: string): void {
    this.connection?.destroy()
    this.lost(reason)
  }

  private lost(reason: string): void {
    this.connection = undefined
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
    this.retry = setTimeout(() => this.open(), pauseMs)
    this.retry.unref()
  }
}
