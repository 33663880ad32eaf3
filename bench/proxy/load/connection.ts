/**
 * One connection of the client: sends the workload's request, sees the end of its answer. One buffer serves all connections, since a
 * callback has done with it before the next read begins.
 */
import { connect, type Socket } from 'node:net'
import type { Workload } from '../workloads.ts'

const buffer = Buffer.allocUnsafe(256 * 1024)
const endOfHead = Buffer.from('\r\n\r\n')

/** A place for one request at a time. */
export interface Lane {
  /** When the request in flight was due, performance.now's clock. */
  dueAt: number
  send(request: string, dueAt: number): void
  destroy(): void
}

export class Connection implements Lane {
  dueAt = 0
  isBusy = false
  private readonly socket: Socket
  private readonly workload: Workload
  private readonly onAnswer: (connection: Connection, isExpected: boolean) => void
  private head: Buffer | undefined
  private isInBody = false
  private received = 0
  private tail = ''
  private isExpected = false

  constructor(port: number, workload: Workload, onAnswer: (connection: Connection, isExpected: boolean) => void) {
    this.workload = workload
    this.onAnswer = onAnswer
    const callback = (size: number): boolean => {
      this.take(buffer.subarray(0, size))
      return true
    }
    this.socket = connect({ host: '127.0.0.1', port, noDelay: true, onread: { buffer, callback } })
    this.socket.on('error', () => undefined)
    this.socket.on('close', () => this.lost())
  }

  send(request: string, dueAt: number): void {
    this.dueAt = dueAt
    this.isBusy = true
    this.isInBody = false
    this.received = 0
    this.socket.write(request, 'latin1')
  }

  destroy(): void {
    this.socket.removeAllListeners('close')
    this.socket.destroy()
  }

  private take(bytes: Buffer): void {
    let from = 0
    let seen = bytes
    if (!this.isInBody) {
      if (this.head !== undefined) seen = Buffer.concat([this.head, bytes])
      const end = seen.indexOf(endOfHead)
      if (end < 0) {
        this.head = Buffer.from(seen)
        return
      }
      this.head = undefined
      this.isInBody = true
      // `HTTP/1.1 2`
      this.isExpected = seen[9] === 50
      from = end + endOfHead.length
    }
    this.received += seen.length - from
    if (this.workload.answers === 'chunked') {
      this.tail = (this.tail + seen.toString('latin1', Math.max(from, seen.length - 5))).slice(-5)
      if (this.tail === '0\r\n\r\n') this.done()
    } else if (this.received >= this.workload.responseBytes || !this.isExpected) this.done()
  }

  private done(): void {
    this.isBusy = false
    this.tail = ''
    this.onAnswer(this, this.isExpected)
  }

  private lost(): void {
    if (!this.isBusy) return
    this.isBusy = false
    this.onAnswer(this, false)
  }
}
