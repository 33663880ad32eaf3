import type { Deadlines } from '../deadlines.ts'
import type { Stream, StreamUser } from './stream.ts'
import { errorCode } from './wire.ts'

/** A stream whose request was refused and whose answer waits for its client. What still comes of the request is thrown away. */
export class RefusedStream implements StreamUser {
  private readonly stream: Stream
  private readonly deadlines: Deadlines
  private readonly deadline: number

  constructor(stream: Stream, deadlines: Deadlines, patienceMs: number) {
    this.stream = stream
    this.deadlines = deadlines
    this.deadline = deadlines.after(patienceMs)
  }

  onHeaders(): void {}

  onData(bytes: Buffer): void {
    this.stream.consume(bytes.length)
  }

  onSent(): void {}

  onReset(): void {}

  onLook(): void {
    if (this.deadline <= this.deadlines.now) this.stream.reset(this.stream.hasQueued ? errorCode.cancel : errorCode.noError)
  }
}
