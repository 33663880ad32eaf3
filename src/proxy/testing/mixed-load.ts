/**
 * Clients that keep a book of what they saw, and apps that fail in every way: the counts of a sidecar must be those of the book. The
 * book is made from answers alone, so that a machine under load, where something else comes out than was asked for, changes nothing.
 */
import { connect, type Socket } from 'node:net'
import type { Outcome, Reason, Track } from '../../api/protocol.ts'
import type { Peer } from './peer.ts'
import { get } from './raw-client.ts'
import { answering, respond } from './raw-server.ts'
import { until } from './until.ts'

/** Requests by `track reason outcome`; further `aborted`, and `refused 400` and its like. */
export class Book {
  readonly counts: Record<string, number> = {}

  add(entry: string): void {
    this.counts[entry] = (this.counts[entry] ?? 0) + 1
  }
}

/** What `MixedClient` does, and how often, of a thousand. */
const habits = { status: 900, reset: 15, cut: 15, nonsense: 15, silent: 2, abort: 15, abortLate: 15, noHost: 12, badBody: 11 } as const
type Habit = keyof typeof habits
const habitOf = Object.entries(habits).flatMap(([habit, share]) => Array.from({ length: share }, () => habit as Habit))
const statuses = ['200 OK', '200 OK', '200 OK', '204 No Content', '301 Moved Permanently', '404 Not Found', '500 Internal Server Error', '503 Service Unavailable']
/** What x-kinglet-error says, as the sidecar counts it. */
const outcomeOfError: Readonly<Record<string, Outcome>> = { reset: 'reset', timeout: 'timeout', refused: 'refused', 'bad-response': '5xx' }

/** The app of a track. `onHeard` gets the number of each request that it has got and that its client will give up. */
export const mixedApp = (onHeard: (number: string) => void): ((connection: Peer) => void) =>
  answering((head, connection) => {
    const [, habit, number = '', status = ''] = /^\S+ \/(\w+)\/(\d+)\/(\S*)/.exec(head) ?? []
    // Nobody looks at what came before.
    if (habit === 'abort') queueMicrotask(() => onHeard(number))
    switch (habit) {
      case 'status':
        return respond(status.startsWith('204') ? '' : number, decodeURIComponent(status))
      case 'reset':
        connection.socket.resetAndDestroy()
        return undefined
      case 'cut':
        connection.socket.end(`HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc`)
        return undefined
      case 'nonsense':
        return 'what?\r\n\r\n'
      case 'abortLate':
        return 'HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nbegun'
      default:
        return undefined
    }
  })

/** One client on one connection at a time. */
export class MixedClient {
  private socket: Socket | undefined
  private received = ''
  private wake: () => void = () => undefined
  private readonly ports: { readonly route: number; readonly direct: number }
  private readonly book: Book
  private readonly hasHeard: (number: string) => boolean

  constructor(ports: { readonly route: number; readonly direct: number }, book: Book, hasHeard: (number: string) => boolean) {
    this.ports = ports
    this.book = book
    this.hasHeard = hasHeard
  }

  /** `count` requests, the numbers from `from` on. Every request to the route port asks for the canary, or none does (`series`). */
  async play(from: number, count: number, series: { readonly port: 'route' | 'direct'; readonly track: Track; readonly reason: Reason }): Promise<void> {
    for (let number = from; number < from + count; number += 1) {
      // Neighbours do different things: 7919 and 1000 have no common factor.
      const habit = habitOf[(number * 7919) % 1000] ?? 'status'
      await this.once(habit, String(number), series)
    }
    this.socket?.destroy()
    this.socket = undefined
  }

  private async once(habit: Habit, number: string, { port, track, reason }: { readonly port: 'route' | 'direct'; readonly track: Track; readonly reason: Reason }): Promise<void> {
    const socket = this.socket ?? (await this.open(this.ports[port]))
    const status = encodeURIComponent(statuses[Number(number) % statuses.length] ?? '')
    const path = `/${habit}/${number}/${status}`
    const lines = track === 'canary' && port === 'route' ? ['x-to: canary'] : []
    if (habit === 'noHost') socket.write(`GET ${path} HTTP/1.1\r\n\r\n`)
    else if (habit === 'badBody') socket.write(`${get(path, ...lines, 'Transfer-Encoding: chunked')}3\r\nabc\r\nnonsense\r\n`)
    else if (habit === 'reset') socket.write(get(path, ...lines).replace('GET', 'POST'))
    else socket.write(get(path, ...lines))
    if (habit === 'abort') await until(`request ${number} at the app`, () => this.hasHeard(number) || this.received !== '' || this.socket === undefined)
    else await this.until(() => habit === 'abortLate' ? this.received.includes('\r\n\r\nbegun') : isWhole(this.received))
    this.note(`${track} ${reason}`, habit)
  }

  /** Books what has been seen, and leaves a connection on which more can be asked, or none. */
  private note(series: string, habit: Habit): void {
    const { received, socket } = this
    this.received = ''
    const [, status = ''] = /^HTTP\/1\.1 (\d+)/.exec(received) ?? []
    const [, error] = /^x-kinglet-error: (\S+)/m.exec(received) ?? []
    const isAbort = socket !== undefined && (habit === 'abort' ? received === '' : habit === 'abortLate' && error === undefined)
    if (isAbort) this.book.add('aborted')
    else if (error === 'bad-request' || error === 'bad-body') this.book.add(`refused ${status}`)
    else if (!isWhole(received)) this.book.add(`${series} reset`)
    else this.book.add(`${series} ${error === undefined ? `${status[0]}xx` : (outcomeOfError[error] ?? error)}`)
    if (!isAbort && !/^connection: close/im.test(received)) return
    socket?.destroy()
    this.socket = undefined
  }

  private async open(port: number): Promise<Socket> {
    const socket = connect({ host: '127.0.0.1', port, noDelay: true })
    this.socket = socket
    socket.setEncoding('latin1').on('data', (text: string) => {
      if (this.socket === socket) this.received += text
      this.wake()
    })
    socket.on('error', () => undefined)
    socket.on('close', () => {
      if (this.socket === socket) this.socket = undefined
      this.wake()
    })
    await new Promise((resolve) => void socket.once('connect', resolve).once('close', resolve))
    return socket
  }

  /** Waits until the condition holds, or the connection is gone. */
  private async until(condition: () => boolean): Promise<void> {
    while (this.socket !== undefined && !condition()) await new Promise<void>((resolve) => (this.wake = resolve))
  }
}

function isWhole(text: string): boolean {
  const end = text.indexOf('\r\n\r\n')
  if (end < 0) return false
  return text.length >= end + 4 + Number(/^content-length: (\d+)/im.exec(text.slice(0, end))?.[1] ?? 0)
}
