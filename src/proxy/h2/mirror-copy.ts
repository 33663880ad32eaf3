/**
 * The copy of a request in HTTP/2, for the canary: as mirror-copy.ts, on a stream. Answers: once the request is whole its copy is sent, the
 * answer is read and thrown away. Must not: be waited for, be sent in part, or be tried again. Of gRPC's calls those are copied whose
 * request ends before the answer begins: unary, and what the server streams.
 */
import { describeError } from '../../base/errors.ts'
import type { Engine } from '../engine.ts'
import { hopHeader } from '../http/hop-by-hop.ts'
import { shadowHost } from '../http/shadow-head.ts'
import type { MirrorCharge } from '../mirror-charge.ts'
import { isOurShortage } from '../outcomes.ts'
import { TimeLimit } from '../time-limit.ts'
import { equivalentStatus } from './grpc.ts'
import type { DecodedBlock } from './hpack/decoder.ts'
import { field, type Field } from './hpack/field.ts'
import { readResponse, type Http2Response } from './response.ts'
import type { Session } from './session.ts'
import type { Loss, Stream, StreamUser } from './stream.ts'
import { addPiece } from './pieces.ts'
import { grpcStatusIn } from './trailers.ts'
import { sessionsOf, type SessionTaker } from './upstream-sessions.ts'
import { errorCode } from './wire.ts'

const hopField = field(hopHeader, '1')

export interface CopiedRequest {
  readonly forward: readonly Field[]
  readonly isGrpc: boolean
  /** Of its caller and of the service's policy, whichever is less. */
  readonly timeoutMs: number
}

export class Http2MirrorCopy implements SessionTaker, StreamUser {
  private readonly engine: Engine
  private readonly charge: MirrorCharge
  private readonly request: CopiedRequest
  private readonly timeLimit: TimeLimit
  private body: Buffer[] = []
  private bodyBytes = 0
  private trailers: readonly Field[] | undefined
  private isOver = false
  private upstream: Stream | undefined
  private response: Http2Response | undefined

  constructor(engine: Engine, charge: MirrorCharge, request: CopiedRequest) {
    this.engine = engine
    this.charge = charge
    this.request = request
    this.timeLimit = new TimeLimit(engine.deadlines, Math.min(request.timeoutMs, engine.limits.mirrorTimeoutMs), () => this.onTimeLimit())
  }

  /** More of the body. */
  take(bytes: Buffer): void {
    if (this.isOver) return
    this.bodyBytes += bytes.length
    if (this.bodyBytes > this.engine.limits.maxMirrorBytes) this.drop('body')
    else addPiece(this.body, bytes)
  }

  /** The request is whole. */
  send(trailers: readonly Field[] | undefined): void {
    if (this.isOver) return
    this.trailers = trailers
    const { pool } = this.charge.place
    this.charge.sent()
    pool.active += 1
    this.timeLimit.start()
    sessionsOf(pool).take(this, false)
  }

  /** Its request came to nothing, or (`body`) cannot be copied. */
  drop(cause?: 'body'): void {
    if (this.isOver) return
    this.isOver = true
    this.body = []
    this.charge.dropped(cause)
  }

  onSession(session: Session): void {
    if (this.isOver) return
    const upstream = session.open()
    this.upstream = upstream
    upstream.user = this
    const { body, trailers } = this
    this.body = []
    upstream.sendHeaders([...this.request.forward.map(toShadow), hopField], body.length === 0 && !trailers)
    for (const [index, bytes] of body.entries()) upstream.sendData(bytes, !trailers && index === body.length - 1)
    if (trailers) upstream.sendHeaders(trailers, true)
  }

  onNoSession(error: NodeJS.ErrnoException | undefined): void {
    this.end(() => (isOurShortage(error) ? this.charge.dropped('busy') : this.charge.failed('refused')))
  }

  onHeaders(block: DecodedBlock, hasEnded: boolean): void {
    try {
      this.readBlock(block, hasEnded)
    } catch (error) {
      this.engine.log.error('copy failed by a bug', { error: describeError(error), stack: error instanceof Error ? error.stack : undefined })
      this.end(() => this.charge.dropped())
    }
  }

  private readBlock(block: DecodedBlock, hasEnded: boolean): void {
    if (this.response) return this.complete(grpcStatusIn(block.fields))
    const response = block.isTooLarge ? undefined : readResponse(block.fields)
    if (!response) return this.end(() => this.charge.failed('5xx'))
    if (response.status < 200) return
    this.charge.gotHead()
    if (response.unsent === 'refused') return this.end(() => this.charge.failed('refused'))
    if (response.unsent !== '') return this.end(() => this.charge.dropped())
    this.response = response
    if (hasEnded) this.complete(response.grpcStatus)
  }

  onData(bytes: Buffer, hasEnded: boolean): void {
    this.upstream?.consume(bytes.length)
    if (hasEnded) this.complete(undefined)
  }

  onSent(): void {}

  onReset(_code: number, loss: Loss): void {
    this.end(() => (loss === 'unprocessed' ? this.charge.failed('refused') : this.charge.failed('reset')))
  }

  private complete(status: string | undefined): void {
    const { response } = this
    if (!response) return
    const isGrpc = this.request.isGrpc && (response.isGrpc || response.status !== 200)
    this.end(() => this.charge.completed(isGrpc ? equivalentStatus(response.status, status) : response.status, response.serviceTimeUs))
  }

  /** An answer that has begun and goes on has been judged by then. */
  private onTimeLimit(): void {
    const { response } = this
    this.end(() => (response ? this.charge.completed(response.status, response.serviceTimeUs) : this.charge.failed('timeout')))
  }

  private end(record: () => void): void {
    if (this.isOver) return
    this.isOver = true
    record()
    this.timeLimit.stop()
    const { pool } = this.charge.place
    pool.active -= 1
    const { upstream } = this
    this.upstream = undefined
    if (upstream) upstream.reset(errorCode.cancel)
    else sessionsOf(pool).forget(this)
  }
}

const toShadow = (one: Field): Field => (one.name === ':authority' || one.name === 'host' ? field(one.name, shadowHost(one.value)) : one)
