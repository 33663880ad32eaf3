/**
 * Unary calls of gRPC over HTTP/2 with prior knowledge: the client's side, and the app behind the proxies. With the sidecar's own HTTP/2,
 * since node:http2 would need more of the load's core than a proxy of its own.
 */
import { connect, type Socket } from 'node:net'
import type { DecodedBlock } from '../../../src/proxy/h2/hpack/decoder.ts'
import { field } from '../../../src/proxy/h2/hpack/field.ts'
import { Session } from '../../../src/proxy/h2/session.ts'
import type { SessionUser } from '../../../src/proxy/h2/session-user.ts'
import type { Stream, StreamUser } from '../../../src/proxy/h2/stream.ts'
import { errorCode } from '../../../src/proxy/h2/wire.ts'
import { workloads, type Workload } from '../workloads.ts'
import type { Lane } from './connection.ts'

const settings = { maxStreams: 10_000, maxListBytes: 16_384, maxHeldBytes: Number.POSITIVE_INFINITY }
const none: SessionUser = { onStream: () => undefined, onIdleStreams: () => undefined, onGoAway: () => undefined, onClosed: () => undefined }

/** gRPC's five bytes in front: not compressed, and the length. */
function message(bytes: number): Buffer {
  const framed = Buffer.alloc(5 + bytes, 'x')
  framed.writeUInt8(0, 0)
  framed.writeUInt32BE(bytes, 1)
  return framed
}

// === The client ===

const callHead = (path: string) => [
  field(':method', 'POST'),
  field(':scheme', 'http'),
  field(':path', path),
  field(':authority', 'shop.example'),
  field('content-type', 'application/grpc'),
  field('te', 'trailers'),
  field('user-agent', 'kinglet-bench/1'),
  field('grpc-accept-encoding', 'gzip'),
]

type OnAnswer = (lane: Lane, isExpected: boolean) => void

/** Connections that share calls evenly. */
export class CallConnections {
  private readonly sessions: Session[] = []
  private readonly connections: number
  private readonly port: number
  private readonly head: ReturnType<typeof callHead>
  private readonly body: Buffer
  private readonly onAnswer: OnAnswer
  private lanes = 0

  constructor(port: number, workload: Workload, onAnswer: OnAnswer) {
    this.head = callHead(workload.path)
    this.body = message(workload.requestBytes)
    this.onAnswer = onAnswer
    this.connections = workload.connections
    this.port = port
    for (let index = 0; index < this.connections; index += 1) this.session(index)
  }

  /** A place for one call at a time. */
  lane(): Lane {
    const index = this.lanes % this.connections
    this.lanes += 1
    return new CallLane(() => this.session(index), this.head, this.body, this.onAnswer)
  }

  close(): void {
    for (const session of this.sessions) session.destroy()
  }

  /** One that was lost, or asked to leave, is replaced. */
  private session(index: number): Session {
    const there = this.sessions[index]
    if (there?.hasRoom) return there
    const session = new Session(connect({ host: '127.0.0.1', port: this.port, noDelay: true }), false, settings, none)
    this.sessions[index] = session
    return session
  }
}

class CallLane implements Lane, StreamUser {
  dueAt = 0
  private readonly session: () => Session
  private readonly head: ReturnType<typeof callHead>
  private readonly body: Buffer
  private readonly onAnswer: OnAnswer
  private stream: Stream | undefined

  constructor(session: () => Session, head: ReturnType<typeof callHead>, body: Buffer, onAnswer: OnAnswer) {
    this.session = session
    this.head = head
    this.body = body
    this.onAnswer = onAnswer
  }

  send(_request: string, dueAt: number): void {
    this.dueAt = dueAt
    const stream = this.session().open()
    this.stream = stream
    stream.user = this
    stream.sendHeaders(this.head, false)
    stream.sendData(this.body, true)
  }

  destroy(): void {
    this.stream?.reset(errorCode.cancel)
  }

  onHeaders({ fields }: DecodedBlock, hasEnded: boolean): void {
    if (hasEnded) this.end(fields.some(({ name, value }) => name === 'grpc-status' && value === '0'))
  }

  onData(bytes: Buffer, hasEnded: boolean): void {
    this.stream?.consume(bytes.length)
    if (hasEnded) this.end(false)
  }

  onSent(): void {}

  onReset(): void {
    this.end(false)
  }

  private end(isExpected: boolean): void {
    this.stream = undefined
    this.onAnswer(this, isExpected)
  }
}

// === The app ===

const responseHead = [field(':status', '200'), field('content-type', 'application/grpc')]
const responseTrailers = [field('grpc-status', '0'), field('grpc-message', '')]
const responseBody = message(workloads.find(({ name }) => name === 'grpc')?.responseBytes ?? 0)

/** Whether these first bytes of a connection are HTTP/2's: no method begins so (RFC 9113 §3.4). */
export const isHttp2 = (bytes: Buffer): boolean => bytes.toString('latin1', 0, 3) === 'PRI'

/** Answers every call with one message. */
export function serveCalls(socket: Socket, first: Buffer): void {
  const onStream = (stream: Stream, _block: DecodedBlock, hasEnded: boolean): void => {
    stream.user = {
      onHeaders: (_trailers, ended) => ended && answer(stream),
      onData: (bytes, ended) => {
        stream.consume(bytes.length)
        if (ended) answer(stream)
      },
      onSent: () => undefined,
      onReset: () => undefined,
    }
    if (hasEnded) answer(stream)
  }
  new Session(socket, true, settings, { ...none, onStream }).onData(first)
}

function answer(stream: Stream): void {
  stream.sendHeaders(responseHead, false)
  stream.sendData(responseBody, false)
  stream.sendHeaders(responseTrailers, true)
}
